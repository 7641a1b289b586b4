"""Few and many impostors: the realised rates, and errors at thresholds set in advance."""

import pandas as pd
import pytest

from workflow_src.controls.vary_impostors import count_errors


def test_errors_at_thresholds_and_of_updates():
    scored = pd.DataFrame(
        {
            "score": [0.1, 0.5, 0.7, 0.9, 0.2, 0.6, 0.5, 0.3],
            "updated": [False, True, True, True, False, True, False, False],
            "target": [True] * 4 + [False] * 4,
        }
    )
    # At its threshold a score is rejected.
    assert count_errors(scored, {"far_1": 0.5, "cost": 0.65}) == {
        "far_percent_at_far_1": 25.0,
        "frr_percent_at_far_1": 50.0,
        "far_percent_at_cost": 0.0,
        "frr_percent_at_cost": 50.0,
        "update_far_percent": 25.0,
        "update_frr_percent": 25.0,
    }
    assert list(count_errors(scored, {})) == ["update_far_percent", "update_frr_percent"]


def test_without_updates_all_targets_are_missed():
    scored = pd.DataFrame({"score": 0.5, "updated": False, "target": [True, False]})
    found = count_errors(scored, {})
    assert found == {"update_far_percent": 0.0, "update_frr_percent": pytest.approx(100)}
