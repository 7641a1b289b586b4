"""Development trials: of training speakers only, and few enough."""

import pandas as pd
import pytest

from tests.launching import launch
from tests.manifests import manifest_of
from workflow_src.common.files import write_csv, write_parquet
from workflow_src.settings.scenarios import BY_ID

IDS = [
    f"{speaker:04d}_05{day:02d}1{hour}00_3_{take}_ti_0"
    for speaker in range(1, 9)
    for day in range(1, 21)
    for take, hour in enumerate((1, 3, 5), 1)
]


@pytest.fixture
def corpus(tmp_path):
    write_parquet(manifest_of(IDS), tmp_path / "manifest.parquet")
    parts = ["test", "test", "nontarget-only", *["train"] * 5]
    speakers = [f"{speaker:04d}" for speaker in range(1, 9)]
    write_csv(pd.DataFrame({"speaker": speakers, "part": parts}), tmp_path / "split.csv")
    write_csv(pd.DataFrame({"utterance": [IDS[-1]]}), tmp_path / "rejected.csv")
    return tmp_path


def make(corpus, scenario, development="{}"):
    launch(
        "trials.generate_development_trials",
        "--manifest", corpus / "manifest.parquet",
        "--split", corpus / "split.csv",
        "--rejected", corpus / "rejected.csv",
        "--scenario", BY_ID[scenario].model_dump_json(),
        "--seed", 1,
        "--development", development,
        "--trials", corpus / "out.parquet",
        "--enrolment", corpus / "enrolment.parquet",
        "--passed-over", corpus / "passed_over.csv",
    )  # fmt: skip
    return [pd.read_parquet(corpus / name) for name in ("out.parquet", "enrolment.parquet")]


@pytest.mark.parametrize("scenario", BY_ID)
def test_only_training_speakers_are_heard(corpus, scenario):
    trials, enrolment = make(corpus, scenario)
    training = {f"{speaker:04d}" for speaker in range(4, 9)}
    assert set(trials["utterance"].str[:4]) | set(enrolment["utterance"].str[:4]) <= training
    assert set(trials["speaker"]) == training
    assert IDS[-1] not in set(trials["utterance"])


def test_speakers_and_trajectories_are_as_many_as_wanted(corpus):
    trials, _ = make(corpus, "random", '{"speakers": 3, "trajectories": 2}')
    assert trials["speaker"].nunique() == 3
    assert trials["model"].nunique() == 6


def test_training_speakers_without_trials_are_counted(corpus):
    manifest = pd.read_parquet(corpus / "manifest.parquet")
    # Two days of speaker 0008: one to enrol, none to test. Speaker 0001 is tested, and not counted.
    short = manifest["speaker"].isin(["0001", "0008"]) & (manifest["date"] > "2020-05-02")
    write_parquet(manifest[~short], corpus / "manifest.parquet")
    trials, _ = make(corpus, "1das")
    assert "0008" not in set(trials["speaker"])
    assert (corpus / "passed_over.csv").read_text().splitlines() == [
        "stage,what,number,first",
        "development trials,enrolment days without a test day (1das),1,",
        "development trials,training speakers without a trial (1das),1,0008",
    ]


def test_without_two_training_speakers_there_are_none(corpus):
    full = [table.dtypes.to_dict() for table in make(corpus, "random")]
    split = pd.DataFrame({"speaker": ["0001", "0002"], "part": ["test", "train"]})
    write_csv(split, corpus / "split.csv")
    tables = make(corpus, "random")
    assert [len(table) for table in tables] == [0, 0]
    assert [table.dtypes.to_dict() for table in tables] == full


def test_where_speakers_recorded_too_little_there_are_none(corpus):
    short = manifest_of([name for name in IDS if name[5:9] == "0501"])
    write_parquet(short, corpus / "manifest.parquet")
    assert [len(table) for table in make(corpus, "random")] == [0, 0]
