"""What all blocks of settings are made of, and how their faults are told."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Weight = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(ge=-1, le=1)]
TunableThreshold = Threshold | Literal["tuned"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Block(BaseModel):
    """A block of settings: typed, without unknown keys, without numbers given as text."""

    # An alias is the one spelling of its key, in and out: what was written can be read again.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, serialize_by_alias=True)


def distinct(values: list[Any], key: str) -> None:
    """Refuse a list that holds a value twice."""
    if len(set(values)) != len(values):
        raise ValueError(f"{key} lists a value twice; each may stand there once")


def describe_validation_error(error: ValidationError, source: str) -> str:
    """Say what pydantic found: for each fault one line, ``source: key: what is wrong``."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"] if not _is_branch(part))
        lines.append(f"{source}: {key + ': ' if key else ''}{_describe_fault(fault)}")
    return "\n".join(dict.fromkeys(lines))


def _is_branch(part: str | int) -> bool:
    """Whether a part of a place is pydantic's name for the branch of a union, not a key."""
    return isinstance(part, str) and ("[" in part or part.startswith("constrained-"))


def _describe_fault(fault: dict[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key; see config.yaml for the keys there are"
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    said = f"{value!r} is not allowed: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    if isinstance(value, str) and fault["type"] in {"float_type", "int_type"}:
        said += " (in YAML, 3e-4 is text; write 0.0003 or 3.0e-4)"
    return said
