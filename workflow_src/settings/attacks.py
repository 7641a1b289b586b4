"""Settings of attacks on templates."""

from typing import ClassVar

from pydantic import Field

from workflow_src.settings.base import Block


class Attacks(Block):
    """Attackers who try to be accepted, and to move the template; for the target attacks."""

    key: ClassVar[str] = "attacks"

    attempts_a_day: int = Field(
        2,
        ge=1,
        le=100,
        description="attempts of the attacker on each day of the victim's tests, after these",
    )
    days: int = Field(
        5,
        ge=1,
        le=10_000,
        description="days with attempts: the first on which the victim is tested. On later days, "
        "the victim's false rejections and the recovery are measured",
    )
    recordings: int = Field(
        20, ge=1, le=1000, description="recordings that an attacker has of the own voice, at most"
    )
    recovery: int = Field(
        5,
        ge=1,
        le=1000,
        description="a victim has recovered when so many tests in a row are accepted, save those "
        "that are rejected without an attack, too",
    )
