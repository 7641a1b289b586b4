"""docs/results.md against finished runs of each kind: files, and columns of tables."""

import re

import pandas as pd
import pyarrow.parquet as pq

from tests.workflow.running import CLONE

PAGE = (CLONE / "docs/results.md").read_text(encoding="utf-8")
FILES, COLUMNS = PAGE.split("\n## Columns\n")
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
    text = re.sub(r"<(?:run|policy)>", r"[\\w.-]+", re.escape(path))
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


def test_every_file_of_every_kind_of_run_is_on_the_page_and_each_entry_is_a_file(finished_runs):
    patterns = {path: pattern(path) for path in listed_files()}
    assert len(patterns) > 50
    seen, unlisted = set(), set()
    for run in finished_runs.values():
        folder = run.folder / "results"
        for file in folder.rglob("*"):
            if file.is_dir() or file.name in SNAKEMAKES:
                continue
            path = file.relative_to(folder).as_posix()
            matching = {name for name, found in patterns.items() if found.fullmatch(path)}
            seen |= matching
            unlisted |= {path} if not matching else set()
    assert not unlisted, "docs/results.md lacks them"
    # A folder that is an output, of runs whose outputs are empty.
    assert set(patterns) - seen <= {"workflow/"}


def test_the_tables_have_the_columns_of_the_page(finished):
    folder, tables = finished / "results", listed_columns()
    assert len(tables) > 8
    for path, wanted in tables.items():
        found = pattern(path)
        files = [
            f for f in sorted(folder.rglob("*")) if found.fullmatch(str(f.relative_to(folder)))
        ]
        assert files, path
        for file in files:
            is_parquet = file.suffix == ".parquet"
            columns = pq.read_schema(file).names if is_parquet else pd.read_csv(file, nrows=0)
            # A fitted method lists what it tried: other columns for each method.
            if "cost" not in columns or path != "policies/<policy>/training.csv":
                assert set(columns) in wanted, file
