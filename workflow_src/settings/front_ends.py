"""The front ends of extractors: a row each.

A front end turns a waveform into what a speaker model was trained on. Light: the config and the
Snakefile read the rows. The step that extracts is given its row and loads the front end by the
row's entry point, so that a new row reruns nothing. A new front end is one file and one row;
docs/extractors.md has the recipe.
"""

from __future__ import annotations

from typing import ClassVar

from workflow_src.settings.base import Block


class FrontEnd(Block):
    """A front end.

    Attributes
    ----------
    id
        Its name in the config.
    entry
        ``module:function``. The function takes a waveform, float32 [samples], one channel, in
        [-1, 1], and returns the features of one recording, float32 of the shape `shape`.
    sample_rate
        Of the waveform, in Hz.
    shape
        Of the features. ``"T"`` stands for the axis that grows with the recording.
    summary
        What it computes, in one line.
    reference
        Where it comes from.
    """

    key: ClassVar[str] = "front end"

    id: str
    entry: str
    sample_rate: int
    shape: tuple[int | str, ...]
    summary: str = ""
    reference: str = ""

    @property
    def module(self) -> str:
        """The module of the entry point."""
        return self.entry.partition(":")[0]

    @property
    def read_by_step(self) -> str:
        """What extraction reads of the row, as JSON."""
        return self.model_dump_json(exclude={"summary", "reference"})

    @property
    def batch_shape(self) -> str:
        """The shape of what a model takes, for people: ``[B, T, 80]``."""
        return f"[{', '.join(map(str, ('B', *self.shape)))}]"


FRONT_ENDS: tuple[FrontEnd, ...] = (
    FrontEnd(
        id="wespeaker-fbank80",
        entry="workflow_src.embeddings.wespeaker_fbank80:compute_fbank",
        sample_rate=16_000,
        shape=("T", 80),
        summary="80 log mel filter banks, 25 ms every 10 ms, their mean over time subtracted",
        reference="WeSpeaker, Wang et al., ICASSP 2023; https://github.com/wenet-e2e/wespeaker",
    ),
)
BY_ID = {front_end.id: front_end for front_end in FRONT_ENDS}
