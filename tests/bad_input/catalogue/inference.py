"""Run tables, scoring, exported methods."""

from dataclasses import replace

import numpy as np

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import (
    cut,
    edit_json,
    edit_npy,
    edit_parquet,
    make_folder,
    remove,
    write,
)
from tests.bad_input.world import (
    BASELINE,
    DEVELOPMENT,
    EMBEDDINGS,
    FIXED,
    GUARDED,
    INDEX,
    MULTI_HEAD,
    ORACLE,
    POINTS,
    TUNED,
    WINDOW,
    runs,
)

LIMIT = "results/policies/fixed-weight-tuned/limits/daily.json"
SCORES, TRIALS = "results/inference/baseline/random.parquet", "results/trials/random.parquet"
DESCRIPTION = "export/method.json"
DEVELOPED = "results/trials/development/random.parquet"


def tabulated(name: str, says: str, *rows, spoil=None) -> Case:
    return bad("inference.tabulate_runs", name, says, spoil, runs=runs(*rows))


def scored(name: str, says: str, spoil=None, **options) -> Case:
    return bad("inference.run_inference", name, says, spoil, **options)


def summarised(name: str, says: str, spoil=None, **options) -> Case:
    return bad("evaluation.summarise_results", name, says, spoil, **options)


def sampled(name: str, says: str, spoil=None, **options) -> Case:
    return bad("evaluation.measure_intervals", name, says, spoil, **options)


def pointed(name: str, says: str, spoil=None, **options) -> Case:
    return bad("inference.set_operating_points", name, says, spoil, **options)


def guarded(name: str, says: str, spoil=None, **options) -> Case:
    return bad("inference.tune_guard", name, says, spoil, **options)


def measured(name: str, says: str, spoil=None, **options) -> Case:
    return bad("evaluation.measure_operating_points", name, says, spoil, **options)


def exported(name: str, says: str, spoil=None, **options) -> Case:
    return bad("exporting.export_method", name, says, spoil, **options)


def metered(name: str, says: str, spoil=None, **options) -> Case:
    return bad("evaluation.measure_order", name, says, spoil, **options)


def served(name: str, says: str, spoil=None) -> Case:
    return bad("TemplateUpdater", name, says, spoil)


CASES = [
    bad("inference.tabulate_runs", "no JSON", "--run: ", runs="["),
    bad("inference.tabulate_runs", "an object for a list", "--run: ", runs="{}"),
    tabulated("a run without a name", "--run: 0.run", {"method": "baseline"}),
    tabulated("an unknown method", "--run: 0: 'magic' is no method",
              {"run": "a", "method": "magic"}),
    tabulated("an unknown key", "--run: 1.colour: unknown key",
              BASELINE, BASELINE | {"colour": 1}),
    tabulated("a fixed weight without a weight", "--run: 0: ", FIXED | {"alpha": None}),
    tabulated("a threshold from nowhere", "--run: 0.threshold_from: 'moon' is not allowed",
              FIXED | {"threshold_from": "moon"}),
    tabulated("a policy without a folder", "--run: 0: ", MULTI_HEAD | {"checkpoint": None}),
    tabulated("a tuned weight that is missing", "none/policy.json: cannot be read",
              TUNED | {"checkpoint": "none"}),
    tabulated("a tuned threshold that is missing", "none.json: cannot be read",
              MULTI_HEAD | {"tuned": "none.json"}),
    tabulated("a tuned weight that is text", "policy.json: alpha is 'x'; it must be a number",
              TUNED, spoil=edit_json("results/policies/fixed-weight-tuned/policy.json", alpha="x")),
    tabulated("guards that are not the method's",
              "--run: 0: guards are none; those of fixed-weight-tuned+daily are daily", GUARDED),
    tabulated("a limit that is missing", "none.json: cannot be read",
              GUARDED | {"guards": {"daily": "none.json"}}),
    tabulated("a limit that is text", "limits/daily.json: limit is 'x'; it must be a number",
              GUARDED | {"guards": {"daily": LIMIT}}, spoil=edit_json(LIMIT, limit="x")),
    guarded("an unknown guard", "--guard: 'magic' is no guard; allowed: far-test, far-template,",
            guard="magic"),
    guarded("a rule that never updates", "baseline updates on no development trial, so no limit",
            run=BASELINE),
    guarded("a policy that is missing", "none/policy.json: cannot be read",
            run=TUNED | {"checkpoint": "none"}),
    guarded("development trials without days",
            f"{DEVELOPMENT}/random.parquet: has trials without a day; attacks go on day by day",
            edit_parquet(f"{DEVELOPMENT}/random.parquet", lambda table: table.assign(day=""))),
    scored("no JSON", "--run: ", run="{"),
    scored("an unknown key", "--run: colour: unknown key", run=BASELINE | {"colour": "red"}),
    scored("a weight that is text", "--run: alpha: 'x' is not", run=FIXED | {"alpha": "x"}),
    scored("a second list that is not there", "results/trials/2das.parquet: cannot be read",
           lists='[{"scenario": "2das"}]'),
    scored("a policy for another D", "embeddings of 16 dimensions; these have 8",
           edit_npy(EMBEDDINGS, lambda matrix: matrix[:, :8]), run=MULTI_HEAD),
    *(replace(case, slow=True) for case in (
        scored("an unknown utterance", "trial table: '0009_05011100_3_1_ti_0' has no embedding",
               edit_parquet(TRIALS, lambda t: t.assign(utterance="0009_05011100_3_1_ti_0"))),
        scored("a policy cut short", "policy.safetensors: cannot be read as safetensors",
               cut("results/policies/multi-head-seed0/policy.safetensors"), run=MULTI_HEAD),
        scored("zero embeddings", "embeddings: that of", edit_npy(EMBEDDINGS, np.zeros_like)),
    )),
    sampled("too few resamples", "evaluation.intervals: resamples: 10 is",
            settings={"resamples": 10}),
    sampled("certainty", "evaluation.intervals: confidence: 1.0 is", settings={"confidence": 1.0}),
    sampled("no table of runs", "one_run.csv: cannot be read", remove("one_run.csv")),
    sampled("a run table without runs", "one_run.csv: lists no run",
            write("one_run.csv", "run,method,alpha\n")),
    sampled("scores that are missing", f"{SCORES}: cannot be read", remove(SCORES)),
    sampled("a table without scores", f"{SCORES}: lacks the column 'score'",
            edit_parquet(SCORES, lambda table: table.drop(columns="score"))),
    sampled("scores that are NaN", f"{SCORES}: ",
            edit_parquet(SCORES, lambda table: table.assign(score=np.float32("nan")))),
    sampled("no non-target", f"{SCORES}: ",
            edit_parquet(SCORES, lambda table: table[table["target"]])),
    sampled("an unknown utterance", "the utterance '0009_05011100_3_1_ti_0' has no embedding",
            edit_parquet(SCORES, lambda t: t.assign(utterance="0009_05011100_3_1_ti_0"))),
    summarised("intervals that are missing", "intervals.csv: cannot be read",
               remove("intervals.csv")),
    summarised("intervals of other columns", "intervals.csv: lacks the column 'eer_low'",
               write("intervals.csv", "run,scenario,order\n")),
    summarised("no table of runs", "one_run.csv: cannot be read", remove("one_run.csv")),
    summarised("a table of other columns", "one_run.csv: lacks the column 'run'",
               write("one_run.csv", "a,b\n1,2\n")),
    summarised("scores that are missing", f"{SCORES}: cannot be read", remove(SCORES)),
    summarised("scores cut short", f"{SCORES}: cannot be read", cut(SCORES)),
    summarised("a table without scores", f"{SCORES}: lacks the column 'score'",
               edit_parquet(SCORES, lambda table: table.drop(columns="score"))),
    summarised("scores that are NaN", f"{SCORES}: ",
               edit_parquet(SCORES, lambda table: table.assign(score=np.float32("nan")))),
    summarised("no non-target", f"{SCORES}: ",
               edit_parquet(SCORES, lambda table: table[table["target"]])),
    summarised("published figures that are none", "metadata.csv: lacks the column 'method'",
               published="metadata.csv"),
    metered("scores that are missing", f"{SCORES}: cannot be read", remove(SCORES)),
    metered("a table without days", f"{SCORES}: lacks the column 'day'",
            edit_parquet(SCORES, lambda table: table.drop(columns="day"))),
    metered("scores that are NaN", f"{SCORES}: ",
            edit_parquet(SCORES, lambda table: table.assign(score=np.float32("nan")))),
    metered("no non-target", f"{SCORES}: ",
            edit_parquet(SCORES, lambda table: table[table["target"]])),
    metered("a run that is not there", "none/random.parquet: cannot be read", run="none"),
    metered("lists that are no JSON", "trial list: ", lists="["),
    summarised("a table of points without one", "tables/operating_points.csv: lacks the column",
               write("tables/operating_points.csv", "run\n")),
    pointed("no JSON", "--run: ", runs="{"),
    pointed("a run without a file", "runs, points: there are 2 runs and 1 files",
            runs=runs(BASELINE, FIXED)),
    pointed("a rate that is none", "evaluation: operating_points.far.0: 2.0 is not allowed",
            settings='{"operating_points": {"far": [2.0]}}'),
    pointed("a back-end that is none", "evaluation: calibration.back_end: 'plda' is not allowed",
            settings='{"calibration": {"back_end": "plda"}}'),
    pointed("a scenario that is not there", "development/2das.parquet: cannot be read",
            scenarios=["random", "2das"]),
    pointed("an utterance without an embedding", "trial table: 'x' has no embedding",
            edit_parquet(DEVELOPED, lambda t: t.assign(utterance="x"))),
    pointed("embeddings of another corpus", "do not lie within the 5 rows",
            edit_npy(EMBEDDINGS, lambda matrix: matrix[:5])),
    measured("no points", f"{POINTS}: cannot be read", remove(POINTS)),
    measured("points cut short", f"{POINTS}: cannot be read as JSON", cut(POINTS)),
    measured("points without a threshold", "have no threshold of far_1 for a score",
             edit_json(POINTS, score={"eer_percent": 1.0, "cllr": 1.0, "min_cllr": 1.0,
                                      "thresholds": {}})),
    measured("a back-end of another kind", f"{POINTS}: back_end: 'magic' is not allowed",
             edit_json(POINTS, back_end="magic")),
    measured("scores of other trials", f"{SCORES}: has 4 trials; the list has",
             edit_parquet(SCORES, lambda table: table.head(4))),
    measured("a model without an enrolment", "enrolment table: has no enrolment of the model",
             edit_parquet("results/trials/random.enrolment.parquet", lambda t: t.head(5))),
    exported("an option of another method",
             "--run: options of window: {'share': 0.1} is not allowed",
             run=WINDOW | {"options": {"share": 0.1}}),
    exported("a limit", "looks at labels", run=ORACLE),
    exported("points that are none", f"{POINTS}: back: unknown key", edit_json(POINTS, back=1)),
    exported("no JSON", "'{' is not allowed: invalid JSON", run="{"),
    exported("embeddings that are no matrix", f"{EMBEDDINGS}: ", edit_npy(EMBEDDINGS, np.ravel)),
    exported("a policy for another D", "the policy is for embeddings of 16 dimensions",
             edit_npy(EMBEDDINGS, lambda matrix: matrix[:, :8]), run=MULTI_HEAD),
    exported("an index cut short", f"{INDEX}: cannot be read as parquet", cut(INDEX)),
    exported("a file where its folder goes", "model.onnx/method.onnx: ", folder="model.onnx"),
    bad("exporting.export_scores", "no scores", "random.parquet: lacks the column 'score'",
        edit_parquet("results/inference/baseline/random.parquet",
                     lambda t: t.drop(columns="score"))),
    bad("exporting.export_scores", "two tables, one list", "there are 2, 1, 1 files; each",
        scores=["results/inference/baseline/random.parquet"] * 2),
    served("no such method", "export/method.json: cannot be read", remove("export")),
    served("a model cut short", "export/method.onnx: is not the file that", cut(
        "export/method.onnx")),
    served("a description cut short", f"{DESCRIPTION}: is not the description", cut(DESCRIPTION)),
    served("a description of another version", f"{DESCRIPTION}: is of format 99",
           edit_json(DESCRIPTION, format=99)),
    served("another D than the model's", "export/method.onnx: ",
           edit_json(DESCRIPTION, dimension=17)),
    served("an extractor that is a number", f"{DESCRIPTION}: is not the description",
           edit_json(DESCRIPTION, extractor=3)),
    served("another extractor than the template's", "template: is of the extractor 'simulated'",
           edit_json(DESCRIPTION, extractor="0" * 64)),
    served("a number that no memory holds", f"{DESCRIPTION}: is not the description",
           edit_json(DESCRIPTION, memory=[
               {"name": "n", "dtype": "int32", "shape": [], "initial": 10**30}])),
    served("no such template", "0001.template: cannot be read", remove("0001.template")),
    served("a template cut short", "0001.template: damaged", cut("0001.template")),
    served("a folder for a template", "0001.template: cannot be read",
           make_folder("0001.template")),
]  # fmt: skip
