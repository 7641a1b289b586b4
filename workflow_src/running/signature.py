"""The arguments of a step, read from its source.

The Snakefile writes the commands of steps with them. It imports no step, because steps import
torch, onnxruntime or matplotlib.
"""

from __future__ import annotations

import ast
import functools
import importlib
from dataclasses import dataclass
from pathlib import Path

from workflow_src.common.digests import PACKAGE, ROOT
from workflow_src.settings.base import Block

ARGUMENTS = "Arguments"
SETTINGS = f"{PACKAGE}.settings."
# The types of `workflow_src.running.arguments` whose values stand in a rule's input or output.
PLACES = {"Input": "input", "Inputs": "input", "Output": "output", "Outputs": "output"}


@dataclass(frozen=True)
class Argument:
    """One field of a step's arguments.

    Attributes
    ----------
    name
        The field's name.
    place
        Where a rule has the value: ``input``, ``output`` or ``params``.
    many
        Whether the option takes any number of values.
    key
        The key of a block of settings in the config; empty for other values.
    """

    name: str
    place: str
    many: bool
    key: str = ""

    @property
    def option(self) -> str:
        """The option's name: ``--`` and the field's name with hyphens."""
        return "--" + self.name.replace("_", "-")


def is_step(name: str) -> bool:
    """Whether ``<room>.<module>`` names a step: a module with a class ``Arguments``."""
    path = _path(f"{PACKAGE}.{name}")
    return path.is_file() and _find_class(_parse(path), ARGUMENTS) is not None


def read_signature(step: str) -> list[Argument]:
    """Read the arguments of a step, those of a base class first.

    Raises
    ------
    LookupError
        There is no such step.
    """
    if not is_step(step):
        raise LookupError(f"{step} is no step")
    return _read_fields(f"{PACKAGE}.{step}", ARGUMENTS)


def _read_fields(module: str, name: str) -> list[Argument]:
    tree = _parse(_path(module))
    found = _find_class(tree, name)
    if found is None:
        raise LookupError(f"{module} has no class {name}")
    fields: list[Argument] = []
    for base in found.bases:
        if isinstance(base, ast.Name):
            fields += _read_fields(_source_of(tree, base.id, module), base.id)
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words = ast.unparse(node.annotation).removesuffix(" | None")
            place = PLACES.get(words, "params")
            many = words in {"Inputs", "Outputs", "list[str]", "list[int]", "list[float]"}
            key = _find_key(words, _source_of(tree, words, module))
            fields.append(Argument(node.target.id, place, many, key))
    return fields


def _find_key(name: str, source: str) -> str:
    """Return the key of a block of settings; nothing for another type."""
    if not source.startswith(SETTINGS):
        return ""
    kind = getattr(importlib.import_module(source), name)
    return kind.key if isinstance(kind, type) and issubclass(kind, Block) else ""


def _source_of(tree: ast.Module, name: str, module: str) -> str:
    """Return the module from which `module` imports a name, or `module` itself."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return node.module or module
    return module


def _find_class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    found = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return next(found, None)


def _path(module: str) -> Path:
    return (ROOT / Path(*module.split("."))).with_suffix(".py")


@functools.cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))
