"""docs/results.md against finished runs of each kind: files, and columns of tables."""

import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.workflow.finished_runs import EACH_WORLD
from tests.workflow.reruns import WORLDS
from tests.workflow.running import CLONE

PAGE = (CLONE / "docs/results.md").read_text(encoding="utf-8")
FILES, COLUMNS = PAGE.split("\n## Columns\n")
# Tables that `all` does not make; test_controls.py tests their columns.
ON_DEMAND = {
    f"controls/{name}.csv"
    for name in (
        "shuffled_targets",
        "separate_tests",
        "long_enrolment",
        "headroom",
        "impostors",
    )
}
# The simulated run has a method with guards.
OF_GUARDS = {"policies/<policy>/limits/<guard>.csv"}
# Beside an output that is a folder.
SNAKEMAKES = {".snakemake_timestamp"}


def names(text):
    """List what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def listed_files():
    """List the paths of the page, with placeholders."""
    rows = re.findall(r"^\| (`[^|]+`) \|", FILES, re.M)
    return [path for row in rows for path in names(row)]


def pattern(path):
    """Return the regular expression of a path with placeholders; a folder matches all in it."""
    text = re.sub(r"<(?:run|policy)>", r"[\\w.+-]+", re.escape(path))
    text = re.sub(r"<\w+>", r"[\\w-]+", text)
    return re.compile(text + (".*" if path.endswith("/") else ""))


def listed_columns():
    """Return by path the columns that the page lists; a path can have several tables."""
    tables = {}
    for heading, body in re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", COLUMNS, re.M | re.S):
        rows = re.findall(r"^\| (`[^|]+) \|", body, re.M)
        columns = {name for row in rows for name in names(row)}
        tables.setdefault(names(heading)[0], []).append(columns)
    return tables


def files_of(run):
    """List the result files of a run, as paths below results/."""
    folder = run.folder / "results"
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in SNAKEMAKES)
    return [file.relative_to(folder).as_posix() for file in files]


@pytest.mark.parametrize("world", EACH_WORLD)
def test_every_file_of_a_run_is_on_the_page(finished_runs, world):
    patterns = [pattern(path) for path in listed_files()]
    files = files_of(finished_runs[world])
    assert files
    unlisted = [file for file in files if not any(found.fullmatch(file) for found in patterns)]
    assert not unlisted, "docs/results.md lacks them"


@pytest.mark.slow
def test_every_entry_of_the_page_is_a_file_of_some_run(finished_runs):
    files = [file for run in finished_runs.finish(WORLDS).values() for file in files_of(run)]
    entries = listed_files()
    assert len(entries) > 60
    stale = {path for path in entries if not any(map(pattern(path).fullmatch, files))}
    # A folder that is an output, of a run whose outputs are empty.
    assert stale <= {"workflow/"}


def test_the_tables_have_the_columns_of_the_page(finished):
    folder, tables = finished / "results", listed_columns()
    assert len(tables) > 12
    for path, wanted in tables.items():
        found = pattern(path)
        files = [
            f for f in sorted(folder.rglob("*")) if found.fullmatch(str(f.relative_to(folder)))
        ]
        assert files or path in ON_DEMAND | OF_GUARDS, path
        for file in files:
            is_parquet = file.suffix == ".parquet"
            columns = pq.read_schema(file).names if is_parquet else [*pd.read_csv(file, nrows=0)]
            # A fitted method lists what it tried: other columns for each method.
            if "cost" not in columns or path != "policies/<policy>/training.csv":
                assert any(are_listed(columns, listed) for listed in wanted), file


@pytest.mark.slow
def test_a_table_on_demand_is_of_some_run(finished_runs):
    files = files_of(finished_runs["occasional"])
    for path in ON_DEMAND:
        assert any(map(pattern(path).fullmatch, files)), path
    files = files_of(finished_runs["simulated"])
    for path in OF_GUARDS:
        assert any(map(pattern(path).fullmatch, files)), path


def are_listed(columns, listed):
    """Whether columns and listed names, of which some are patterns, are the same."""
    named = [re.compile(re.sub(r"<\w+>", r"[\\w.]+", re.escape(name))) for name in listed]
    return all(any(each.fullmatch(name) for each in named) for name in columns) and all(
        any(map(each.fullmatch, columns)) for each in named
    )
