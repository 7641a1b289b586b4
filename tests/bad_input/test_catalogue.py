"""Every case of bad input ends in one line that names the culprit, and leaves nothing behind."""

import pytest

from tests.bad_input.case import files_below, run_to_the_end, spoiled
from tests.bad_input.catalogue import CATALOGUE
from tests.bad_input.world import COMMANDS


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case.command}-{case.name}", marks=[pytest.mark.slow] * case.slow)
        for case in CATALOGUE
    ],
)
def test_bad_input_ends_in_one_line(case, world, capsys):
    run = spoiled(case)
    before = files_below(world)
    status, said = run_to_the_end(run, capsys)
    assert status in {1, 2}
    assert len(said) == 1, said
    assert said[0].startswith("error: ")
    assert case.says in said[0]
    assert files_below(world, "draft.ipynb") == before


def test_every_entry_point_is_in_the_catalogue():
    assert {case.command.partition(":")[0] for case in CATALOGUE} == {
        command.partition(":")[0] for command in COMMANDS
    }


def test_no_case_stands_there_twice():
    names = [(case.command, case.name) for case in CATALOGUE]
    assert len(set(names)) == len(names)
