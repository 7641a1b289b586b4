"""Finished runs of each kind: what `reruns.WORLDS` is checked in."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.workflow.forked_runs import Command, Outcome, dry_run, run_all
from tests.workflow.reruns import CONTENTS, FILES, WORLDS, World
from tests.workflow.running import CLONE, TINY, arguments

# Outputs that are folders.
FOLDERS = {"workflow"}
# For parametrized tests: the run that other tests have anyway, and all others slowly.
EACH_WORLD = [
    name if name == "synthetic" else pytest.param(name, marks=pytest.mark.slow) for name in WORLDS
]


class FinishedRun(NamedTuple):
    """A kind of run, and the folder of one that is finished."""

    world: World
    folder: Path

    def dry_run(self, overlay=None, *options, edits=None) -> Command:
        """Return the command of a dry run, with another overlay in place of the run's own."""
        return dry_run(
            self.folder,
            self.configs(self.world.overlay if overlay is None else overlay),
            *options,
            targets=self.world.targets,
            edits=edits,
        )

    def job_graph(self, overlay=None, targets=None) -> Command:
        """Return the command that prints the graph of all jobs, of these targets or its own."""
        configs = self.configs(self.world.overlay if overlay is None else overlay)
        wanted = self.world.targets if targets is None else targets
        return Command(arguments(self.folder, configs, "--dag", "--", *wanted))

    def list_rules(self, overlay) -> Command:
        """Return the command that lists all rules there are with another overlay."""
        return Command(arguments(self.folder, self.configs(overlay), "--list-rules"))

    def configs(self, overlay) -> list[Path]:
        """Return the files of the settings, the tiny configuration's and the overlay's."""
        folder = self.folder / "overlays"
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump(overlay))
        return [TINY, path]


class FinishedRuns:
    """A finished run of each kind, by its name, made when it is first asked for.

    The kind ``synthetic`` is a run of the whole graph. Of the others no step is run, which would
    take minutes: their outputs are empty files that Snakemake is told to take for finished
    (``--touch``), with the same records of settings, code and inputs as after a run.
    """

    def __init__(self, finished: Path, folder: Path) -> None:
        self._made: dict[str, FinishedRun] = {}
        self._folder = folder
        self._made["synthetic"] = FinishedRun(WORLDS["synthetic"], finished)
        self._give_files(self._made["synthetic"])

    def __getitem__(self, name: str) -> FinishedRun:
        return self.finish([name])[name]

    def finish(self, names: Iterable[str]) -> dict[str, FinishedRun]:
        """Return several kinds, which are made side by side."""
        new = [name for name in names if name not in self._made]
        runs = [FinishedRun(WORLDS[name], self._folder / name) for name in new]
        for run in runs:
            self._give_files(run)
        asked = [_command(run, "--summary") for run in runs]
        for run, outcome in zip(runs, run_all(asked), strict=True):
            make_outputs(run.folder, outcome)
        touched = [_command(run, "--touch", "--forceall", forged=True) for run in runs]
        for outcome in run_all(touched):
            assert outcome.code == 0, outcome.said
        self._made.update(zip(new, runs, strict=True))
        return {name: self._made[name] for name in names}

    def _give_files(self, run: FinishedRun) -> None:
        for name in FILES:
            path = run.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(CONTENTS.get(name, ""))


def make_outputs(folder: Path, summary: Outcome) -> None:
    """Make an empty file of every output that ``snakemake --summary`` lists."""
    assert summary.code == 0, summary.said
    for line in summary.said.split("output_file\t", 1)[1].splitlines()[1:]:
        path = folder / line.split("\t")[0]
        (path if path.name in FOLDERS else path.parent).mkdir(parents=True, exist_ok=True)
        if path.name not in FOLDERS:
            path.touch()


def _command(run: FinishedRun, *options: str, forged: bool = False) -> Command:
    configs = run.configs(run.world.overlay)
    given = arguments(run.folder, configs, *options, "--", *run.world.targets)
    return Command(given, forged=forged)


@functools.cache
def default_settings() -> dict:
    """Return the merged settings of the tiny configuration."""
    return merge(*(yaml.safe_load(path.read_text()) for path in (CLONE / "config.yaml", TINY)))


def merge(base: dict, over: dict) -> dict:
    """Merge settings as Snakemake does: blocks by key, all else replaced."""
    both = [key for key in base.keys() & over if isinstance(over[key], dict)]
    return {**base, **over, **{key: merge(base[key], over[key]) for key in both}}
