"""Controls: runs under other trials, and under attack."""

import numpy as np

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import cut, edit_json, edit_npy, edit_parquet, remove, write
from tests.bad_input.world import (
    BASELINE,
    EMBEDDINGS,
    INDEX,
    MANIFEST,
    POINTS,
    RANDOM,
    TUNED,
    runs,
)

TRIALS = "results/trials/random.parquet"
UNKNOWN = edit_parquet(TRIALS, lambda t: t.assign(utterance="0009_05011100_3_1_ti_0"))
UNHEARD = f"{TRIALS}: the utterance '0009_05011100_3_1_ti_0' has no embedding"
# So many utterances nobody has.
MANY = "1000"


def shuffled(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.shuffle_targets", name, says, spoil, **options)


def separated(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.separate_tests", name, says, spoil, **options)


def limited(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.measure_headroom", name, says, spoil, **options)


def enrolled(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.lengthen_enrolment", name, says, spoil, **options)


def varied(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.vary_impostors", name, says, spoil, **options)


def attacked(name: str, says: str, spoil=None, **options) -> Case:
    return bad("controls.measure_attacks", name, says, spoil, **options)


CASES = [
    shuffled("no JSON", "--run: ", runs="["),
    shuffled("a list that is not there", "results/trials/2das.parquet: cannot be read",
             lists='[{"scenario": "2das"}]'),
    shuffled("no baseline", "--baseline: 'none' is none of the runs", baseline="none"),
    shuffled("an unknown utterance", UNHEARD, UNKNOWN),
    shuffled("no non-target", f"{TRIALS}: error rates: none of",
             edit_parquet(TRIALS, lambda table: table[table["target"]])),
    shuffled("a tuned weight that is missing", "none/policy.json: cannot be read",
             runs=runs(BASELINE, TUNED | {"checkpoint": "none"})),
    separated("trials cut short", f"{TRIALS}: cannot be read", cut(TRIALS)),
    separated("trials without days", f"{TRIALS}: lacks the column 'day'",
              edit_parquet(TRIALS, lambda table: table.drop(columns="day"))),
    separated("no trial", f"{TRIALS}: has no trial",
              edit_parquet(TRIALS, lambda table: table.head(0))),
    separated("one trial", f"{TRIALS}: error rates: none of",
              edit_parquet(TRIALS, lambda table: table.head(1))),
    limited("no baseline", "--baseline: 'none' is none of the runs", baseline="none"),
    limited("no ceiling", "--ceiling: 'none' is none of the runs", ceiling="none"),
    limited("an unknown utterance", UNHEARD, UNKNOWN),
    limited("a speaker whom nobody knows", f"{TRIALS}: the speaker '0009' has no embedding",
            edit_parquet(TRIALS, lambda table: table.assign(speaker="0009"))),
    limited("zero embeddings", f"{TRIALS}: nothing is left of the speaker",
            edit_npy(EMBEDDINGS, np.zeros_like)),
    limited("embeddings of another corpus", "the embeddings have 5 rows",
            edit_npy(EMBEDDINGS, lambda matrix: matrix[:5])),
    enrolled("no baseline", "--baseline: 'none' is none of the runs", baseline="none"),
    enrolled("more utterances than there are", "nothing is left for the scenario random",
             utterances=MANY),
    enrolled("a scenario without its row", "--lists: the scenario '1das' is none of --scenarios",
             lists='[{"scenario": "1das"}]'),
    enrolled("no manifest", f"{MANIFEST}: cannot be read", remove(MANIFEST)),
    enrolled("an index of other speech", f"{INDEX}: the utterance",
             edit_parquet(INDEX, lambda table: table.assign(utterance="u" + table["utterance"]))),
    varied("no points", f"{POINTS}: cannot be read", remove(POINTS)),
    varied("points that are none", f"{POINTS}: ", write(POINTS, "[]")),
    varied("a rate of none", "--rates: 0.0 is not allowed", rates="0.0"),
    varied("a scenario that is none", "scenario: 0.every: ",
           scenarios=f"[{RANDOM.replace('random', 'never')}]"),
    attacked("no JSON", "--run: ", runs="[}"),
    attacked("no attempt", "attacks: attempts_a_day: 0 is not allowed",
             settings={"attempts_a_day": 0}),
    attacked("an unknown key", "attacks: voice: unknown key", settings={"voice": 1}),
    attacked("a list that is not there", "results/trials/2das.parquet: cannot be read",
             trial_list={"scenario": "2das"}),
    attacked("no points", f"{POINTS}: cannot be read", remove(POINTS)),
    attacked("points without a threshold", f"{POINTS}: has no threshold",
             edit_json(POINTS, score=None)),
    attacked("trials without days", f"{TRIALS}: has trials without a day",
             edit_parquet(TRIALS, lambda table: table.assign(day=""))),
    attacked("one speaker", f"{TRIALS}: has 1 speakers with targets; attacks need 2 or more",
             edit_parquet(TRIALS, lambda t: t[t["speaker"] == t["speaker"].iloc[0]])),
    attacked("a policy that is missing", "none/policy.json: cannot be read",
             runs=runs(TUNED | {"run": "baseline", "checkpoint": "none"})),
    attacked("embeddings of another corpus", "do not lie within the 5 rows",
             edit_npy(EMBEDDINGS, lambda matrix: matrix[:5])),
]  # fmt: skip
