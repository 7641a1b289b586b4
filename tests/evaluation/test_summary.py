import pandas as pd

from tests.workflow.running import CLONE
from workflow_src.common.files import read_csv
from workflow_src.evaluation.summarise_results import PUBLISHED_COLUMNS, join_published

PUBLISHED = CLONE / "resources/smiip-tv/published_results.csv"


def test_published_figures_stand_beside_the_same_method_weight_and_scenario():
    summary = pd.DataFrame(
        [
            ("baseline", float("nan"), "random", "published"),
            ("baseline", float("nan"), "random", "independent"),
            ("fixed-weight", 0.15, "random", "published"),
            ("fixed-weight", 0.17, "random", "published"),
            ("released-multi-head", float("nan"), "random", "published"),
            ("multi-head", float("nan"), "1das", "published"),
        ],
        columns=["method", "alpha", "scenario", "order"],
    )
    joined = join_published(summary, read_csv(PUBLISHED, PUBLISHED_COLUMNS))
    percent, cost = (joined[f"published_{name}"].fillna(-1) for name in ("eer_percent", "min_dcf"))
    assert list(percent.round(2)) == [3.74, -1, 1.94, -1, 1.87, -1]
    assert list(cost.round(3)) == [0.417, -1, 0.296, -1, 0.301, -1]
    pd.testing.assert_frame_equal(joined[summary.columns], summary)
