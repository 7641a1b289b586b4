"""Settings of the trials: the scenarios, and the source of their trials."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflow_src.common.errors import did_you_mean
from workflow_src.settings.base import Block, Distinct
from workflow_src.settings.generation import Generation, Scenario, ScenarioId, ScenarioSettings
from workflow_src.settings.imported_trials import ImportedTrials
from workflow_src.settings.orders import NEW_ORDERS, Order, TrialList, list_id
from workflow_src.settings.scenarios import BY_ID


class Trials(Block):
    """The trial protocols."""

    source: Literal["generate", "import"] = Field(
        "generate",
        description="generate: trials are made from the manifest; import: trials are read from "
        "lists",
    )
    scenarios: Distinct[ScenarioId] = Field(
        list(BY_ID),
        min_length=1,
        description="scenarios that are made or imported, then scored: any of the nine published "
        "ones and of trials.own; imported tables and pairs may have any name",
    )
    orders: Annotated[Distinct[Order], Field(min_length=1)] | None = Field(
        None,
        description="orders of each scenario's trials; the first is shown where a figure shows "
        "one. published: a non-target after each target, which tells the label to whoever counts; "
        "shuffled: these, each day's in random order; independent: coin flips, of which no order "
        "and no count tells the label. null: published and independent; of imported trials, "
        "published and shuffled; of imported pairs that are no sequences, published",
    )
    own: dict[ScenarioId, ScenarioSettings] = Field(
        {},
        description="scenarios of your own, which other keys can name like the published ones: id "
        "-> {every: days from one test day to the next, or random; targets: all or one of a day's "
        "utterances; rounds: a number if targets is one, else null; enrolment: [day indices, one "
        "template for each]; unit: day, week, month or session, which then takes the place of "
        "days}",
    )
    nontarget_only: Distinct[Annotated[str, Field(min_length=1)]] = Field(
        [],
        description="speakers who serve only as non-targets; they never enrol and never train "
        '(published: "0124")',
    )
    generation: Generation = Field(
        default_factory=Generation, description="the generation of trials from the manifest"
    )
    imported: ImportedTrials = Field(
        default_factory=ImportedTrials, description="trial lists that were made elsewhere"
    )

    @model_validator(mode="after")
    def _check(self) -> "Trials":
        if taken := [name for name in self.own if name in BY_ID]:
            raise ValueError(f"own has {taken[0]!r}, which is a published scenario; rename yours")
        if self.source == "generate" or self.imported.form == "published":
            self.check_known(self.scenarios, "scenarios")
        for other in [*BY_ID, *self.own, *self.scenarios]:
            for order in NEW_ORDERS:
                name = list_id(other, order)
                if name in self.own or name in self.scenarios:
                    raise ValueError(
                        f"{'own' if name in self.own else 'scenarios'} has {name!r}, which names "
                        f"the trials of {other} in {order} order; rename yours"
                    )
        if self.source == "import" and "independent" in (self.orders or []):
            raise ValueError(
                "orders has independent, but source is import, and lists do not tell which other "
                "trials a day could have; allowed: published, shuffled"
            )
        if self.source == "import" and self.imported.root is None:
            raise ValueError("imported.root must name a folder when source is import")
        return self

    def check_known(self, names: Iterable[str], key: str) -> None:
        """Raise a `ValueError` if the list under `key` names an unknown scenario."""
        known = [*BY_ID, *self.own]
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{key} has {name!r}, which is no scenario; allowed: {', '.join(known)}; "
                    f"others are defined in trials.own{did_you_mean(name, known)}"
                )

    @property
    def used_orders(self) -> list[Order]:
        """The orders of each scenario's trials."""
        if self.orders:
            return self.orders
        if self.source == "generate":
            return ["published", "independent"]
        # The trials of pairs that are no sequences do not follow one another.
        pairs = self.imported.form == "pairs" and not self.imported.sequences
        return ["published"] if pairs else ["published", "shuffled"]

    @property
    def lists(self) -> list[TrialList]:
        """Each scenario in each order."""
        return [
            TrialList(scenario=scenario, order=order)
            for scenario in self.scenarios
            for order in self.used_orders
        ]

    def find(self, name: str) -> Scenario:
        """Return the published or own scenario of a name.

        Imported tables and pairs need no row. Without one they count as tests of every day.
        """
        row = self.own.get(name) or ScenarioSettings(every=1, targets="all")
        return BY_ID.get(name) or Scenario(id=name, **row.model_dump())
