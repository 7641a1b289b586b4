"""The picture of the task shows what its labels and its caption say."""

import importlib.util

import pytest

from tests.workflow.running import CLONE


def load(name):
    """Import a tool of the docs from its file."""
    spec = importlib.util.spec_from_file_location(name, CLONE / f"docs/tools/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def task():
    return load("draw_task")


def test_the_scores_do_what_the_picture_says(task):
    scores = task.compute_scores()
    first = {name: line.loc[1:7].mean() for name, line in scores.items()}
    last = {name: line.loc[78:].mean() for name, line in scores.items()}
    alone, updated = scores[task.ALONE], scores[task.UPDATED]
    # The caption of docs/index.md.
    assert (round(first[task.ALONE], 2), round(last[task.ALONE], 2)) == (0.76, 0.48)
    assert (round(first[task.UPDATED], 2), round(last[task.UPDATED], 2)) == (0.79, 0.83)
    assert updated.min() > task.THRESHOLD
    assert (updated - alone).loc[14:].min() > 0
    attack = slice(task.FIRST_ATTEMPT, task.FIRST_ATTEMPT + task.MANY_DAYS)
    for poisoned in (task.RECOVERS, task.LOST):
        assert scores[poisoned].loc[: task.FIRST_ATTEMPT].equals(updated.loc[: task.FIRST_ATTEMPT])
        assert scores[poisoned].loc[attack].min() < task.THRESHOLD
    assert (scores[task.RECOVERS] - updated).loc[70:].abs().max() < 0.01
    assert scores[task.LOST].loc[70:].max() < task.THRESHOLD
    assert last[task.LOST] < last[task.ALONE]
    attacker = scores[task.ATTACKER]
    assert attacker.iloc[0] < task.THRESHOLD < attacker.iloc[-1]


@pytest.mark.parametrize("name", ["task", "task_narrow"])
def test_its_labels_are_text(name):
    drawn = (CLONE / f"docs/pictures/{name}.svg").read_text()
    assert drawn.count("<text") > 15
    assert "days since enrolment" in drawn
