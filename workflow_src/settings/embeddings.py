"""Settings of the extractor."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from workflow_src.settings.base import Block, GivenPath
from workflow_src.settings.front_ends import BY_ID, FRONT_ENDS


class Extractor(Block):
    """The pretrained speaker model, and how it reads recordings."""

    key: ClassVar[str] = "extractor"

    model: GivenPath = Field(
        "resources/demo_extractor.onnx",
        description="ONNX file: features -> embedding [B, D]",
    )
    front_end: str = Field(
        FRONT_ENDS[0].id,
        json_schema_extra={"enum": list(BY_ID)},
        description="the features that the model was trained on; "
        + "; ".join(f"{row.id}: {row.batch_shape}, {row.summary}" for row in FRONT_ENDS),
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        None,
        description="sha256 that the model file must have (64 hexadecimal digits), or null to "
        "accept any file",
    )
    min_seconds: float = Field(
        0.3, ge=0.05, description="shortest length of a recording that is accepted, in seconds"
    )
    max_seconds: float = Field(
        300.0,
        le=3600,
        description="longest length of a recording that is accepted, in seconds; at most 3600, "
        "since memory holds a recording whole",
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None,
        description="recordings of one length in a batch. null: 1 on the CPU, which is fastest "
        "there, and 32 on a GPU",
    )
    shards: int = Field(
        8, ge=1, le=9999, description="parts of the corpus, by speaker, extracted in parallel"
    )

    @field_validator("front_end")
    @classmethod
    def _check_front_end(cls, name: str) -> str:
        if name not in BY_ID:
            raise ValueError(f"there is no front end {name!r}; allowed are: {', '.join(BY_ID)}")
        return name

    @model_validator(mode="after")
    def _check(self) -> "Extractor":
        if self.max_seconds <= self.min_seconds:
            raise ValueError("max_seconds must be more than min_seconds")
        return self
