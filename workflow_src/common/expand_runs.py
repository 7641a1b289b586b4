"""The config's methods, settings and seeds, expanded once into the rows of the run table.

A new method, weight, control or policy is a new row here, not a new rule.
"""

from workflow_src.common.config.schema import Config
from workflow_src.common.runs import Run


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
