"""Slow: whatever surrounds a run, its results have the bytes of a plain run."""

import json
import os
import subprocess

import pytest
import yaml

from tests.workflow.running import CLONE, FEW, TINY, command_line
from tests.workflow.test_reproducible import files

pytestmark = pytest.mark.slow

# Any use of such a module ends the step.
TRAP = "raise SystemExit('a file of the user was executed')\n"
# The figures, or the cells of a notebook, would differ.
STYLE = "figure.facecolor: red\nsavefig.dpi: 30\nfont.size: 30\nbackend: template\n"
SHELL = "export PYTHONHASHSEED=7 MPLBACKEND=template OMP_NUM_THREADS=3 LC_ALL=tr_TR.UTF-8\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_home(home):
    """Fill a home folder with settings and programs that no result may depend on."""
    write(home / ".config/matplotlib/matplotlibrc", STYLE)
    write(home / ".matplotlib/matplotlibrc", STYLE)
    write(home / ".ipython/profile_default/startup/00-first.py", TRAP)
    write(home / ".ipython/profile_default/ipython_config.py", TRAP)
    write(home / ".jupyter/jupyter_config.py", TRAP)
    write(home / ".config/papermill/config.py", TRAP)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}
    for name in ("python3", "workflow"):
        write(home / f".local/share/jupyter/kernels/{name}/kernel.json", json.dumps(spec))
    for module in ("usercustomize", "numpy", "sitecustomize"):
        for version in ("3.11", "3.12", "3.13"):
            write(home / f".local/lib/python{version}/site-packages/{module}.py", TRAP)


def make_folder(folder):
    """Put files into the working directory whose names are those of modules and settings."""
    folder.mkdir()
    write(folder / "matplotlibrc", STYLE)
    names = "random types json numpy torch pandas papermill ipykernel IPython matplotlib"
    for name in [*names.split(), "workflow_src/__init__", "sitecustomize"]:
        write(folder / f"{name}.py", TRAP)


def surroundings(home):
    """Return an environment of a user who has set all there is to set."""
    write(home / "shell.sh", SHELL)
    return {
        **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
        "HOME": str(home),
        "BASH_ENV": str(home / "shell.sh"),
        "MPLBACKEND": "template",
        "MATPLOTLIBRC": str(home / ".config/matplotlib/matplotlibrc"),
        "MPLCONFIGDIR": str(home / ".config/matplotlib"),
        "IPYTHONDIR": str(home / ".ipython"),
        "JUPYTER_PATH": str(home / ".local/share/jupyter"),
        "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PYTHONSTARTUP": str(home / "shell.sh"),
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "0",
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "OPENBLAS_CORETYPE": "Prescott",
        "MKL_CBWR": "COMPATIBLE",
        "LANG": "tr_TR.UTF-8",
        "LC_NUMERIC": "de_DE.UTF-8",
        "TZ": "Pacific/Chatham",
        "COLUMNS": "30",
        "SOURCE_DATE_EPOCH": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":16:8",
    }


def run(folder, environment):
    overlay = folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(FEW))
    # Snakemake itself is started as its program is, which does not look into the folder.
    python, *snakemake = command_line(folder, [TINY, overlay])
    done = subprocess.run(
        [python, "-P", *snakemake],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


def test_nothing_of_the_user_reaches_a_result(finished_few, tmp_path):
    home, folder = tmp_path / "home", tmp_path / "run"
    make_home(home)
    make_folder(folder)
    run(folder, surroundings(home))
    assert files(folder) == files(finished_few)


def test_neither_a_home_nor_another_clone_changes_anything(finished_few, tmp_path):
    """A home that cannot be written; and a folder with a package of our name to stand in."""
    assert (CLONE / "workflow_src/run.py").is_file()
    folder = tmp_path / "another clone"
    folder.mkdir()
    for name in ("run", "common/__init__", "running/launcher"):
        write(folder / f"workflow_src/{name}.py", TRAP)
    # Snakemake itself has a cache below the home, unless it is told another folder, as by `make`.
    cache = str(tmp_path / "cache")
    run(folder, {"PATH": os.environ["PATH"], "HOME": "/dev/null/home", "XDG_CACHE_HOME": cache})
    assert files(folder) == files(finished_few)
