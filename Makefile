# make demo and make test set up .venv themselves; make help lists all targets.

PYTHON ?= python3
BIN := .venv/bin
CORES ?= $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Snakemake keeps a cache below the home folder, which need not be writable.
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache

# For every Python and system: some packages need others on one of them alone.
COMPILE := $(BIN)/python -m uv pip compile --universal --python-version 3.11 --no-header --no-annotate --quiet
FIND_LINKS := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))

# .venv/complete says what .venv is for: gpu, or nothing for the CPU. Only GPU=1 and GPU=0 change it.
BUILT_FOR := $(shell cat .venv/complete 2>/dev/null)
SETUP_FOR := $(BUILT_FOR)
ifeq ($(origin GPU),command line)
  $(if $(filter-out 0 1,$(GPU)),$(error GPU is $(GPU); allowed are 1, for NVIDIA GPUs, and 0))
  SETUP_FOR := $(if $(filter 1,$(GPU)),gpu)
endif
ANOTHER_DEVICE := $(filter-out x$(BUILT_FOR),x$(SETUP_FOR))

.PHONY: help setup another-device demo reproduce test test-slow slurm-test check docs bench format lock audit pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/complete ## build .venv from requirements.lock (quick when nothing changed); GPU=1: for NVIDIA GPUs

# If an earlier setup was interrupted or for another device, or its Python is gone, .venv is made anew.
# onnxruntime and onnxruntime-gpu have the same files, so that only one of them can be there.
.venv/complete: requirements.lock requirements.torch.lock requirements.gpu.lock pyproject.toml \
  $(if $(ANOTHER_DEVICE),another-device)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $$($(PYTHON) --version) is too old: Python 3.11 or newer is needed (make setup PYTHON=python3.12)" >&2; exit 1; }
	@test -e $@ -a -z "$(ANOTHER_DEVICE)" && $(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@rm -f $@
ifeq ($(SETUP_FOR),gpu)
	{ sed '/^onnxruntime==/,/[^\]$$/d' requirements.lock; cat requirements.gpu.lock; } > .venv/gpu.lock
	$(PIP) --require-hashes --requirement .venv/gpu.lock
else
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --requirement requirements.torch.lock
endif
	$(PIP) --no-deps --no-build-isolation --editable .
	@echo $(SETUP_FOR) > $@

demo: setup ## run the whole workflow on the built-in demo corpus, and write findings.html
	snakemake --cores $(CORES) all report

# From scratch, and in folders of their own: relative paths in CONFIG are relative to those.
reproduce: setup ## run the workflow twice and compare all results byte by byte (CONFIG=tests/tiny.yaml: in minutes)
	rm -rf reproduced
	snakemake all --cores 1 --directory reproduced/a $(if $(CONFIG),--configfile $(CONFIG))
	snakemake all --cores $(if $(filter 1,$(CORES)),2,$(CORES)) --directory reproduced/b $(if $(CONFIG),--configfile $(CONFIG))
	$(BIN)/python -m workflow_src.provenance compare reproduced/a reproduced/b

# Groups of tests begin in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n $(CORES) --dist loadgroup --no-loadscope-reorder --durations 10

test: setup ## run the fast tests, one tiny run of the whole graph among them
	$(PYTEST)

test-slow: setup ## run the tests that take minutes
	$(PYTEST) -m slow

slurm-test: setup ## run the tests on a real Slurm of one node (installs Debian's packages; needs root)
	$(BIN)/python -m pytest -m slow tests/cluster

check: setup ## lint: ruff, snakefmt, snakemake --lint, import rules, types, written files against their source, the docs as a site
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	lint-imports
	mypy
	$(BIN)/python -m workflow_src.settings.schema
	$(BIN)/python -m tests.workflow.reruns_page
	$(BIN)/python docs/tools/write_settings.py
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(MKDOCS) --site-dir "$$folder"

# Warnings are errors (mkdocs.yml). The variable silences an advertisement.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

docs: setup ## build the docs as a site: site/index.html (search needs a server: python -m http.server --directory site)
	$(MKDOCS)

bench: setup ## measure; prints a table for each benchmark
	@for benchmark in benchmarks/bench_*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

# Of each file the comment at its head stays.
lock: setup ## choose new versions of all packages: the three locks, and envs/
	$(COMPILE) $(FIND_LINKS) pyproject.toml --extra workflow --extra dev --upgrade \
	  | sed 's/^torch==\([0-9.]*\).*/torch==\1/; /^nvidia-\|^triton==\|^cuda-/d' > .venv/versions
	grep '^#' requirements.lock > .venv/lock
	grep -v '^torch==' .venv/versions | $(COMPILE) - --no-deps --generate-hashes >> .venv/lock
	grep '^#' requirements.torch.lock > .venv/torch
	grep '^torch==' .venv/versions >> .venv/torch
	grep -v '^torch==\|^onnxruntime==' .venv/versions > .venv/others
	sed 's/==.*/==/; s/^/^/' .venv/others > .venv/names
	grep '^#' requirements.gpu.lock > .venv/gpu
	{ echo 'onnxruntime-gpu[cuda,cudnn]'; grep '^torch==' .venv/versions; } \
	  | $(COMPILE) - --constraint .venv/others | grep -vf .venv/names \
	  | $(COMPILE) - --no-deps --generate-hashes >> .venv/gpu
	mv .venv/lock requirements.lock
	mv .venv/torch requirements.torch.lock
	mv .venv/gpu requirements.gpu.lock
	$(BIN)/python envs/pin.py

audit: setup ## look for known vulnerabilities of the locked packages (asks a public service)
	$(BIN)/python -m uv tool run pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock
	$(BIN)/python -m uv tool run pip-audit --strict --disable-pip --require-hashes --requirement requirements.gpu.lock
	$(BIN)/python -m uv tool run pip-audit --strict --disable-pip --no-deps --requirement requirements.torch.lock

format: setup ## format the code
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

pictures: setup ## draw the task and the rule graph, and copy the demo's figures for the docs (needs graphviz, and the demo run)
	$(BIN)/python docs/tools/draw_task.py
	snakemake --rulegraph --forceall all 2>/dev/null \
	  | sed -E '/label = "all"/d; /-> 0;?$$/d; s/color = "[^"]*"/color = "#0072B2"/; s/graph\[/graph[rankdir=LR, ranksep=0.3, nodesep=0.15, /' \
	  | tred | dot -Tsvg > docs/rulegraph.svg
	mkdir -p docs/demo
	cp results/analysis/figures/error_rates.png results/analysis/figures/error_rates_by_condition.png docs/demo/

clean: ## remove results, logs, the site and Snakemake's records; .venv stays
	rm -rf results logs report.html findings.html reproduced site .snakemake
