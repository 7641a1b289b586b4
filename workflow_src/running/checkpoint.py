"""Checkpoints from which interrupted training resumes."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from workflow_src.common.whole_files import written_whole


class Checkpoint:
    """A file from which training resumes; the result is the same to the byte.

    The clock decides when the file is written. It changes nothing in the result.

    Parameters
    ----------
    path
        The file. It is ignored where it is unreadable or has another digest.
    digest
        From `digest_training`.
    every_seconds
        How often `save` writes.
    """

    def __init__(self, path: Path, digest: str, every_seconds: float = 20.0) -> None:
        self.path = Path(path)
        self.digest = digest
        self.every_seconds = every_seconds
        self._saved = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the state from which to resume; None to start from the beginning."""
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            fits = content["digest"] == self.digest
        except Exception as error:
            print(f"{self.path}: not a readable checkpoint ({type(error).__name__}): ignored")
            return None
        if not fits:
            print(f"{self.path}: a checkpoint of other settings, inputs or code: ignored")
            return None
        return content["state"]

    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._saved >= self.every_seconds

    def save(self, state: dict[str, Any]) -> None:
        """Write a state: nested dicts and lists of tensors, numbers and text."""
        # Through memory, because torch's own message for a full disk does not help a user.
        file = io.BytesIO()
        torch.save({"digest": self.digest, "state": state}, file)
        with written_whole(self.path) as part:
            part.write_bytes(file.getbuffer())
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove the file: training is done."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class CheckpointArguments:
    """The arguments of a step that trains a policy and can resume."""

    out_dir: Path
    """The policy's folder."""
    checkpoint: Path | None = None
    """The file to resume from; it is removed at the end. By default <out-dir>.checkpoint."""
    checkpoint_seconds: float = 20.0
    """How often it is written."""

    def open_checkpoint(self, digest: str) -> Checkpoint:
        """Return the checkpoint of a training with this digest."""
        path = self.checkpoint or self.out_dir.with_name(self.out_dir.name + ".checkpoint")
        return Checkpoint(path, digest, self.checkpoint_seconds)
