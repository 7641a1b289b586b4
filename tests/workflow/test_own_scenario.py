"""The recipe of a scenario, as docs/method.md has it."""

import pandas as pd
import yaml

from tests.workflow.finished_runs import merge
from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE

CORPUS = {
    "corpus": {"source": "simulated", "simulated": {"listing": {"speakers": 8, "days": 45}}},
    "extractor": {"model": "no such file.onnx"},
}


def read_recipe():
    """Return the settings that the page shows under its heading."""
    page = (CLONE / "docs/method.md").read_text(encoding="utf-8")
    section = page.split("### A scenario of your own\n")[1]
    return yaml.safe_load(section.split("```yaml\n")[1].split("```")[0])


def test_the_recipe_as_written(tmp_path):
    recipe = read_recipe()
    targets = ["trials", "results/trials/development/weekly.parquet"]
    run_snakemake(tmp_path, "--", *targets, overlay=merge(CORPUS, recipe))
    folder = tmp_path / "results/trials"
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in recipe["trials"]["own"]}
    assert set(tables["weekly"]["model"].str[8:]) == {"0", "28"}
    assert sorted(tables["weekly-one"]["round"].unique()) == [1, 2, 3, 4, 5]
    walk = pd.read_parquet(folder / "late-walk.enrolment.parquet")
    assert walk.groupby("model").size().eq(5).all()
    assert len(pd.read_parquet(folder / "development/weekly.parquet")) > 0
    weeks = tables["by-weeks"]
    week = pd.to_datetime(weeks["day"]).dt.isocalendar().week
    assert week.min() == 18 + 2 and len(set(week)) < weeks["day"].nunique()
