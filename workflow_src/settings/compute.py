"""Settings of the device for training and extraction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workflow_src.settings.base import Block


class Compute(Block):
    """The device for training and extraction. On the CPU these settings change no result."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="auto: a GPU if the job finds one, else the CPU; cpu: the CPU; cuda: a GPU, "
        "or an error if there is none",
    )
    deterministic: bool = Field(
        True, description="whether a GPU uses only algorithms that repeat the same bytes"
    )
