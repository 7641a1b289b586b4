"""The run table: the config's methods, settings and seeds, expanded once into rows.

A *run* is a method with its settings and seed. Files are keyed by the run's id, tables join on
it. A new method, weight, control or policy is a new row here, not a new rule.
"""

from dataclasses import asdict, dataclass

import pandas as pd

from workflow_src.common.config import Config


@dataclass(frozen=True)
class Run:
    """One row of the run table.

    Attributes
    ----------
    run
        The id, made of letters, digits, dots and hyphens.
    method
        ``baseline``, ``fixed-weight``, ``adaptive-weight`` or ``multi-head``.
    alpha
        The weight of ``fixed-weight``, else None.
    threshold
        An update needs cos > threshold (the floor of ``multi-head``); None where the method never
        updates.
    seed
        The seed of a trained policy, else None.
    checkpoint
        The folder of the policy, else None.
    """

    run: str
    method: str
    alpha: float | None = None
    threshold: float | None = None
    seed: int | None = None
    checkpoint: str | None = None


def expand_runs(config: Config) -> list[Run]:
    """Expand methods x settings x seeds into runs, in the order of the config."""
    inference, seeds = config.inference, config.finetuning.seeds
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
            case "adaptive-weight":
                runs += [_trained(method, inference.adaptive_weight.threshold, s) for s in seeds]
            case "multi-head":
                runs += [_trained(method, inference.multi_head.floor, s) for s in seeds]
    return runs


def _trained(method: str, threshold: float, seed: int) -> Run:
    run = f"{method}-seed{seed}"
    return Run(run, method, None, threshold, seed, f"results/policies/{run}")


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: a row a run, empty cells where a column doesn't apply."""
    table = pd.DataFrame([asdict(run) for run in runs])
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})
