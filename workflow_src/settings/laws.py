"""The laws of synthetic voices and simulated embeddings, as the files of ``resources/laws``.

A law is a file of fitted or chosen numbers, which a setting names. The files explain each number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from workflow_src.common.errors import InputError, describe_validation_error, printable
from workflow_src.common.limits import plain_size
from workflow_src.common.yaml_text import check_keys
from workflow_src.settings.base import Block, Probability

# Of a file. The laws there are have a tenth of it.
MAX_BYTES, MAX_BRACKETS = 100_000, 500
Size = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Shares = dict[str, Size]


class VoiceLaw(Block):
    """How the voices of the demo corpus change, and how they are recorded."""

    key: ClassVar[str] = "corpus.synthetic.law"

    drift: Size
    drift_days: Positive
    day_offset: Size
    slot_offset: Size
    utterance_offset: Size
    effects: Size
    states: Shares
    noise: Shares

    @model_validator(mode="after")
    def _check(self) -> VoiceLaw:
        known = {
            "states": ("normal", "sleepy", "sore throat", "cold"),
            "noise": ("quiet", "normal", "noisy", "extremely noisy"),
        }
        for key, names in known.items():
            shares = getattr(self, key)
            if set(shares) - set(names):
                wrong = next(name for name in shares if name not in names)
                raise ValueError(f"{key} knows no {wrong!r}; allowed are: {', '.join(names)}")
            if not sum(shares.values()) > 0:
                raise ValueError(f"{key} needs at least one share above 0")
        return self


class EmbeddingLaw(Block):
    """The law of simulated embeddings; docs/simulation.md has its formulas."""

    key: ClassVar[str] = "corpus.simulated.law"

    dimension: Annotated[int, Field(ge=2, le=4096)]
    speaker_decay: Positive
    change_decay: Positive
    clusters: Annotated[int, Field(ge=1)]
    cluster_share: Probability
    gender: Size
    drift: Size
    drift_correlation: Annotated[float, Field(ge=0, lt=1)]
    drift_spread: Size
    day: Size
    day_spread: Size
    settling: Size
    settling_days: Positive
    slot: Size
    session: Size
    utterance: Size
    utterance_spread: Size
    noise_spread: Size
    phrase: Size


Law = TypeVar("Law", VoiceLaw, EmbeddingLaw)


def read_law(path: str | Path, kind: type[Law]) -> Law:
    """Read a law from a YAML file.

    Raises
    ------
    InputError
        The file cannot be read or is no YAML; a key stands twice; or a number is missing, unknown
        or out of range.
    """
    if plain_size(path) > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES:,} bytes, which no law is")
    try:
        text = Path(path).read_text(encoding="utf-8")
        # The reader's time grows with the square of the depth of brackets.
        if text.count("[") + text.count("{") > MAX_BRACKETS:
            raise InputError(f"{path}: has more than {MAX_BRACKETS} brackets, which no law has")
        check_keys(text, path)
        content = yaml.safe_load(text)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be read ({reason}); {kind.key} names it") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as YAML ({printable(reason)})") from error
    if isinstance(content, dict):
        numbers = kind.model_fields
        for name in content:
            if name not in numbers:
                allowed = ", ".join(numbers)
                raise InputError(f"{path}: {printable(name)}: unknown key; allowed are: {allowed}")
        missing = [name for name in numbers if name not in content]
        if missing:
            raise InputError(f"{path}: lacks {', '.join(missing)}; a law has all its numbers")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, str(path))) from error
