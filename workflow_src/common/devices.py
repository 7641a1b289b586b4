"""The device of torch, and its determinism."""

from __future__ import annotations

import os

import torch

from workflow_src.common.errors import InputError


def take_device(device: str, deterministic: bool) -> torch.device:
    """Return the device for torch, and set up torch for it.

    `device` is ``auto`` (a GPU if torch finds one), ``cpu`` or ``cuda``. `deterministic` allows
    only GPU algorithms that repeat the same bytes. One CPU thread repeats them in any case.

    Raises
    ------
    InputError
        `device` is ``cuda`` and there is no GPU.
    """
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise InputError("compute.device is 'cuda', but torch finds no GPU; use auto or cpu")
    taken = torch.device("cuda" if found and device != "cpu" else "cpu")
    if taken.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        if deterministic:
            # cuBLAS reads this when it starts.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
    return taken
