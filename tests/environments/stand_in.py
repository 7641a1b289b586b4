"""A stand-in for conda: environments of ``envs/`` by their pip lists alone, in place of conda's.

Snakemake runs it as it runs conda (``--sdm conda``). Of an environment file it takes the pip list,
and makes a virtual environment with just that, of the Python that runs it; its packages are
hard-linked from one cache. Activating one leaves nothing else of the project on the path.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ACTIVATE = """\
export PATH="$1/bin:/usr/local/bin:/usr/bin:/bin"
unset VIRTUAL_ENV PYTHONHOME
"""


def install_stand_in(folder: Path) -> Path:
    """Write ``bin/conda`` and ``bin/activate`` below a folder; return its ``bin``.

    The folder's name must be plain: Snakemake does not quote it.
    """
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/activate").write_text(ACTIVATE)
    conda = folder / "bin/conda"
    script = shlex.join([sys.executable, __file__])
    conda.write_text(f'#!/bin/sh\nCONDA_STAND_IN={shlex.quote(str(folder))} exec {script} "$@"\n')
    conda.chmod(0o755)
    return conda.parent


def pip_list(path: str | Path) -> list[str]:
    """Return the pip list of an environment file."""
    *_, pip = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["dependencies"]
    return pip["pip"]


def create(path: str, prefix: str, cache: Path) -> None:
    """Make an environment."""
    environment = os.environ | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "hardlink"}
    uv = [sys.executable, "-m", "uv"]
    subprocess.run(
        [*uv, "venv", "--quiet", "--python", sys.executable, prefix], env=environment, check=True
    )
    command = [*uv, "pip", "install", "--quiet", "--python", f"{prefix}/bin/python"]
    command += [*index_options(), *pip_list(path)]
    subprocess.run(command, env=environment, check=True)


def index_options() -> list[str]:
    """Return where pip finds packages on this machine, as options of uv, which doesn't ask pip."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    options: list[tuple[str, str]] = []
    for line in said.splitlines():
        name, _, value = line.partition("=")
        key, values = name.rpartition(".")[2], value.strip("'\"").split()
        if key == "index-url":
            options += [("--default-index", value) for value in values]
        elif key in {"extra-index-url", "find-links"}:
            option = "--index" if key == "extra-index-url" else "--find-links"
            options += [(option, value) for value in values]
    # As pip does: the best version of any index.
    options.append(("--index-strategy", "unsafe-best-match"))
    return [part for option in dict.fromkeys(options) for part in option]


def main(arguments: list[str]) -> None:
    """Answer as conda would."""
    folder = Path(os.environ["CONDA_STAND_IN"])
    if "create" in arguments:
        path, prefix = (arguments[arguments.index(o) + 1] for o in ("--file", "--prefix"))
        create(path, prefix, folder / "cache")
    elif arguments[0] == "info":
        print(json.dumps({"conda_prefix": str(folder), "platform": "linux-64"}))
    elif arguments[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[0] == "--version":
        print("conda 25.1.0")
    elif arguments[0] != "clean":
        sys.exit(f"error: conda {shlex.join(arguments)}: the stand-in does not know this")


if __name__ == "__main__":
    main(sys.argv[1:])
