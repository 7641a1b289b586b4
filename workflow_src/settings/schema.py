"""The model of all settings, which is the source of ``config.yaml`` and its JSON schema.

``python -m workflow_src.settings.schema --write`` writes both files. ``make check`` fails if they
are out of date.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.settings.analysis import Analysis
from workflow_src.settings.attacks import Attacks
from workflow_src.settings.base import Block, Seed
from workflow_src.settings.comparison import Comparison
from workflow_src.settings.compute import Compute
from workflow_src.settings.corpus import PUBLISHED_EXTRACTOR, PUBLISHED_LAW, Corpus
from workflow_src.settings.embeddings import Extractor
from workflow_src.settings.evaluation import Evaluation
from workflow_src.settings.finetuning import Finetuning
from workflow_src.settings.guards import Guards
from workflow_src.settings.inference import Inference
from workflow_src.settings.methods import Methods
from workflow_src.settings.moved import find_moved
from workflow_src.settings.orders import TrialList
from workflow_src.settings.pretraining import Pretraining
from workflow_src.settings.rendering import render_config
from workflow_src.settings.trials import Trials
from workflow_src.settings.tuning import Tuning


class Config(Block):
    """All settings."""

    seed: Seed = Field(1, description="seed of every random draw of the workflow")
    compute: Compute = Field(default_factory=Compute)
    corpus: Corpus = Field(default_factory=Corpus)
    extractor: Extractor = Field(default_factory=Extractor)
    trials: Trials = Field(default_factory=Trials)
    pretraining: Pretraining = Field(default_factory=Pretraining)
    finetuning: Finetuning = Field(default_factory=Finetuning)
    tuning: Tuning = Field(default_factory=Tuning)
    inference: Inference = Field(default_factory=Inference)
    methods: Methods = Field(default_factory=Methods)
    guards: Guards = Field(default_factory=Guards)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    attacks: Attacks = Field(default_factory=Attacks)
    analysis: Analysis = Field(default_factory=Analysis)
    comparison: Comparison = Field(default_factory=Comparison)

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.corpus.source == "directory" and self.corpus.directory.root is None:
            raise ValueError("corpus.directory.root must name a folder when source is directory")
        if self.corpus.source == "imported" and not self.corpus.imported.embeddings:
            raise ValueError(
                "corpus.imported.embeddings must name at least one file when source is imported"
            )
        development = self.tuning.development.scenarios
        self.trials.check_known(development, "tuning.development.scenarios")
        self.trials.check_known(self.comparison.scenarios, "comparison.scenarios")
        if unknown := set(self.evaluation.controls.scenarios or []) - set(self.trials.scenarios):
            raise ValueError(
                f"evaluation.controls.scenarios has {min(unknown)!r}, which trials.scenarios "
                f"lacks; it has: {', '.join(self.trials.scenarios)}"
            )
        if self.analysis.scenario not in [None, *self.trials.scenarios]:
            raise ValueError(
                f"analysis.scenario is {self.analysis.scenario!r}, which "
                f"trials.scenarios lacks; it has: {', '.join(self.trials.scenarios)}"
            )
        return self

    @property
    def has_published_scale(self) -> bool:
        """Whether the cosines have the scale of the paper's: of its embeddings, or of their law."""
        corpus = self.corpus
        if corpus.source == "imported":
            return corpus.imported.extractor == PUBLISHED_EXTRACTOR
        return corpus.source == "simulated" and corpus.simulated.law == PUBLISHED_LAW

    @property
    def shown_list(self) -> TrialList:
        """The trial list for figures that need exactly one."""
        scenario = self.analysis.scenario or self.trials.scenarios[0]
        return TrialList(scenario=scenario, order=self.trials.used_orders[0])

    @property
    def controlled_lists(self) -> list[TrialList]:
        """The trial lists of the controls: their scenarios in all orders."""
        scenarios = self.evaluation.controls.scenarios or [self.shown_list.scenario]
        return [one for one in self.trials.lists if one.scenario in scenarios]


def validate_config(content: dict[str, Any], source: str = "config") -> Config:
    """Check the merged YAML of a whole configuration. Errors name the file `source`.

    Raises
    ------
    InputError
        One line per fault with the key, the value and the allowed values, or with the new place
        of an old key.
    """
    if moved := find_moved(content):
        raise InputError("\n".join(f"{source}: {line}" for line in moved))
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, source, Config)) from error


def main(argv: list[str] | None = None) -> None:
    """Write ``config.yaml`` and its JSON schema, or check that they are up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write the two files")
    args = parser.parse_args(argv)
    root = Path(__file__).resolve().parents[2]
    contents = {
        root / "config.yaml": render_config(Config()),
        root / "resources/config.schema.json": json.dumps(Config.model_json_schema(), indent=2)
        + "\n",
    }
    for path, content in contents.items():
        if args.write:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            raise SystemExit(f"{path.name} is out of date: run python -m {__spec__.name} --write")


if __name__ == "__main__":
    main()
