"""Which modules a rule's steps reach by imports, found by the standard library's modulefinder.

The workflow has a way of its own, `workflow_src.common.digests`; this one knows nothing of it.
"""

import functools
import json
import re
import tempfile
from modulefinder import ModuleFinder
from pathlib import Path

from tests.workflow.running import CLONE, rule_texts
from workflow_src.common.digests import UNCOUNTED
from workflow_src.settings.front_ends import FRONT_ENDS

PACKAGE = "workflow_src"


def all_modules() -> list[str]:
    """List the modules of the package, packages included."""
    return sorted(module_name(path) for path in (CLONE / PACKAGE).rglob("*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(CLONE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_path(module: str) -> str:
    """Return the file of a module, relative to the clone."""
    path = Path(*module.split("."))
    return str(path / "__init__.py" if (CLONE / path).is_dir() else path.with_suffix(".py"))


@functools.cache
def reached_by_module(module: str) -> frozenset[str]:
    """Return the modules that one that counts reaches and that count, itself included."""
    finder = ModuleFinder(path=[str(CLONE)], excludes=UNCOUNTED)
    finder.import_hook(module)
    return _own(finder)


def reached_by_entry(entry: str) -> frozenset[str]:
    """Return the modules that the code of a rule reaches; `entry` is ``module:Class``."""
    return reached_by_module(entry.partition(":")[0])


@functools.cache
def reached_by_notebook(path: str) -> frozenset[str]:
    """Return the modules of the package that a notebook's cells reach."""
    cells = json.loads((CLONE / path).read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    finder = ModuleFinder(path=[str(CLONE)], excludes=UNCOUNTED)
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        finder.run_script(script.name)
    return _own(finder)


def _own(finder: ModuleFinder) -> frozenset[str]:
    return frozenset(name for name in finder.modules if name.split(".")[0] == PACKAGE)


@functools.cache
def reached_by_rules() -> dict[str, frozenset[str]]:
    """Return what each rule reaches that runs steps of this package, or notebooks."""
    reached = {}
    for rule, text in rule_texts().items():
        steps = re.findall(rf"python -m ({PACKAGE}[\w.]+)", text)
        steps += [f"{PACKAGE}.{name}" for name in re.findall(r'\bstep\(\s*"([\w.]+)"', text)]
        notebooks = set(re.findall(r'"(notebooks/\w+\.ipynb)"', text))
        found = [*map(reached_by_module, steps), *map(reached_by_notebook, notebooks)]
        if "FRONT_END.entry" in text:  # its step loads it by the row's entry point
            found.append(reached_by_module(FRONT_ENDS[0].module))  # the default
        if found:
            reached[rule] = frozenset().union(*found)
    return reached
