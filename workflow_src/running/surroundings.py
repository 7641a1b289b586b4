"""The environment of a step: nothing of the user's shell, home folder or Python reaches a result.

A step's process starts twice. The first start only chooses the environment of the second, since
Python, the C library and many libraries read theirs when they start.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from workflow_src.common.digests import PACKAGE, ROOT

# Relative to the working directory, which the run has for itself.
HOME = ".snakemake/home"
KERNELS = ROOT / "resources/jupyter"

# What a step has of the user's: where programs and libraries are, the GPUs, the network, the job.
KEPT = {"PATH", "LD_LIBRARY_PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
KEPT |= {f"{kind}_proxy" for kind in ("http", "https", "ftp", "all", "no")}
KEPT |= {name.upper() for name in KEPT}
# Whether Python keeps compiled modules, and where, is no part of a result.
KEPT |= {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
KEPT_FAMILIES = ("CONDA_", "CUDA_VISIBLE_", "NVIDIA_", "SLURM_", "SNAKEMAKE_", "WORKFLOW_")
# Set in a process that has its environment.
SET = "WORKFLOW_SURROUNDINGS"


def enter_surroundings(step: list[str]) -> None:
    """Start this process anew in the environment of steps, unless it has it.

    Parameters
    ----------
    step
        The step and its options, the command line of ``workflow_src.run``.
    """
    if os.environ.get(SET) != _mark():
        _start_anew(step)


def choose_environment(users: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of a step.

    Parameters
    ----------
    users
        The environment of the user.
    folder
        The working directory.

    Returns
    -------
    dict
        What is kept of the user's, and constants. The home folder lies below the working directory,
        so that neither settings nor fonts nor caches of the user's are found.
    """
    kept = {
        name: value
        for name, value in users.items()
        if name in KEPT or name.startswith(KEPT_FAMILIES)
    }
    home = str(folder / HOME)
    return {
        **kept,
        "HOME": home,
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(ROOT),
        # The working directory holds no modules: a file random.py there is the user's own.
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "IPYTHONDIR": f"{home}/ipython",
        "JUPYTER_CONFIG_DIR": f"{home}/jupyter",
        "JUPYTER_DATA_DIR": f"{home}/jupyter",
        "JUPYTER_RUNTIME_DIR": f"{home}/jupyter/runtime",
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_PATH": str(KERNELS),
        **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")},
        # See `workflow_src.common.files`; this is for what Arrow does in C++ alone.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        # By default glibc returns the memory of every large array to the kernel, which must clear
        # it for the next array. Keeping the memory makes synthesis and extraction a tenth faster.
        "MALLOC_MMAP_THRESHOLD_": "33554432",
        "MALLOC_TRIM_THRESHOLD_": "268435456",
    }


def _mark() -> str:
    """Return what tells this process from its children, which may have left the environment."""
    return str(os.getpid())


def _start_anew(step: list[str]) -> NoReturn:
    environment = choose_environment(dict(os.environ), Path.cwd()) | {SET: _mark()}
    command = [sys.executable, "-m", f"{PACKAGE}.run", *step]
    os.execve(sys.executable, command, environment)
