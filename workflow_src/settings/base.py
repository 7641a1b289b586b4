"""What all blocks of settings are made of, and the types that they share."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(ge=-1, le=1)]
TunableThreshold = Threshold | Literal["tuned"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def _check_path(path: str) -> str:
    # Snakemake takes what stands in braces for a wildcard.
    if any(character in "{}\x7f" or character < " " for character in path):
        raise ValueError(f"{path!r} holds a brace or a control character; rename it")
    return path


GivenPath = Annotated[str, Field(min_length=1), AfterValidator(_check_path)]
"""The path of a file or folder of the user's."""


class Block(BaseModel):
    """A block of settings: typed, without unknown keys, without numbers given as text."""

    key: ClassVar[str] = "config"
    """Where the block stands in the config, dotted."""

    # An alias is the one spelling of its key, in and out: what was written can be read again.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )


def distinct(values: list[Any], key: str) -> None:
    """Refuse a list that holds a value twice."""
    if len(set(values)) != len(values):
        raise ValueError(f"{key} lists a value twice; each may stand there once")
