"""The analysis, its notebook's settings, the comparison of methods."""

import numpy as np

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import cut, edit_csv, edit_npy, edit_parquet, remove, write
from tests.bad_input.world import (
    BASELINE,
    EMBEDDINGS,
    MANIFEST,
    MULTI_HEAD,
    ORACLE,
    POINTS,
    TUNED,
    runs,
)

SCORES = "scores/1/random.score.parquet"
SCORED = "results/inference/baseline/random.parquet"


def swept(name: str, says: str, spoil=None, **options) -> Case:
    return bad("analysis.sweep_thresholds", name, says, spoil, **options)


def shown(name: str, says: str, spoil=None, **options) -> Case:
    return bad("analysis.run_visual_analysis", name, says, spoil, **options)


def by_speaker(name: str, says: str, spoil=None, **options) -> Case:
    return bad("analysis.measure_speakers", name, says, spoil, **options)


def drawn(name: str, says: str, spoil=None, **options) -> Case:
    return bad("analysis.draw_figure", name, says, spoil, **options)


def population(name: str, says: str, spoil=None, **options) -> Case:
    return bad("comparison.score_population", name, says, spoil, **options)


def compared(name: str, says: str, spoil=None, **options) -> Case:
    return bad("comparison.summarise_comparison", name, says, spoil, **options)


def found(name: str, says: str, spoil=None, **options) -> Case:
    return bad("analysis.write_findings", name, says, spoil, **options)


CASES = [
    found("no table of methods", "methods.csv: cannot be read", remove("methods.csv")),
    found("a table without intervals", "methods.csv: lacks the column 'eer_low'",
          edit_csv("methods.csv", lambda table: table.drop(columns="eer_low"))),
    found("a notebook cut short", "results/inference/baseline.ipynb: is no notebook",
          cut("results/inference/baseline.ipynb")),
    found("a figure that is not there", "a.png: No such file", remove("a.png")),
    found("a figure without a caption", "b.txt: cannot be read", figures="b.png"),
    found("a caption without a title", "a.txt: has no title, empty line and caption",
          write("a.txt", "DET")),
    drawn("a figure that there is not", "figure: 'dett' is no figure; allowed: error_rates, ",
          figure="dett"),
    drawn("no table", "drawn.csv: cannot be read as CSV", remove("drawn.csv")),
    drawn("a table of another figure", "drawn.csv: is no table of det ('far')", figure="det"),
    drawn("a table with words for numbers", "drawn.csv: frr_percent: could not convert string",
          edit_csv("drawn.csv", lambda table: table.assign(frr_percent="few"))),
    drawn("an unknown method", "drawn.csv: is no table of rates_of_speakers ('mine' is no method",
          edit_csv("drawn.csv", lambda table: table.assign(method="mine"))),
    drawn("a file where they go", "model.onnx/rates_of_speakers-column.", directory="model.onnx"),
    swept("a matrix cut short", f"{EMBEDDINGS}: cannot be read", cut(EMBEDDINGS)),
    swept("pickled embeddings", f"{EMBEDDINGS}: cannot be read",
          lambda: np.save(EMBEDDINGS, np.array([{}]), allow_pickle=True)),
    swept("zero embeddings", "embeddings: that of", edit_npy(EMBEDDINGS, np.zeros_like)),
    swept("trials without labels", "random.parquet: lacks the column 'target'", edit_parquet(
        "results/trials/random.parquet", lambda table: table.drop(columns="target"))),
    swept("a model that never enrolled", "has no enrolment of the model", edit_parquet(
        "results/trials/random.enrolment.parquet", lambda table: table[:5])),
    by_speaker("no points", f"{POINTS}: cannot be read", remove(POINTS)),
    by_speaker("no scores", f"{SCORED}: cannot be read", remove(SCORED)),
    by_speaker("a manifest cut short", f"{MANIFEST}: cannot be read as parquet", cut(MANIFEST)),
    by_speaker("a manifest without utterances", f"{MANIFEST}: lacks the column 'utterance'",
               edit_parquet(MANIFEST, lambda table: table.drop(columns="utterance"))),
    by_speaker("an utterance that stands twice", "stands there twice",
               edit_parquet(MANIFEST, lambda table: table.iloc[[0, *range(len(table))]])),
    by_speaker("scores without a score", f"{SCORED}: lacks the column 'score'",
               edit_parquet(SCORED, lambda table: table.drop(columns="score"))),
    by_speaker("an utterance without an embedding", f"{SCORED}: the utterance 'x' has no embedding",
               edit_parquet(SCORED, lambda table: table.assign(utterance="x"))),
    by_speaker("a run table without runs", "one_run.csv: lists no run",
               write("one_run.csv", "run,method,alpha\n")),
    shown("no results", "results/inference/runs.csv: cannot be read",
          remove("results/inference/runs.csv")),
    population("no JSON", "--run: ", runs="[}"),
    population("a list that is not there", "results/trials/2das.parquet: cannot be read",
               lists='[{"scenario": "2das"}]'),
    population("a folder of another place", "runs: ",
               runs=runs(BASELINE, MULTI_HEAD | {"checkpoint": "/elsewhere"})),
    population("no results", "nowhere/embeddings/embeddings.npy: cannot be read",
               results="nowhere"),
    population("a policy that is missing", "results/policies/oracle/policy.json: cannot be read",
               remove("results/policies/oracle")),
    population("a file where scores go", "model.onnx/random.score.parquet: ",
               directory="model.onnx"),
    compared("no JSON", "--run: ", runs="["),
    compared("no reference", "runs: lacks fixed-weight-tuned", runs=runs(BASELINE, ORACLE)),
    compared("a population that is missing", "scores/2/random.score.parquet: cannot be read",
             remove("scores/2")),
    compared("a run that was not scored", f"{SCORES}: lacks the column 'multi-head-seed0'",
             runs=runs(BASELINE, TUNED, ORACLE, MULTI_HEAD)),
    compared("scores that are NaN", "population 1, random, published order, baseline: ",
             edit_parquet(SCORES, lambda table: table.assign(baseline=np.float32("nan")))),
    compared("no non-target", "population 1, random, published order, baseline: ",
             edit_parquet(SCORES, lambda table: table[table["target"]])),
    compared("a table of sensitivity that is none", "metadata.csv: lacks the column 'changed'",
             sensitivity="metadata.csv"),
    compared("a file where it goes", "model.onnx/", directory="model.onnx"),
]  # fmt: skip
