"""Every part of a record, removed or replaced: each command says what it can, or a line."""

import copy
import json

import pytest

from tests.provenance.made_up_run import make_run
from workflow_src.provenance.__main__ import main

OTHERS = [None, True, -1, 1.5, 10**400, "", "x", "\x1b[31m\r", "\ud800", "../x", "a\0b", [], {}]
OTHERS += [[None], ["\x1b"], {"\x1b": 1}, {"a": {"b": [1]}}]
REMOVED = object()


def places(content, above=()):
    """Yield the path of every value in nested JSON."""
    for key in content if isinstance(content, dict) else range(len(content)):
        yield (*above, key)
        if isinstance(content[key], dict | list):
            yield from places(content[key], (*above, key))


def with_change(record, place, value):
    changed = copy.deepcopy(record)
    *above, last = place
    part = changed
    for key in above:
        part = part[key]
    if value is REMOVED:
        del part[last]
    else:
        part[last] = value
    return changed


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return make_run(folder / "a"), make_run(folder / "b", overlay={"seed": 2})


@pytest.fixture
def ends(capsys):
    """Run a command on a damaged record: its lines can be printed, and an error is one line."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, said = capsys.readouterr()
        assert all(line.isprintable() for line in out.split("\n"))
        assert ended.value.code in ((2,) if said else (0, 1)), said
        if said:
            assert said.startswith("error: ") and said.endswith("\n") and said[:-1].isprintable()
            assert not out
        return ended.value.code

    return run


def record_of(run):
    return json.loads((run / "results/provenance.json").read_text())


@pytest.mark.parametrize("each", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_key_removed_or_replaced(runs, ends, each):
    whole, run = runs
    path = run / "results/provenance.json"
    text = path.read_text()
    record = json.loads(text)
    refused = 0
    try:
        for number, place in enumerate([*places(record)][:: 1 if each else 3]):
            for value in [REMOVED, *OTHERS] if each else [REMOVED, OTHERS[number % len(OTHERS)]]:
                path.write_text(json.dumps(with_change(record, place, value)))
                codes = {ends("describe", run), ends("compare", whole, path), ends("verify", run)}
                refused += codes == {2}
    finally:
        path.write_text(text)
    assert refused


def test_an_undamaged_record_is_described(runs, ends):
    assert ends("describe", runs[0]) == 0


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (("settings", "inference"), "settings.inference: is missing"),
        (("settings", "seed"), "settings.seed: is missing"),
        (("settings", "trials", "scenarios"), "settings.trials.scenarios: is missing"),
        (("versions", "python"), "versions.python: is missing"),
    ],
)
def test_what_is_missing_is_named(runs, place, says, tmp_path, capsys):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(with_change(record_of(runs[0]), place, REMOVED)))
    for command in (["describe"], ["compare", runs[0]]):
        with pytest.raises(SystemExit):
            main([*map(str, command), str(path)])
        assert f"record.json: {says}" in capsys.readouterr().err


def test_settings_of_many_levels(runs, tmp_path, ends):
    record = record_of(runs[0])
    for depth in (400, 900, 100_000):
        text = json.dumps(record | {"settings": record["settings"] | {"deep": 0}})
        path = tmp_path / "deep.json"
        path.write_text(
            text.replace('"deep": 0', '"deep": ' + '{"a": ' * depth + "0" + "}" * depth)
        )
        for command in (["describe"], ["compare", path], ["compare", runs[0]]):
            assert ends(*command, path) in (0, 1, 2)
