"""Every command on the pages, as far as it can be checked without running it.

Targets, options, modules, steps and files are there, and targets come before options that would
swallow them. Blocks of settings are valid. A block that cannot be checked has the comment
``<!-- not checked: why -->`` above it.
"""

import functools
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

from tests.workflow.running import CLONE, rule_texts
from workflow_src.analysis.figure_list import TRAITS, list_figures
from workflow_src.running.signature import read_signature
from workflow_src.settings.schema import validate_config

PAGES = ["README.md", "CONTRIBUTING.md", "config/README.md"]
PAGES += sorted(str(path.relative_to(CLONE)) for path in (CLONE / "docs").glob("*.md"))
TEXTS = {page: (CLONE / page).read_text(encoding="utf-8") for page in PAGES}
MARK = "<!-- not checked: "
# Of the user's system.
SYSTEM = {"cd", "export", "git", "mkdir", "pip", "sha256sum", "squeue"}
SEPARATORS = {"&&", ";", "|", "||"}
PROGRAMS = r"(?:[A-Z_]+=\S+ )?(?:snakemake|make|python -m|python (?:benchmarks|docs|envs)/)(?!:)"
MAKEFILE = (CLONE / "Makefile").read_text()


def blocks(page, language):
    """List the blocks of code of a language that are not marked."""
    found = re.finditer(rf"([^\n]*\n)?\n?```{language}\n(.*?)^```", TEXTS[page], re.M | re.S)
    return [block[2] for block in found if MARK not in (block[1] or "")]


def commands(page):
    """List the commands of a page: of its blocks, and those within its text."""
    lines = [line for block in blocks(page, "sh") for line in split_lines(block)]
    text = re.sub(r"^```.*?^```", "", TEXTS[page], flags=re.M | re.S)
    lines += re.findall(rf"`({PROGRAMS}[^`]+)`", text)
    return [command for line in lines for command in split_command(line)]


def split_lines(block):
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def split_command(line):
    """Split a line into commands, each a list of words without settings of the environment."""
    parser = shlex.shlex(line, posix=True, punctuation_chars=True)
    parser.wordchars += "{}[]$:,@%*"
    command, found = [], []
    for word in [*parser, ";"]:
        if word in SEPARATORS:
            found.append(command)
            command = []
        elif command or not re.match(r"[A-Z_]+=", word):
            command.append(word)
    # In <...> stands what the reader has to fill in.
    return [each for each in found if each and "<" not in each]


@functools.cache
def snakemake_parser():
    parser = get_argument_parser()

    def fail(message):
        raise ValueError(message)

    parser.error = fail
    return parser


def check_snakemake(words):
    words = [word for word in words if word != "..."]
    asked = snakemake_parser().parse_args(words)
    # min_dcf is the figure that a page adds.
    drawn = {f"figure_{name}" for name in (*(one.name for one in list_figures(TRAITS)), "min_dcf")}
    for target in asked.targets:
        known = rule_texts().keys() | {"all"} | drawn
        assert target in known or target.startswith("results/"), target
    for given in asked.configfile or []:
        # A word that is no file of settings is a target that the option swallowed.
        assert Path(given).suffix in {".yaml", ".json"}, given
        mine = Path(given).name in {"mine.yaml", "a.yaml"} or str(given).startswith("results/")
        assert mine or (CLONE / given).is_file(), given
    profile = asked.workflow_profile
    assert profile is None or (CLONE / profile).is_dir()
    assert asked.snakefile is None or Path(asked.snakefile).name == "Snakefile"


def check_make(words):
    targets = [word for word in words if "=" not in word]
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.M), target
    for variable in words[len(targets) :]:
        assert f"$({variable.split('=')[0]})" in MAKEFILE or "PYTHON" in variable, variable


def check_python(words):
    first, *rest = words
    if first != "-m":
        check_options(rest, CLONE / first)
        return
    module, *options = rest
    spec = find_spec(module)
    assert spec, module
    if module == "workflow_src.run":
        step, *options = options
        known = {argument.option for argument in read_signature(step)} | {"--help"}
        asked = {option.split("=")[0] for option in options if option.startswith("--")}
        assert asked <= known, asked - known
    elif module.split(".")[0] in {"workflow_src", "tests"}:
        package = find_spec(f"{module}.__main__") if spec.submodule_search_locations else spec
        check_options(options, Path(package.origin))


def check_options(words, source):
    """Check that a program's source has the options, and the commands before them."""
    text = source.read_text()
    for word in words:
        # Of argparse, or an annotated name of tyro.
        field = word.removeprefix("--").replace("-", "_")
        if word.startswith("--"):
            assert f'"{word}"' in text or re.search(rf"\b{field}: \w", text), word


CHECKS = {"snakemake": check_snakemake, "make": check_make, "python": check_python}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_can_be_run(page):
    for command in commands(page):
        program = Path(command[0]).name
        if program in SYSTEM or "$(" in command[0]:
            continue
        check = CHECKS.get(re.sub(r"^python3?$", "python", program))
        assert check, f"{' '.join(command)}: no program that is known; mark the block"
        try:
            check(command[1:])
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"{page}: {' '.join(command)}: {error}") from error


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_of_a_page_are_valid(page):
    for block in blocks(page, "yaml"):
        if block.startswith("# fragment"):
            continue
        # Digests are shortened.
        text = re.sub(r"\b[0-9]{4}\.\.\.", lambda part: "abcd" + part[0][:4] * 15, block)
        validate_config(yaml.safe_load(text), page)


def test_what_is_looked_for_is_found():
    found = [" ".join(command) for page in PAGES for command in commands(page)]
    assert len(found) > 100
    assert any("plan" in command for command in found)
    with pytest.raises(AssertionError):
        check_snakemake(["--cores", "2", "--configfile", "mine.yaml", "embeddings"])
    with pytest.raises((AssertionError, ValueError)):
        check_snakemake(["--cores", "2", "--no-such-option"])
