"""The base class of all blocks of settings, and the types that they share."""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

# Of 64 bits.
LARGEST = 2**63 - 1
Weight = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(ge=-1, le=1)]
TunableThreshold = Threshold | Literal["tuned"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def check_path(path: str) -> str:
    """Return the path of a user's file; raises `ValueError` where no rule can have it."""
    # Snakemake reads text in braces as a wildcard.
    if any(character in "{}\x7f" or character < " " for character in path):
        raise ValueError(f"{path!r} holds a brace or a control character; rename it")
    return path


GivenPath = Annotated[str, Field(min_length=1), AfterValidator(check_path)]
"""The path of a user's file or folder."""


def _check_distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("lists a value twice; each may stand there once")
    return values


Item = TypeVar("Item")
Distinct = Annotated[list[Item], AfterValidator(_check_distinct)]
"""A list in which no value occurs twice."""


class Block(BaseModel):
    """A block of settings. It has types, no unknown keys, and no numbers written as text."""

    key: ClassVar[str] = "config"
    """The block's dotted place in the config."""

    # Keys are read and written by their alias, so a written config can be read again.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )

    # Not before pydantic's own checks: what comes from JSON would lose that it does.
    @field_validator("*")
    @classmethod
    def _check_size(cls, value: Any) -> Any:
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > LARGEST:
                raise ValueError(f"has a number beyond {LARGEST}, the largest that tables can hold")
        return value
