"""Digests of files and of the code that a step reaches.

Snakemake notices a changed command or input, not an edit in an imported module. So every rule
has a digest of its step's code among its params: of the step's module and of all modules of this
package that it reaches by imports. Only what can change a result counts. Left out are comments,
docstrings and formatting, the words of error messages, descriptions of settings, and the modules
of `UNCOUNTED`.
"""

import ast
import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "workflow_src"
ROOT = Path(__file__).resolve().parents[2]
# How a step is started, guarded, interrupted and told of, and that its files appear whole: none of
# this changes what a step computes.
UNCOUNTED = (
    "workflow_src.running",
    "workflow_src.common.errors",
    "workflow_src.common.whole_files",
)


def digest_file(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_code(module: str, root: Path = ROOT) -> str:
    """Return the digest of everything of this package that a module reaches.

    Parameters
    ----------
    module
        Dotted name, e.g. ``workflow_src.corpus.build_manifest``.
    root
        The folder that holds the package.

    Returns
    -------
    str
        16 hexadecimal digits. Comments, docstrings and formatting don't count.
    """
    return _combine(_reached([module], root), root)


def digest_notebook(path: str | Path, root: Path = ROOT) -> str:
    """Return the digest of a notebook: its cells, and the code that they reach by imports."""
    notebook = json.loads((root / path).read_text(encoding="utf-8"))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    code = "\n".join(source for kind, source in cells if kind == "code")
    reached = _reached(_imports(ast.parse(code), "", root), root)
    return _short(json.dumps(cells) + _combine(reached, root))


def reached_modules(module: str, root: Path = ROOT) -> list[str]:
    """Return the modules of this package that `module` reaches by imports, itself included."""
    return sorted(_reached([module], root))


def _reached(modules: list[str], root: Path) -> set[str]:
    found: set[str] = set()
    waiting = [name for module in modules for name in _with_parents(module)]
    while waiting:
        module = waiting.pop()
        if module not in found and not is_uncounted(module):
            found.add(module)
            waiting += _module(module, root)[1]
    return found


def is_uncounted(module: str) -> bool:
    """Whether no digest counts a module."""
    return any(f"{module}.".startswith(f"{name}.") for name in UNCOUNTED)


def _combine(modules: set[str], root: Path) -> str:
    return _short("".join(f"{name} {_module(name, root)[0]}\n" for name in sorted(modules)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def _module(module: str, root: Path) -> tuple[str, list[str]]:
    """Return one module's own digest and the modules of the package that it imports."""
    path = _path(module, root)
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imports = _imports(
        tree, module if path.name == "__init__.py" else module.rpartition(".")[0], root
    )
    return _short("".join(_canonical(tree))), imports


def _path(module: str, root: Path) -> Path:
    path = root / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(tree: ast.AST, package: str, root: Path) -> list[str]:
    """List the package's modules that import statements anywhere in the tree name."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]) if base else ".".join(above)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    own = [name for name in names if name.split(".")[0] == PACKAGE]
    found = {parent for name in own for parent in _with_parents(name)}
    return sorted(name for name in found if _path(name, root).is_file())


def _with_parents(name: str) -> list[str]:
    """Return a dotted name and those of the packages that it stands in."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _canonical(node: ast.AST) -> Iterator[str]:
    """Write a syntax tree as text: no positions, no words for people, no empty fields.

    Fields that are empty are left out because newer Pythons add such fields. Of a raised
    exception only the kind counts, and of a call not its ``description``.
    """
    yield f"({type(node).__name__}"
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield from _canonical(node.exc.func)
        yield ")"
        return
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Call) and name == "keywords":
            value = [keyword for keyword in value if keyword.arg != "description"]
        if name == "body" and isinstance(value, list):
            value = value[1:] if _is_docstring(value) else value
        if value is None or value == []:
            continue
        yield f" {name}="
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield from _canonical(item)
            else:
                yield repr(item)
            yield ","
    yield ")"


def _is_docstring(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
