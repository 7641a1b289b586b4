"""Digests of files, and of the code that a step reaches.

Snakemake notices a changed command or input, but not an edit in an imported module. So the params
of every rule hold a digest of its step's code: of the step's module and of all modules of this
package that it imports, directly or indirectly. The digest counts only what can change a result.
It leaves out comments, docstrings, formatting, the words of error messages, the descriptions of
settings, and the modules of `UNCOUNTED`.
"""

import ast
import functools
import hashlib
import json
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.sources import find_in_folder, find_installed

PACKAGE = "workflow_src"
ROOT = Path(__file__).resolve().parents[2]
# None of this changes what a step computes: how it starts, is locked, is interrupted and reports,
# and how its files are written whole.
UNCOUNTED = (
    "workflow_src.running",
    "workflow_src.common.errors",
    "workflow_src.common.whole_files",
    # A step gets its row as an argument, with the digest of the code that the row names.
    "workflow_src.settings.catalogue",
    "workflow_src.settings.front_ends",
)


def digest_file(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_code(module: str, root: Path = ROOT) -> str:
    """Return the digest of all code of this package that a module reaches: 16 hexadecimal digits.

    Parameters
    ----------
    module
        Dotted name, e.g. ``workflow_src.corpus.build_manifest``.
    root
        The folder that holds the package.
    """
    return _combine(_reached([module], root), root)


def digest_notebook(path: str | Path, root: Path = ROOT) -> str:
    """Return the digest of a notebook: of its cells, and of the code that they import."""
    notebook = json.loads((root / path).read_text(encoding="utf-8"))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    code = "\n".join(source for kind, source in cells if kind == "code")
    imports: list[ast.Import | ast.ImportFrom] = []
    _write_executed(ast.parse(code), [], imports)
    reached = _reached(_own_modules(imports, "", root), root)
    return _short(json.dumps(cells) + _combine(reached, root))


def digest_entry(entry: str, folder: str | None = None) -> str:
    """Return the digest of the code of an update rule, without importing it: 16 hexadecimal digits.

    Parameters
    ----------
    entry
        ``module:Class``. For a user's own rule the digest counts its `entry_sources`, and what they
        import of this package.
    folder
        The folder that holds the module; None where it is installed.

    Raises
    ------
    InputError
        There is no such module, or a file is no Python.
    """
    module = entry.partition(":")[0]
    if module.partition(".")[0] == PACKAGE:
        return digest_code(module)
    ours: set[str] = set()
    text = ""
    for name, path in entry_sources(entry, folder).items():
        words, imports = _read_source(path)
        text += f"{name} {_short(''.join(words))}\n"
        ours |= set(_own_modules(imports, _package(name, path), ROOT))
    return _short(text + _combine(_reached(sorted(ours), ROOT), ROOT))


def entry_sources(entry: str, folder: str | None = None) -> dict[str, Path]:
    """Return the files of a user's own rule: its module, and what that imports of its own package.

    Arguments and errors are those of `digest_entry`. The result maps the dotted name of each module
    to its file, sorted; it is empty for a rule of this package.
    """
    module = entry.partition(":")[0]
    theirs = module.partition(".")[0]
    if theirs == PACKAGE:
        return {}
    waiting, looked_for = _with_parents(module), set()
    sources: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        looked_for.add(name)
        path = _find_source(name, folder)
        # An import statement names a module, or something in a module.
        if path is not None:
            sources[name] = path
            named = _named_modules(_read_source(path)[1], _package(name, path), theirs)
            waiting += sorted(named - looked_for)
    if module not in sources:
        where = f"in {folder}" if folder else "among the installed packages"
        raise InputError(f"{entry}: there is no module {module!r} {where}")
    return dict(sorted(sources.items()))


def _find_source(module: str, folder: str | None) -> Path | None:
    if folder:
        return find_in_folder(module, folder)
    spec = find_installed(module)
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def _read_source(path: Path) -> tuple[list[str], list[ast.Import | ast.ImportFrom]]:
    """Return what a file executes, in words, and its import statements."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{path}: is no Python ({error})") from error
    words: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _write_executed(tree, words, imports)
    return words, imports


def _package(module: str, path: Path) -> str:
    """Return the package to which a module's relative imports refer."""
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


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
    """Whether digests leave out a module."""
    return any(f"{module}.".startswith(f"{name}.") for name in UNCOUNTED)


def _combine(modules: set[str], root: Path) -> str:
    return _short("".join(f"{name} {_module(name, root)[0]}\n" for name in sorted(modules)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def _module(module: str, root: Path) -> tuple[str, list[str]]:
    """Return one module's own digest and the modules of the package that it imports."""
    path = _path(module, root)
    words, imports = _read_source(path)
    return _short("".join(words)), _own_modules(imports, _package(module, path), root)


def _path(module: str, root: Path) -> Path:
    path = root / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _own_modules(imports: list[ast.Import | ast.ImportFrom], package: str, root: Path) -> list[str]:
    """List the modules of this package that import statements name."""
    named = _named_modules(imports, package, PACKAGE)
    return sorted(name for name in named if _path(name, root).is_file())


def _named_modules(
    imports: list[ast.Import | ast.ImportFrom], package: str, within: str
) -> set[str]:
    """Return what import statements name in the package `within`: modules, and names in modules."""
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
    """Return a dotted name and those of its packages."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _write_executed(
    node: ast.AST, words: list[str], imports: list[ast.Import | ast.ImportFrom]
) -> None:
    """Append a syntax tree as text to `words`, and its import statements to `imports`.

    The text has no positions, no docstrings, no arguments of a raised exception and no
    ``description`` of a call. It has no empty fields either, because newer Pythons add some.
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
    """Whether a node is a docstring, or a call's ``description``."""
    if isinstance(node, ast.keyword):
        return node.arg == "description"
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
