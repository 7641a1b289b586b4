"""The lines at the end of a run."""

from workflow_src.evaluation.headline import TABLES, describe_results

RUNS = "run,method\nbaseline,baseline\nkalman,kalman\n"
METHODS = """\
scenario,order,method,eer_percent,eer_low,eer_high
random,published,baseline,4.329,2,8
random,published,kalman,2.25,1,4
1das,published,kalman,1.0,,
"""
DIFFERENCES = """\
scenario,order,measure,method,other,resolved
random,published,eer,baseline,kalman,True
"""


def write_tables(folder):
    for name, text in zip(TABLES, (RUNS, METHODS, DIFFERENCES), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_it_tells_the_finding_that_matters_and_where_to_look(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "results/summary.csv").touch()
    assert describe_results(tmp_path, "random") == [
        "In random, published order, the EER is 4.33 % (2.00 to 8.00) without updating. The lowest "
        "with updating is 2.25 % (1.00 to 4.00), by kalman; the difference is resolved.",
        "look at: results/summary.csv",
    ]


def test_it_tells_nothing_of_what_is_not_there(tmp_path):
    assert describe_results(tmp_path, "random") == []
    write_tables(tmp_path)
    assert describe_results(tmp_path, "1das") == []
