"""The arguments that both training steps take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workflow_src.running.arguments import Input
from workflow_src.running.checkpoint import CheckpointArguments


@dataclass(frozen=True, kw_only=True)
class TrainingArguments(CheckpointArguments):
    """What training reads, and where it runs."""

    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """Their utterances, parquet: row, utterance."""
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
    """Where to train; auto takes a GPU where torch finds one."""
    deterministic: bool = True
    """Whether a GPU uses only algorithms that give the same bytes in every run."""
