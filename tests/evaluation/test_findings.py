import pandas as pd
import pytest

from workflow_src.evaluation.findings import Tables, state_findings

KEYS = {"scenario": "random", "order": "published"}


def rate(method, eer, **others):
    return {**KEYS, "method": method, "eer_percent": eer, "eer_low": eer / 2, "eer_high": 2 * eer,
            **others}  # fmt: skip


def pair(method, other, resolved, **others):
    return {**KEYS, "measure": "eer", "method": method, "other": other, "resolved": resolved,
            **others}  # fmt: skip


def point(run, name, far, frr, **others):
    return {**KEYS, "run": run, "by": "all", "kind": "score", "point": name, "threshold": 0.5,
            "far_percent": far, "frr_percent": frr, **others}  # fmt: skip


@pytest.fixture
def tables():
    runs = [("baseline", "baseline"), ("fixed-weight-0.1", "fixed-weight"),
            ("multi-head-seed0", "multi-head"), ("multi-head-seed1", "multi-head"),
            ("oracle", "oracle")]  # fmt: skip
    return Tables(
        runs=pd.DataFrame(runs, columns=["run", "method"]),
        methods=pd.DataFrame(
            [
                rate("baseline", 4.0),
                rate("fixed-weight-0.1", 3.0),
                rate("multi-head", 2.0),
                rate("oracle", 1.0),
                rate("multi-head", 0.1, scenario="1das"),
            ]
        ),
        differences=pd.DataFrame(
            [
                pair("baseline", "fixed-weight-0.1", False),
                pair("baseline", "multi-head", True),
                pair("fixed-weight-0.1", "multi-head", True),
                pair("baseline", "oracle", True),
                pair("baseline", "multi-head", True, measure="min_dcf"),
            ]
        ),
        order=pd.DataFrame(
            [
                {**KEYS, "sees": "past", "eer_percent": 0.0},
                {"scenario": "random", "order": "independent", "sees": "past", "eer_percent": 48.0},
                {"scenario": "1das", "order": "independent", "sees": "past", "eer_percent": 51.0},
            ]
        ),
        points=pd.DataFrame(
            [
                point("baseline", "far_1", 0.9, 20.0),
                point("multi-head-seed0", "far_1", 1.1, 5.0),
                point("multi-head-seed1", "far_1", 1.3, 7.0),
                point("baseline", "cost", 9.0, 9.0),
                point("baseline", "far_1", 9.0, 9.0, by="week"),
            ]
        ),
        calibration=pd.DataFrame(
            [
                {**KEYS, "by": "all", "run": run, "kind": kind, "eer_percent": eer}
                for run, kind, eer in [
                    ("baseline", "score", 4.0),
                    ("baseline", "llr", 1.0),
                    ("oracle", "score", 1.0),
                    ("oracle", "llr", 1.0),
                ]
            ]
        ),
    )


def test_findings_state_the_numbers_of_the_tables(tables):
    assert state_findings(tables, "random") == [
        # The oracle knows the labels, so it is no method.
        "In random, published order, the EER is 4.00 % (2.00 to 8.00) without updating. The lowest "
        "with updating is 2.00 % (1.00 to 4.00), by multi-head; the difference is resolved.",
        "Of 4 differences of EERs between two methods, in all scenarios and orders, 3 are "
        "resolved; 1 of these are between two methods that update. What is not resolved may be "
        "luck of the speakers.",
        "A rule that sees the order of trials and never listens has an EER of 0.0 % in published "
        "order: this order tells the label.",
        "A rule that sees the order of trials and never listens has an EER of 48.0 to 51.0 % in "
        "independent order: this order tells next to nothing.",
        "In random, published order, the threshold that was set in advance for a FAR of 1 % gives "
        "FAR 0.90 % and FRR 20.00 % for baseline, and FAR 1.20 % and FRR 6.00 % for multi-head.",
        "In random, published order, the back-end that calibrates scores lowers the EER of 1 of 2 "
        "runs; on average to 0.50 of what it was.",
    ]


def test_an_unresolved_difference_is_called_so(tables):
    tables.methods.loc[2, "eer_percent"] = 3.5
    assert (
        "by fixed-weight-0.1; the difference is not resolved."
        in state_findings(tables, "random")[0]
    )


def test_what_is_not_known_is_left_out(tables):
    unknown = Tables(
        runs=tables.runs[:1],
        methods=tables.methods[:1].assign(eer_low=float("nan")),
        differences=tables.differences[:0],
        order=tables.order.assign(eer_percent=float("nan")),
        points=tables.points[:0],
        calibration=tables.calibration[tables.calibration["kind"] == "score"],
    )
    assert state_findings(unknown, "random") == []
