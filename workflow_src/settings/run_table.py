"""The config's methods, settings and seeds, expanded once into the rows of the run table.

A new method, weight, control or policy is a new row here, not a new rule.
"""

from typing import Any, NamedTuple

from workflow_src.settings.policies import PPO_METHODS
from workflow_src.settings.runs import FIXED, Run
from workflow_src.settings.schema import Config, validate_config

# Fitted on development trials, without a seed.
FITTED_METHODS = [FIXED, "soft", "kalman", "spherical-plda", "oracle"]
# Methods that start from a pretrained multi-head policy.
EMBEDDING_POLICIES = ["multi-head", "multi-head-margin"]


class GivenPolicy(NamedTuple):
    """A policy that the user gives: the method that it must be of, and where it is."""

    method: str
    path: str


def expand_runs(config: Config) -> list[Run]:
    """Expand methods x settings x seeds into runs, in the order of the config; released last."""
    inference = config.inference
    runs = []
    for method in inference.methods:
        match method:
            case "baseline":
                runs.append(Run(method, method))
            case "fixed-weight":
                settings = inference.fixed_weight
                runs += [
                    _make_run(f"{method}-{alpha:g}", method, settings.threshold, alpha=alpha)
                    for alpha in settings.alphas
                ]
            case "speaker-mean":
                runs.append(Run(method, method))
            case "through-time":
                runs += [
                    Run(
                        f"{method}-seed{n}", method, seed=n, checkpoint=_folder(f"{method}-seed{n}")
                    )
                    for n in config.tuning.through_time.seeds
                ]
            case _ if method in FITTED_METHODS:
                runs.append(Run(method, method, checkpoint=_folder(method)))
            case _:
                runs += [
                    _with_policy(config, f"{method}-seed{seed}", method, seed)
                    for seed in config.finetuning.seeds
                ]
    return runs + [
        _with_policy(config, f"released-{method}", f"released-{method}")
        for method in inference.released.given()
    ]


def _with_policy(config: Config, run: str, method: str, seed: int | None = None) -> Run:
    inference = config.inference
    threshold = (
        inference.adaptive_weight.threshold
        if method.endswith("adaptive-weight")
        else inference.multi_head.floor
    )
    return _make_run(run, method, threshold, seed=seed, checkpoint=_folder(run))


def _make_run(run: str, method: str, threshold: float | str, **others: Any) -> Run:
    if threshold == "tuned":
        return Run(run, method, tuned=f"{_folder(run)}/threshold.json", **others)
    return Run(run, method, threshold=threshold, **others)


def _folder(run: str) -> str:
    return f"results/policies/{run}"


def population_settings(config: Config, population: int) -> Config:
    """Return the settings of the comparison's workflow on one simulated population.

    Those of `config` for all that trains and tests, but the corpus is simulated, of the size that
    the block ``comparison`` says, and what it names is compared; `population` is the seed.

    Raises
    ------
    InputError
        The settings do not fit together.
    """
    own, content = config.comparison, config.model_dump(by_alias=True)
    content["seed"] = population
    content["corpus"] |= {"source": "simulated", "test_speakers": own.test_speakers}
    content["corpus"]["simulated"]["listing"] |= {"speakers": own.speakers, "utterances": None}
    content["trials"] |= {"source": "generate", "nontarget_only": []}
    content["trials"]["scenarios"] = list(own.scenarios)
    content["finetuning"]["seeds"] = content["tuning"]["through-time"]["seeds"] = list(own.seeds)
    content["inference"]["methods"] = list(own.methods)
    content["inference"]["released"] = {"multi-head": None, "adaptive-weight": None}
    content["analysis"]["scenario"] = own.scenarios[0]
    return validate_config(content, "comparison")


def training_settings(config: Config) -> dict[str, Any]:
    """Return what simulating a corpus and training on it reads, of a whole population's settings.

    Thresholds that are not tuned are left out with all else that only scores and shows.
    """
    content = config.model_dump(by_alias=True)
    inference = content["inference"]
    kept = {"methods": inference["methods"]}
    for method in ("fixed_weight", "adaptive_weight", "multi_head"):
        if "tuned" in inference[method].values():
            kept[method] = inference[method]
    corpus = {key: content["corpus"][key] for key in ("source", "test_speakers", "simulated")}
    trials = {key: content["trials"][key] for key in ("scenarios", "generation")}
    blocks = ("seed", "pretraining", "finetuning", "tuning")
    return {
        **{block: content[block] for block in blocks},
        "corpus": corpus,
        "trials": trials,
        "inference": kept,
        "analysis": {"scenario": content["analysis"]["scenario"]},
    }


def fitted_runs(config: Config) -> list[Run]:
    """Return the runs that are fitted on development trials.

    `fixed-weight-tuned` is among them when another one starts from it, scored or not.
    """
    fitted = [run for run in expand_runs(config) if run.method in [*FITTED_METHODS, "through-time"]]
    if any(needs_fixed(run) for run in fitted) and all(run.run != FIXED for run in fitted):
        fitted.append(Run(FIXED, FIXED, checkpoint=_folder(FIXED)))
    return fitted


def needs_fixed(run: Run) -> bool:
    """Whether fitting a run starts from the tuned fixed weight."""
    return run.method not in (FIXED, "oracle")


def ppo_runs(config: Config) -> list[Run]:
    """Return the runs that are trained by PPO."""
    return [run for run in expand_runs(config) if run.method in PPO_METHODS]


def pretrained_seeds(config: Config) -> list[int]:
    """Return the seeds of which a multi-head policy is pretrained before it is finetuned."""
    needed = (
        any(method in config.inference.methods for method in EMBEDDING_POLICIES)
        and config.pretraining.enabled
        and config.finetuning.checkpoint.multi_head is None
    )
    return list(config.finetuning.seeds) if needed else []


def given_policies(config: Config) -> dict[str, GivenPolicy]:
    """Return the policies that are given and in use, by their folder under results/policies."""
    given = {
        f"released-{method}": GivenPolicy(method, path)
        for method, path in config.inference.released.given().items()
    }
    for method, path in config.finetuning.checkpoint.given().items():
        started = EMBEDDING_POLICIES if method == "multi-head" else [method]
        if any(name in config.inference.methods for name in started):
            given[f"initial-{method}"] = GivenPolicy(method, path)
    if config.pretraining.checkpoint is not None and pretrained_seeds(config):
        given["initial-pretraining"] = GivenPolicy("multi-head", config.pretraining.checkpoint)
    return given
