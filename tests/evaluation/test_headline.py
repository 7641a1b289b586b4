"""The lines at the end of a run."""

from workflow_src.evaluation.headline import describe_results

HEAD = "run,method,scenario,order,eer_percent"
ROWS = """\
oracle,oracle,random,published,0.5
baseline,baseline,random,published,4.329
fixed-weight-0.1,fixed-weight,random,published,2.5
kalman,kalman,random,published,2.25
kalman,kalman,1das,published,1.0
"""


def write_summary(folder, text):
    (folder / "results").mkdir()
    (folder / "results/summary.csv").write_text(text)


def test_it_tells_the_error_rates_without_and_with_updating(tmp_path):
    write_summary(tmp_path, f"{HEAD}\n{ROWS}")
    assert describe_results(tmp_path, "random", "published") == [
        "EER in random, published order: never updating 4.33 %; the lowest with updating 2.25 %, "
        "by kalman",
        "look at: results/summary.csv",
    ]


def test_it_tells_intervals_where_the_summary_has_them(tmp_path):
    lines = ROWS.splitlines()
    rows = "\n".join(f"{row},{i},{i + 1}" for i, row in enumerate(lines))
    write_summary(tmp_path, f"{HEAD},eer_low,eer_high\n{rows}\n")
    (said, _) = describe_results(tmp_path, "random", "published")
    assert said == (
        "EER in random, published order: never updating 4.33 % (1.00 to 2.00); the lowest with "
        "updating 2.25 % (3.00 to 4.00), by kalman"
    )


def test_it_tells_nothing_of_what_is_not_there(tmp_path):
    assert describe_results(tmp_path, "random", "published") == []
    write_summary(tmp_path, f"{HEAD}\nbaseline,baseline,1das,published,4\n")
    assert describe_results(tmp_path, "random", "published") == ["look at: results/summary.csv"]
