"""The catalogue of front ends: one row for each.

A front end turns a waveform into the features that a speaker model was trained on. The config and
the Snakefile read the rows, so this module imports little. The extraction step gets its row as an
argument and loads the front end by the row's entry point, so a new row reruns nothing. A new front
end needs one file and one row; docs/extractors.md shows how.
"""

from __future__ import annotations

import re
from typing import ClassVar

from workflow_src.settings.base import Block
from workflow_src.settings.catalogue import ENTRY
from workflow_src.settings.own_rules import find_folder


class FrontEnd(Block):
    """A front end.

    Attributes
    ----------
    id
        Name in the config.
    entry
        ``module:function``. The function takes a waveform, float32 [samples], one channel, in
        [-1, 1], and returns the features of one recording, float32 of the shape `shape`.
    sample_rate
        Sample rate of the waveform, in Hz.
    shape
        Shape of the features. The axis that grows with the recording is text: ``"T"``, of frames.
    told
        What the model's file or ``extractor.features`` tells of the features. With anything but
        ``sample_rate``, the function takes this (`workflow_src.settings.embeddings.Features`) and
        the file's ``framework``, and returns the function of a waveform. ``feat_dim`` is then the
        size of the last axis.
    summary, reference
        One line on what the front end computes, and its source.
    own
        Whether the entry is a user's own class, which is the whole speaker model in torch. The
        class tells the sample rate.
    folder
        The folder that holds the module of that class; None if it is installed.
    """

    key: ClassVar[str] = "front end"

    id: str
    entry: str
    sample_rate: int
    shape: tuple[int | str, ...]
    told: tuple[str, ...] = ()
    summary: str = ""
    reference: str = ""
    own: bool = False
    folder: str | None = None

    @property
    def module(self) -> str:
        """The module of the entry point."""
        return self.entry.partition(":")[0]

    @property
    def read_by_step(self) -> str:
        """The fields that extraction reads, as JSON."""
        return self.model_dump_json(exclude={"summary", "reference"}, exclude_defaults=True)

    @property
    def growing(self) -> int:
        """The axis that grows with the recording."""
        return next(i for i, size in enumerate(self.shape) if isinstance(size, str))

    @property
    def batch_shape(self) -> str:
        """The input shape of a model as text: ``[B, T, 80]``."""
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
    FrontEnd(
        id="fbank",
        entry="workflow_src.embeddings.fbank:make_fbank",
        sample_rate=16_000,
        shape=("T", 80),
        told=(
            "sample_rate",
            "feat_dim",
            "window_type",
            "normalize_samples",
            "feature_normalize_type",
        ),
        summary="log mel filter banks as the metadata of the model's file tell, or features",
        reference="sherpa-onnx; https://github.com/k2-fsa/sherpa-onnx",
    ),
    FrontEnd(
        id="waveform",
        entry="workflow_src.embeddings.waveform:keep_samples",
        sample_rate=16_000,
        shape=("S",),
        told=("sample_rate",),
        summary="the samples, for models that carry their own front end",
        reference="docs/extractors.md",
    ),
)
BY_ID = {front_end.id: front_end for front_end in FRONT_ENDS}


def is_own(name: str) -> bool:
    """Whether a front end is the entry point of a user's own class."""
    return name not in BY_ID and re.fullmatch(ENTRY, name, re.ASCII) is not None


def find_front_end(name: str, folders: list[str]) -> FrontEnd:
    """Return the row of a front end, or a new row for the entry point of a user's own class.

    Raises
    ------
    InputError
        No folder holds the module of the class, and it is not installed.
    """
    if not is_own(name):
        return BY_ID[name]
    folder = find_folder(name, folders, "extractor.front_end", "extractor.folders")
    return FrontEnd(id=name, entry=name, sample_rate=16_000, shape=("S",), own=True, folder=folder)
