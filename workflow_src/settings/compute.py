"""Settings of where training and extraction compute."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workflow_src.settings.base import Block


class Compute(Block):
    """Where training and extraction compute. On the CPU nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="auto: a GPU where the job finds one, else the CPU; cpu: the CPU; cuda: a GPU, "
        "or an error without one",
    )
    deterministic: bool = Field(
        True, description="whether a GPU uses only algorithms that give the same bytes in every run"
    )
