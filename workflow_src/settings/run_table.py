"""The run table: the runs of the config's methods, settings and seeds.

Every list of runs is a query on the catalogue. A new method, weight or policy needs a new row of
the table, but no new rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from workflow_src.common.errors import InputError
from workflow_src.settings.catalogue import (
    BY_ID,
    METHODS,
    PRETRAINED,
    WITH_GUARD,
    Method,
    Role,
    find_by_role,
    find_method,
    is_own,
    split_guards,
)
from workflow_src.settings.own_rules import find_folder, name_run
from workflow_src.settings.runs import GIVEN, MISFIT, PAPER, TUNED, Run, threshold_key
from workflow_src.settings.schema import Config


class GivenPolicy(NamedTuple):
    """A policy that the user gives: its method, its path, and the setting that names it."""

    method: str
    path: str
    key: str


def expand_runs(config: Config) -> list[Run]:
    """Expand methods x settings x seeds into runs, in the order of the config; released last.

    Raises
    ------
    InputError
        The module of a user's own rule is missing, two things would have the name of one run, or a
        method stands there with guards and not without.
    """
    released = [f"released-{method}" for method in config.inference.released.given()]
    runs: dict[str, Run] = {}
    for name in [*config.inference.methods, *released]:
        for run in _expand_method(config, find_method(name)):
            if run.run in runs:
                raise InputError(
                    f"inference.methods: {runs[run.run].method} and {name} would both be the run "
                    f"{run.run!r}; rename the module or the class of your own"
                )
            runs[run.run] = run
            if is_own(run.method) and _is_taken(run.run):
                raise InputError(
                    f"inference.methods: {name} would be the run {run.run!r}, which is a name of "
                    "this workflow; rename the module or the class of your own"
                )
    for run in runs.values():
        if run.unguarded not in runs:
            inner = split_guards(run.method)[0]
            raise InputError(
                f"inference.methods: {run.method} is compared with {inner}, which is not there; "
                f"list {inner}, too"
            )
    return list(runs.values())


def reference_run(config: Config, role: Role) -> Run:
    """Return the run with which others are compared, also where the config does not list it.

    The methods of a role are not trained with seeds and have no weights to choose: one run each.
    """
    [run] = _expand_method(config, find_by_role(role))
    return run


def _is_taken(run: str) -> bool:
    """Whether a run's name could be that of a method's run, or of a policy to start from."""
    if run in BY_ID or run.startswith(("initial-", f"{PRETRAINED}-seed")):
        return True
    return any(run.startswith(f"{row.id}-seed") for row in METHODS if row.seeded)


def _expand_method(config: Config, method: Method) -> list[Run]:
    inner, guards = split_guards(method.id)
    if guards:
        return [
            replace(
                run,
                run=WITH_GUARD.join([run.run, *guards]),
                method=method.id,
                guards={guard: _find_limit(config, run, guard) for guard in guards},
            )
            for run in _expand_method(config, find_method(inner))
        ]
    if is_own(method.id):
        folder = find_folder(method.entry, config.inference.folders)
        return [_make_run(config, method, name_run(method.id), folder=folder)]
    if method.alphas:
        return [
            _make_run(config, method, f"{method.id}-{_shortest(alpha)}", alpha=alpha)
            for alpha in _read_block(config, method)["alphas"]
        ]
    if method.seeded:
        ppo = method.origin == "ppo"
        seeds = config.finetuning.seeds if ppo else _read_block(config, method)["seeds"]
        return [_make_run(config, method, f"{method.id}-seed{s}", seed=s) for s in seeds]
    return [_make_run(config, method, method.id)]


def _find_limit(config: Config, run: Run, guard: str) -> float | str:
    """Return the limit of a guard of a run, or the file of its tuned limit."""
    limit = config.guards.limit(guard)
    return f"results/policies/{run.run}/limits/{guard}.json" if limit == "tuned" else limit


def _shortest(number: float) -> str:
    """Return the shortest text that gives back a number: two numbers never share an id."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


def _make_run(config: Config, method: Method, run: str, **others: Any) -> Run:
    folder = f"results/policies/{run}"
    others["checkpoint"] = None if method.origin == "nothing" else folder
    if method.threshold is not None:
        threshold = _read_block(config, method)[method.threshold]
        if threshold == "tuned":
            others |= {"tuned": f"{folder}/threshold.json", "threshold_from": TUNED}
        else:
            paper = PAPER if config.has_published_scale else MISFIT
            source = paper if threshold == method.published else GIVEN
            others |= {"threshold": threshold, "threshold_from": source}
    if method.origin == "nothing":
        block, others_own = _read_block(config, method), ("alphas", method.threshold)
        others["options"] = {key: block[key] for key in block if key not in others_own}
    return Run(run, method.id, entry=method.entry, **others)


def _read_block(config: Config, method: Method) -> dict[str, Any]:
    """Return the block of a method; empty if it has none."""
    return config.methods.block(method.settings).model_dump() if method.settings else {}


def fitted_runs(config: Config) -> list[Run]:
    """Return the runs that are fitted on development trials.

    They include each run from which another fit starts, even if it is not scored.
    """
    fitted = [run for run in _unguarded(config) if find_method(run.method).origin == "fitted"]
    for run in fitted:
        start = find_method(run.method).starts_from
        if start is not None and all(other.method != start for other in fitted):
            fitted += _expand_method(config, find_method(start))
    return fitted


def describe_misfits(runs: Iterable[Run]) -> list[str]:
    """Say in a line for each setting which runs have the threshold of another speaker model."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.threshold_from == MISFIT:
            found.setdefault(threshold_key(run), []).append(run)
    return [
        f"{key}: {of_key[0].threshold} is the paper's and belongs to another speaker model; runs "
        f"with it: {len(of_key)} (first: {of_key[0].run}); tuned chooses one on training speakers"
        for key, of_key in found.items()
    ]


def develops(config: Config) -> bool:
    """Whether a run is fitted or tuned on development trials."""
    runs = expand_runs(config)
    return bool(fitted_runs(config)) or any(run.tuned or run.tuned_limits for run in runs)


def ppo_runs(config: Config) -> list[Run]:
    """Return the runs that are trained by PPO."""
    return [run for run in _unguarded(config) if find_method(run.method).origin == "ppo"]


def _unguarded(config: Config) -> list[Run]:
    """Return the runs without guards; those with guards have the policies of these."""
    return [run for run in expand_runs(config) if not run.guards]


def pretrained_seeds(config: Config) -> list[int]:
    """Return the seeds of the policies that are pretrained before finetuning."""
    needed = (
        any(find_method(name).starts_from == PRETRAINED for name in config.inference.methods)
        and config.pretraining.enabled
        and config.finetuning.checkpoint.multi_head is None
    )
    return list(config.finetuning.seeds) if needed else []


def given_policies(config: Config) -> dict[str, GivenPolicy]:
    """Return the given policies that runs use, by their folder under results/policies."""
    given = {
        f"released-{method}": GivenPolicy(method, path, f"inference.released.{method}")
        for method, path in config.inference.released.given().items()
    }
    for method, path in config.finetuning.checkpoint.given().items():
        if any(name in config.inference.methods for name in _started_by(method)):
            key = f"finetuning.checkpoint.{method}"
            given[f"initial-{method}"] = GivenPolicy(method, path, key)
    if config.pretraining.checkpoint is not None and pretrained_seeds(config):
        path = config.pretraining.checkpoint
        given["initial-pretraining"] = GivenPolicy("multi-head", path, "pretraining.checkpoint")
    return given


def finetuning_start(config: Config, run: Run) -> str | None:
    """Return the folder under results/policies from which finetuning starts, or None."""
    pretrained = find_method(run.method).starts_from == PRETRAINED
    if pretrained and run.seed in pretrained_seeds(config):
        return f"pretrained-seed{run.seed}"
    given = config.finetuning.checkpoint.given()
    return next((f"initial-{name}" for name in given if run.method in _started_by(name)), None)


def _started_by(method: str) -> list[str]:
    """List the methods that can start from a policy of a method: those of the same class."""
    return [row.id for row in METHODS if row.origin == "ppo" and row.entry == BY_ID[method].entry]


def own_settings(config: Config, run: Run) -> dict[str, Any]:
    """Return the block of a run's method without its seeds."""
    own = _read_block(config, find_method(run.method))
    return {name: value for name, value in own.items() if name != "seeds"}
