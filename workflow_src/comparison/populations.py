"""The settings of the workflow on one simulated population."""

from __future__ import annotations

from typing import Any

from workflow_src.settings.catalogue import find_method, is_own
from workflow_src.settings.schema import Config, validate_config


def population_settings(config: Config, population: int) -> Config:
    """Return the settings of the workflow on one simulated population; `population` is its seed.

    Training and testing are set as in `config`. The corpus is simulated; its size, the scenarios,
    methods and seeds are those of the block ``comparison``.

    Raises
    ------
    InputError
        The settings do not fit together.
    """
    own, content = config.comparison, config.model_dump()
    content["seed"] = population
    content["corpus"] |= {"source": "simulated", "test_speakers": own.tested_speakers}
    listing = content["corpus"]["simulated"]["listing"]
    listing |= {"speakers": own.speakers, "utterances": None}
    # Of a list in place of a drawn one.
    del listing["names"]
    content["trials"] |= {"source": "generate", "nontarget_only": []}
    content["trials"]["scenarios"] = list(own.scenarios)
    for block in (content["finetuning"], *content["methods"].values()):
        if "seeds" in block:
            block["seeds"] = list(own.seeds)
    content["inference"]["methods"] = list(own.methods)
    content["inference"]["released"] = {"multi-head": None, "adaptive-weight": None}
    content["analysis"]["scenario"] = None
    content["evaluation"]["controls"]["scenarios"] = None
    return validate_config(content, "comparison")


def training_settings(config: Config) -> dict[str, Any]:
    """Return the settings that simulating and training read, of a whole population's settings.

    Settings that only score and show are left out, and thresholds that are not tuned.
    """
    content = config.model_dump()
    methods = [find_method(name) for name in config.inference.methods]
    read = ["methods", "folders"] if any(map(is_own, config.inference.methods)) else ["methods"]
    fitted = {method.settings for method in methods if method.origin == "fitted"}
    trials = {key: content["trials"][key] for key in ("scenarios", "orders", "generation")}
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
