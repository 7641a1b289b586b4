"""The comparison of methods on two tiny populations: its settings, and what it must give."""

import pandas as pd
import pytest

SETTINGS = {
    "methods": {
        "multi-rate": {"seeds": [0], "hidden": 8, "updates": 4, "sequences": 8, "window": 4},
    },
    "corpus": {"simulated": {"listing": {"days": 20}}},
    "evaluation": {"intervals": {"resamples": 100}},
    "comparison": {
        "populations": [1, 2],
        "speakers": 16,
        "test_speakers": 6,
        "scenarios": ["random"],
        "methods": [
            "baseline",
            "fixed-weight-tuned",
            "multi-head-scalars",
            "soft",
            "through-time",
            "multi-rate",
            "oracle",
            "speaker-mean",
        ],
        "seeds": [0],
        "sensitivity": {
            "populations": [1],
            "shifts": [0.0],
            "nontargets": [2],
            "enrolment_utterances": [3],
        },
    },
}


def check_comparison(folder):
    """Check the tables of a run of ``benchmark_methods``."""
    results = folder / "results/comparison"
    methods = pd.read_csv(results / "methods.csv").set_index("method")
    assert set(methods.index) == set(SETTINGS["comparison"]["methods"])
    assert list(dict.fromkeys(methods["kind"])) == ["score", "llr"]
    assert methods["cllr"].notna().equals(methods["kind"] == "llr")
    assert (methods.loc["fixed-weight-tuned", "ratio"] == 1).all()
    errors = pd.read_csv(results / "errors.csv")
    assert sorted(errors["population"].unique()) == [1, 2]
    sensitivity = pd.read_csv(results / "sensitivity.csv")
    assert set(sensitivity["changed"]) == {"shift", "nontargets", "enrolment", "embeddings"}
    # With nothing changed, what sensitivity scores is what the comparison scored.
    unchanged = sensitivity[sensitivity["value"].astype(str) == "as they are"]
    for table in (errors, methods):
        assert set(table["order"]) == {"published", "independent"}
    chosen = {"population": 1, "order": "independent", "kind": "score"}
    own = errors[(errors[list(chosen)] == pd.Series(chosen)).all(axis=1)]
    own = own.set_index("run")["eer_percent"]
    for method, run in (("soft", "soft"), ("through-time", "through-time-seed0")):
        row = unchanged.set_index("method").loc[method]
        assert row["eer_percent"] == pytest.approx(own[run])
