"""Reading files of ``torch.save`` in another process, which gives back plain tensors alone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.common.limits import plain_size, read_apart

# The place of a part or tensor that is something else.
OTHER = -1


def read_state_dict(path: Path) -> dict[str, Any]:
    """Read the parts of a file of ``torch.save``: the names of parts, and their tensors.

    Nothing of the file runs. Only plain tensors of numbers are given back, as float32. None stands
    for anything else.

    Raises
    ------
    InputError
        The file is missing or damaged, or it holds other objects; or its reading crashed or took
        too much memory or time.
    """
    plain_size(path)
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    places, arrays = read_apart(_load_with_one_thread, path)
    tensors = [torch.from_numpy(array) for array in arrays]
    return {
        name: {key: None if place == OTHER else tensors[place] for key, place in part.items()}
        if isinstance(part, dict)
        else None
        for name, part in places.items()
    }


def _load_with_one_thread(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    torch.set_num_threads(1)  # a fork has not the threads of its parent
    return load_parts(path)


def load_parts(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read the parts of a file of ``torch.save`` in this process.

    Returns
    -------
    places
        Part -> tensor -> its place in `arrays`, or `OTHER`. A part that is no dict is `OTHER`.
    arrays
        The plain tensors, float32.

    Raises
    ------
    InputError
        The file is damaged, or holds other objects than tensors and plain containers.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are refused
            content = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged and hostile files raise many kinds of errors.
    except Exception as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it asks for {found[1]}" if found else "damaged, or of another kind"
        raise InputError(
            f"{path}: refused, not a torch file of tensors alone ({reason})"
        ) from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds a {type(content).__name__}, not the parts of a policy")
    arrays: list[np.ndarray] = []

    def place(value: Any) -> int:
        if not is_plain(value):
            return OTHER
        arrays.append(value.detach().float().numpy())
        return len(arrays) - 1

    places = {
        name: {key: place(value) for key, value in part.items() if isinstance(key, str)}
        if isinstance(part, Mapping)
        else OTHER
        for name, part in content.items()
        if isinstance(name, str)
    }
    return places, arrays


def is_plain(tensor: Any) -> bool:
    """Whether something is a dense tensor of floating-point numbers in memory.

    With strides of 0, or on the device ``meta``, a small file could claim any size.
    """
    return (
        isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
        and tensor.is_floating_point()
        and tensor.is_contiguous()
    )
