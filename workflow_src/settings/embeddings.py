"""Settings of the extractor."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from workflow_src.settings.base import Block, GivenPath
from workflow_src.settings.catalogue import ENTRY
from workflow_src.settings.front_ends import BY_ID, FRONT_ENDS, is_own

DEMO = "resources/demo_extractor.onnx"


class Features(Block):
    """What the model's file does not tell of its features, or tells wrongly; null: as it tells."""

    key: ClassVar[str] = "extractor.features"

    sample_rate: Annotated[int, Field(ge=4000, le=192_000)] | None = Field(
        None, description="sample rate of the training, in Hz; told by nobody, 16000"
    )
    feat_dim: Annotated[int, Field(ge=3, le=256)] | None = Field(
        None, description="mel filter banks; told by nobody, 80"
    )
    window_type: Literal["hamming", "povey", "hanning", "hann", "rectangular"] | None = Field(
        None, description="window of a frame"
    )
    normalize_samples: bool | None = Field(
        None, description="true: samples are in [-1, 1]; false: they are multiplied by 2^15"
    )
    feature_normalize_type: Literal["global-mean", "none"] | None = Field(
        None, description="global-mean: the mean over the recording is subtracted"
    )


class Extractor(Block):
    """The pretrained speaker model, and how it reads recordings."""

    key: ClassVar[str] = "extractor"

    model: GivenPath | None = Field(
        DEMO,
        description="ONNX file: features -> embedding [B, D]. For a class of your own "
        "(front_end), the file of its weights, or null if it has none",
    )
    allow_demo: bool = Field(
        False,
        description="whether the demo's extractor, which has only ever heard synthetic voices, may "
        "be used on recordings in a folder",
    )
    front_end: str = Field(
        FRONT_ENDS[0].id,
        json_schema_extra={
            "anyOf": [{"enum": list(BY_ID)}, {"type": "string", "pattern": f"^{ENTRY}$"}]
        },
        description="the features that the model was trained on; "
        + "; ".join(f"{row.id}: {row.batch_shape}, {row.summary}" for row in FRONT_ENDS)
        + "; or a class of your own, as package.module:Class, which is the whole model in torch "
        "(docs/extractors.md)",
    )
    folders: list[GivenPath] = Field(
        [],
        description="folders with the module of your own class; installed packages need none",
    )
    features: Features = Field(default_factory=Features)
    output: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="the output that is the embedding, of a model with more than one"
    )
    windows: Literal["average"] | None = Field(
        None,
        description="for a model that takes recordings of one length only. average: the embedding "
        "is the mean over windows of that length; null: such a model is refused",
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
        if name not in BY_ID and not is_own(name):
            raise ValueError(
                f"there is no front end {name!r}; allowed are: {', '.join(BY_ID)}; or a class of "
                "your own, written package.module:Class"
            )
        return name

    @model_validator(mode="after")
    def _check(self) -> "Extractor":
        if self.max_seconds <= self.min_seconds:
            raise ValueError("max_seconds must be more than min_seconds")
        if not is_own(self.front_end):
            if self.model is None:
                raise ValueError(f"model is null, but the front end {self.front_end} needs one")
            return self
        if self.model == DEMO:
            raise ValueError(
                f"model is that of the demo, which is no file of {self.front_end}; name the file "
                "of its weights, or null if it has none"
            )
        told = [f"features.{key}" for key, value in self.features if value is not None]
        told += [key for key in ("output", "windows") if getattr(self, key) is not None]
        if told:
            raise ValueError(f"{told[0]} is set, which {self.front_end} decides; leave it out")
        if self.sha256 and self.model is None:
            raise ValueError("sha256 is set, but model is null; there is no file to compare")
        return self
