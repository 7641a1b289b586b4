"""Trial lists: a scenario in an order."""

from __future__ import annotations

from typing import ClassVar, Literal

from workflow_src.settings.base import Block
from workflow_src.settings.generation import ScenarioId

Order = Literal["published", "shuffled", "independent"]
NEW_ORDERS: tuple[Order, ...] = ("shuffled", "independent")


class TrialList(Block):
    """A scenario in an order."""

    key: ClassVar[str] = "trial list"

    scenario: ScenarioId
    order: Order = "published"

    @property
    def id(self) -> str:
        """The name of its files: the scenario; with another order than the published one, both."""
        return list_id(self.scenario, self.order)


def list_id(scenario: str, order: Order) -> str:
    """Return the name of a trial list's files."""
    return scenario if order == "published" else f"{scenario}-{order}"
