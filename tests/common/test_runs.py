import re

import pandas as pd

from workflow_src.common.config.schema import validate_config
from workflow_src.common.expand_runs import expand_runs
from workflow_src.common.runs import tabulate


def test_methods_settings_and_seeds_expand_into_distinct_runs():
    config = validate_config(
        {"inference": {"fixed_weight": {"alphas": [0.1, 0.25]}}, "finetuning": {"seeds": [3, 1]}}
    )
    runs = expand_runs(config)
    assert [run.run for run in runs] == [
        "baseline",
        "fixed-weight-0.1",
        "fixed-weight-0.25",
        "adaptive-weight-seed3",
        "adaptive-weight-seed1",
        "multi-head-seed3",
        "multi-head-seed1",
    ]
    assert all(re.fullmatch(r"[a-z0-9.-]+", run.run) for run in runs)


def test_cells_that_do_not_apply_are_empty():
    table = tabulate(expand_runs(validate_config({})))
    baseline = table.iloc[0]
    assert baseline[["alpha", "threshold", "seed", "checkpoint"]].isna().all()
    assert isinstance(table, pd.DataFrame)
    assert table["run"].is_unique
