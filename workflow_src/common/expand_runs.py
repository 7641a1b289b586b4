"""The config's methods, settings and seeds, expanded once into the rows of the run table.

A new method, weight, control or policy is a new row here, not a new rule.
"""

from typing import NamedTuple

from workflow_src.common.config.schema import Config
from workflow_src.common.runs import Run


class GivenPolicy(NamedTuple):
    """A policy that the user gives: the method that it must be of, and where it is."""

    method: str
    path: str


def expand_runs(config: Config) -> list[Run]:
    """Expand methods x settings x seeds into runs, in the order of the config; released last."""
    inference, seeds = config.inference, config.finetuning.seeds
    thresholds = {
        "adaptive-weight": inference.adaptive_weight.threshold,
        "multi-head": inference.multi_head.floor,
    }
    runs = []
    for method in inference.methods:
        match method:
            case "baseline":
                runs.append(Run(method, method))
            case "fixed-weight":
                settings = inference.fixed_weight
                runs += [
                    Run(f"{method}-{alpha:g}", method, alpha, settings.threshold)
                    for alpha in settings.alphas
                ]
            case _:
                runs += [
                    _with_policy(f"{method}-seed{seed}", method, thresholds[method], seed)
                    for seed in seeds
                ]
    return runs + [
        _with_policy(f"released-{method}", f"released-{method}", thresholds[method])
        for method in inference.released.given()
    ]


def _with_policy(run: str, method: str, threshold: float, seed: int | None = None) -> Run:
    return Run(run, method, None, threshold, seed, f"results/policies/{run}")


def pretrained_seeds(config: Config) -> list[int]:
    """Return the seeds of which a multi-head policy is pretrained before it is finetuned."""
    needed = (
        "multi-head" in config.inference.methods
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
        if method in config.inference.methods:
            given[f"initial-{method}"] = GivenPolicy(method, path)
    if config.pretraining.checkpoint is not None and pretrained_seeds(config):
        given["initial-pretraining"] = GivenPolicy("multi-head", config.pretraining.checkpoint)
    return given
