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

PYPI = "https://pypi.org/simple"
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


def create(packages: list[str], prefix: str | Path, cache: Path) -> None:
    """Make an environment with packages, which may be preceded by options of ``uv pip install``."""
    pip = pip_settings()
    environment = os.environ | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "hardlink"}
    environment["UV_HTTP_TIMEOUT"] = "180"
    if "cert" in pip:
        environment.setdefault("SSL_CERT_FILE", pip["cert"][0])
    uv = [sys.executable, "-m", "uv"]
    command = [*uv, "venv", "--quiet", "--python", sys.executable, str(prefix)]
    subprocess.run(command, env=environment, check=True)
    command = [*uv, "pip", "install", "--quiet", "--python", f"{prefix}/bin/python"]
    # Of one version, uv takes the first index's file, and pip takes the file that fits best. The
    # main index has every file of a version; another may lack the one with the compiled part.
    for index in [*pip.get("index-url", [PYPI]), *pip.get("extra-index-url", [])]:
        command += ["--index", index]
    for place in pip.get("find-links", []):
        command += ["--find-links", place]
    # As pip does: the best version of any index.
    command += ["--index-strategy", "unsafe-best-match", *packages]
    subprocess.run(command, env=environment, check=True)


def pip_settings() -> dict[str, list[str]]:
    """Return how pip is set up on this machine, which uv doesn't ask: setting -> values."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {}
    for line in said.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = value.strip("'\"").split()
    return settings


def main(arguments: list[str]) -> None:
    """Answer as conda would."""
    folder = Path(os.environ["CONDA_STAND_IN"])
    if "create" in arguments:
        path, prefix = (arguments[arguments.index(o) + 1] for o in ("--file", "--prefix"))
        create(pip_list(path), prefix, folder / "cache")
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
