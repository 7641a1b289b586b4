"""Ways to spoil a file of the world: each returns a function that does it, where it is called."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

Spoil = Callable[[], None]


def all_of(*spoils: Spoil) -> Spoil:
    """Do one after the other."""

    def spoil() -> None:
        for one in spoils:
            one()

    return spoil


def remove(path: str) -> Spoil:
    """Remove a file or folder."""

    def spoil() -> None:
        target = Path(path)
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)

    return spoil


def write(path: str, content: str | bytes) -> Spoil:
    """Write something else to a file."""

    def spoil() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def cut(path: str) -> Spoil:
    """Cut a file to a half."""

    def spoil() -> None:
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: len(content) // 2])

    return spoil


def make_folder(path: str) -> Spoil:
    """Put a folder where a file belongs."""
    return all_of(remove(path), lambda: Path(path).mkdir(parents=True))


def make_loop(path: str) -> Spoil:
    """Put a link to itself where a file or folder belongs."""

    def spoil() -> None:
        remove(path)()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(Path(path).name)

    return spoil


def edit_parquet(path: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Spoil:
    """Change a table."""
    return lambda: edit(pd.read_parquet(path)).to_parquet(path, index=False)


def edit_csv(path: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Spoil:
    """Change a CSV table, all of text."""
    return lambda: edit(pd.read_csv(path, dtype="str")).to_csv(path, index=False)


def edit_npy(path: str, edit: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Change an array."""
    return lambda: np.save(path, edit(np.load(path)))


def edit_json(path: str, **changes: Any) -> Spoil:
    """Change keys of a JSON object."""
    return lambda: Path(path).write_text(json.dumps(json.loads(Path(path).read_text()) | changes))


def edit_tensors(path: str, edit: Callable[[dict[str, torch.Tensor]], Any]) -> Spoil:
    """Change tensors of a safetensors file in place."""

    def spoil() -> None:
        tensors = load_file(path)
        edit(tensors)
        Path(path).unlink()
        save_file(tensors, path)

    return spoil


def give_vectors(path: str, content: Any) -> Spoil:
    """Write a dict of vectors as the authors did."""
    return lambda: np.save(path, content, allow_pickle=True)


def write_pickle(path: str, content: Any) -> Spoil:
    """Write a pickle."""
    return write(path, pickle.dumps(content, protocol=3))


def write_zip(path: str, members: dict[str, bytes]) -> Spoil:
    """Write a zip archive."""

    def spoil() -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return spoil


def write_long_wav(path: str, hours: float, rate: int = 16000) -> Spoil:
    """Write hours of silence that take no room on the disk: a header, and a hole."""

    def spoil() -> None:
        size = int(hours * 3600 * rate) * 2
        header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1,
                             rate, 2 * rate, 2, 16, b"data", size)  # fmt: skip
        with Path(path).open("wb") as file:
            file.write(header)
            file.truncate(len(header) + size)

    return spoil
