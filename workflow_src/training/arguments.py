"""The arguments that both training steps take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workflow_src.running.arguments import Input, Output
from workflow_src.running.checkpoint import CheckpointArguments


@dataclass(frozen=True, kw_only=True)
class TrainingArguments(CheckpointArguments):
    """The inputs of training, and its device."""

    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance."""
    manifest: Input
    """The utterances, parquet."""
    split: Input
    """The part of each speaker, CSV: speaker, part."""
    initial: Path | None = None
    """The folder of a policy to start from instead of random weights."""
    seed: int
    """The config's seed."""
    policy_seed: int = 0
    """This policy's seed."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device for training; auto takes a GPU if torch finds one."""
    deterministic: bool = True
    """Whether a GPU uses only algorithms that repeat the same bytes."""
    passed_over: Output | None = None
    """Utterances and speakers that training leaves out, CSV."""
