import pandas as pd

from tests.workflow.running import CLONE
from workflow_src.common.files import read_csv
from workflow_src.evaluation.summarise_results import PUBLISHED_COLUMNS, join_published

PUBLISHED = CLONE / "resources/smiip-tv/published_results.csv"


def test_published_figures_stand_beside_the_same_method_weight_and_scenario():
    summary = pd.DataFrame(
        [
            ("baseline", float("nan"), "random"),
            ("fixed-weight", 0.15, "random"),
            ("fixed-weight", 0.17, "random"),
            ("released-multi-head", float("nan"), "random"),
            ("multi-head", float("nan"), "1das"),
        ],
        columns=["method", "alpha", "scenario"],
    )
    joined = join_published(summary, read_csv(PUBLISHED, PUBLISHED_COLUMNS))
    assert list(joined["published_eer_percent"].round(2).fillna(-1)) == [3.74, 1.94, -1, 1.87, -1]
    assert list(joined["published_min_dcf"].round(3).fillna(-1)) == [0.417, 0.296, -1, 0.301, -1]
    pd.testing.assert_frame_equal(joined[summary.columns], summary)
