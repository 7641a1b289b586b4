"""The device that training runs on, and its determinism."""

from __future__ import annotations

import os

import torch

from workflow_src.common.errors import InputError


def take_device(device: str, deterministic: bool) -> torch.device:
    """Return the device to train on, print it, and set torch up for it.

    Parameters
    ----------
    device
        ``auto`` (a GPU where torch finds one), ``cpu`` or ``cuda``.
    deterministic
        On a GPU, allow only algorithms that give the same bytes in every run. On the CPU, with
        one thread, all that is used here does anyway.

    Raises
    ------
    InputError
        ``cuda`` was asked for and there is none.
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
    print(f"device: {taken.type}", flush=True)
    return taken
