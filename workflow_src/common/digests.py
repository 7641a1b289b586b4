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
import importlib.util
import json
from importlib.machinery import PathFinder
from pathlib import Path

from workflow_src.common.errors import InputError

PACKAGE = "workflow_src"
ROOT = Path(__file__).resolve().parents[2]
# How a step is started, guarded, interrupted and told of, and that its files appear whole: none of
# this changes what a step computes. What a step needs of a row of the catalogue is among its
# rule's params.
UNCOUNTED = (
    "workflow_src.running",
    "workflow_src.common.errors",
    "workflow_src.common.whole_files",
    # Each step is given its row as an argument, and the digest of what the row names.
    "workflow_src.settings.catalogue",
    "workflow_src.settings.front_ends",
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
    imports: list[ast.Import | ast.ImportFrom] = []
    _write_executed(ast.parse(code), [], imports)
    reached = _reached(_own_modules(imports, "", root), root)
    return _short(json.dumps(cells) + _combine(reached, root))


def digest_entry(entry: str, folder: str | None = None) -> str:
    """Return the digest of the code of an update rule, without importing it.

    Parameters
    ----------
    entry
        ``module:Class``. Of a user's own module count, besides it, the modules of the user's
        package that it reaches, and what all of them reach of this package.
    folder
        Where a module is looked for that is not installed.

    Returns
    -------
    str
        16 hexadecimal digits. Comments, docstrings and formatting don't count.

    Raises
    ------
    InputError
        There is no such module.
    """
    module = entry.partition(":")[0]
    theirs = module.partition(".")[0]
    if theirs == PACKAGE:
        return digest_code(module)
    # A module that is named is there; of what it names, only modules count.
    waiting, written, ours = [module], {module: find_source(module, folder)}, set()
    text = ""
    while waiting:
        name = waiting.pop()
        path = written[name]
        words: list[str] = []
        imports: list[ast.Import | ast.ImportFrom] = []
        _write_executed(_read_tree(path), words, imports)
        text += f"{name} {_short(''.join(words))}\n"
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        ours |= set(_own_modules(imports, package, ROOT))
        for other in sorted(_named_modules(imports, package, theirs) - set(written)):
            source = _find_source(other, folder)
            if source is not None:
                written[other] = source
                waiting.append(other)
    return _short(text + _combine(_reached(sorted(ours), ROOT), ROOT))


def find_source(module: str, folder: str | None = None) -> Path:
    """Return the file of a module of a user's own, without importing it; see `digest_entry`.

    Raises
    ------
    InputError
        There is none.
    """
    found = _find_source(module, folder)
    if found is None:
        where = f" (looked for in {folder}, too)" if folder else ""
        raise InputError(f"there is no module {module!r} written in Python{where}")
    return found


def _find_source(module: str, folder: str | None) -> Path | None:
    top, *below = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None and folder:
        spec = PathFinder.find_spec(top, [folder])
    if spec is None:
        return None
    if not below:
        places = [Path(spec.origin)] if spec.has_location and spec.origin else []
    else:
        stems = [Path(place, *below) for place in spec.submodule_search_locations or []]
        places = [p for stem in stems for p in (stem / "__init__.py", stem.with_suffix(".py"))]
    return next((place for place in places if place.suffix == ".py" and place.is_file()), None)


def _read_tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{path}: is no Python ({error})") from error


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
    words: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _write_executed(tree, words, imports)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _short("".join(words)), _own_modules(imports, package, root)


def _path(module: str, root: Path) -> Path:
    path = root / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _own_modules(imports: list[ast.Import | ast.ImportFrom], package: str, root: Path) -> list[str]:
    """List this package's modules that import statements name."""
    named = _named_modules(imports, package, PACKAGE)
    return sorted(name for name in named if _path(name, root).is_file())


def _named_modules(
    imports: list[ast.Import | ast.ImportFrom], package: str, within: str
) -> set[str]:
    """Return what import statements name of a package `within`: modules, and names in modules."""
    names = []
    for node in imports:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
            continue
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, base]) if base else ".".join(above)
        names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    own = [name for name in names if name.split(".")[0] == within]
    return {parent for name in own for parent in _with_parents(name)}


def _with_parents(name: str) -> list[str]:
    """Return a dotted name and those of the packages that it stands in."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _write_executed(
    node: ast.AST, words: list[str], imports: list[ast.Import | ast.ImportFrom]
) -> None:
    """Append a syntax tree as text to `words`, and its import statements to `imports`.

    Left out are positions, text that stands alone (docstrings), the arguments of a raised
    exception, the ``description`` of a call, and empty fields, since newer Pythons add such fields.
    """
    if isinstance(node, ast.Import | ast.ImportFrom):
        imports.append(node)
    words.append(f"({type(node).__name__}")
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        _write_executed(node.exc.func, words, imports)
        words.append(")")
        return
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or value == []:
            continue
        words.append(f" {name}=")
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, ast.AST):
                words.append(f"{item!r},")
            elif not _is_for_people(item):
                _write_executed(item, words, imports)
    words.append(")")


def _is_for_people(node: ast.AST) -> bool:
    """Whether a node is text that stands alone, or a call's ``description``."""
    if isinstance(node, ast.keyword):
        return node.arg == "description"
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
