"""The settings of the workflow on one simulated population."""

from __future__ import annotations

from typing import Any

from workflow_src.settings.catalogue import METHODS, find_method, is_own
from workflow_src.settings.run_table import expand_runs
from workflow_src.settings.runs import Run
from workflow_src.settings.schema import Config, validate_config


def population_settings(config: Config, population: int) -> Config:
    """Return the settings of the comparison's workflow on one simulated population.

    All that trains and tests is set as in `config`, but the corpus is simulated, and its size, the
    scenarios, methods and seeds are those of the block ``comparison``. `population` is the seed.

    Raises
    ------
    InputError
        The settings do not fit together.
    """
    own, content = config.comparison, config.model_dump()
    content["seed"] = population
    content["corpus"] |= {"source": "simulated", "test_speakers": own.tested_speakers}
    content["corpus"]["simulated"]["listing"] |= {"speakers": own.speakers, "utterances": None}
    content["trials"] |= {"source": "generate", "nontarget_only": []}
    content["trials"]["scenarios"] = list(own.scenarios)
    for block in (content["finetuning"], *content["methods"].values()):
        if "seeds" in block:
            block["seeds"] = list(own.seeds)
    content["inference"]["methods"] = list(own.methods)
    content["inference"]["released"] = {"multi-head": None, "adaptive-weight": None}
    content["analysis"]["scenario"] = None
    return validate_config(content, "comparison")


def training_settings(config: Config) -> dict[str, Any]:
    """Return what simulating a corpus and training on it reads, of a whole population's settings.

    Settings that only score and show are left out, and with them thresholds that are not tuned.
    """
    content = config.model_dump()
    methods = [find_method(name) for name in config.inference.methods]
    read = ["methods", "folders"] if any(map(is_own, config.inference.methods)) else ["methods"]
    fitted = {method.settings for method in methods if method.origin == "fitted"}
    trials = {key: content["trials"][key] for key in ("scenarios", "generation")}
    played = {*config.trials.scenarios, *config.tuning.development.scenarios}
    own = {name: row for name, row in content["trials"]["own"].items() if name in played}
    return {
        **{block: content[block] for block in ("seed", "pretraining", "finetuning", "tuning")},
        "corpus": {key: content["corpus"][key] for key in ("source", "test_speakers", "simulated")},
        "trials": trials | {"own": own},
        "inference": {key: content["inference"][key] for key in read},
        "methods": {
            name: block
            for name, block in content["methods"].items()
            if name in fitted or "tuned" in block.values()
        },
    }


def sensitive_runs(config: Config) -> list[Run]:
    """Return the runs whose sensitivity is measured: of a method with several seeds, the first.

    `config` has the settings of a population.
    """
    compared = {method.id for method in METHODS if method.role}
    measured = compared.union(config.comparison.sensitivity.methods)
    runs: dict[str, Run] = {}
    for run in expand_runs(config):
        if run.method in measured:
            runs.setdefault(run.method, run)
    return list(runs.values())
