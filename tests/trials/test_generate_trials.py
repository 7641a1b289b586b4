"""The step: files in, files out, a line that counts, one line for a user's mistake."""

import json

import pandas as pd
import pytest

from tests.launching import launch
from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.digests import reached_modules
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_parquet
from workflow_src.settings.scenarios import BY_ID


@pytest.fixture
def files(tmp_path):
    manifest = make_manifest(days=12)
    rejected = manifest["utterance"].sample(20, random_state=0)
    write_parquet(manifest, tmp_path / "manifest.parquet")
    write_csv(make_split(), tmp_path / "split.csv")
    write_csv(
        pd.DataFrame({"utterance": rejected, "path": "p", "reason": "r"}), tmp_path / "rejected.csv"
    )
    return tmp_path


def generate(files, scenario, settings="{}", out="out"):
    row = scenario if "{" in scenario else BY_ID[scenario].model_dump_json()
    launch(
        "trials.generate_trials",
        "--manifest", files / "manifest.parquet",
        "--split", files / "split.csv",
        "--rejected", files / "rejected.csv",
        "--settings", settings,
        "--seed", 1,
        "--scenario", row,
        "--trials", files / f"{out}.parquet",
        "--enrolment", files / f"{out}.enrolment.parquet",
    )  # fmt: skip


def test_tables_and_the_printed_line(files, capsys):
    generate(files, "1d1s", json.dumps({"rounds": 2}))
    trials = pd.read_parquet(files / "out.parquet")
    assert list(trials.columns) == [
        "model", "speaker", "round", "step", "day", "utterance", "target",
    ]  # fmt: skip
    assert trials["round"].max() == 2
    enrolment = pd.read_parquet(files / "out.enrolment.parquet")
    assert list(enrolment.columns) == ["model", "speaker", "order", "utterance"]
    rejected = pd.read_csv(files / "rejected.csv")["utterance"]
    assert not trials["utterance"].isin(rejected).any()
    printed = capsys.readouterr().out
    assert "1d1s (one utterance of a day, every day): 4 speakers, 4 models, " in printed
    assert f"{len(trials)} trials" in printed
    assert "passed over" not in printed


def test_same_bytes_again(files):
    for out in ("one", "two"):
        generate(files, "random", out=out)
    for end in (".parquet", ".enrolment.parquet"):
        assert (files / f"one{end}").read_bytes() == (files / f"two{end}").read_bytes()


def test_empty_list_of_rejected(files):
    (files / "rejected.csv").write_text("utterance,path,reason\n")
    generate(files, "3das")


def test_a_row_of_ones_own(files, capsys):
    row = '{"id": "weekly", "every": 7, "targets": "one", "rounds": 3, "enrolment": [0, 2]}'
    generate(files, row, json.dumps({"rounds": 2}))
    trials = pd.read_parquet(files / "out.parquet")
    assert sorted(trials["round"].unique()) == [1, 2, 3]
    assert set(trials["model"].str[8:]) == {"0", "2"}
    assert "weekly (one utterance of a day, every 7 days): 3 speakers" in capsys.readouterr().out


STEPS = ["generate_trials", "generate_development_trials", "import_trials", "export_trials"]


@pytest.mark.parametrize("step", STEPS)
def test_no_step_counts_the_rows_of_other_scenarios_as_its_code(step):
    reached = reached_modules(f"workflow_src.trials.{step}")
    assert "workflow_src.settings.generation" in reached
    assert "workflow_src.settings.scenarios" not in reached


def test_settings_are_checked(files):
    with pytest.raises(InputError, match=r"trials.generation: round: unknown key"):
        generate(files, "random", '{"round": 3}')
    with pytest.raises(InputError, match="enrolment_after must be earlier"):
        generate(files, "random", '{"enrolment_after": "21:00"}')
    with pytest.raises(InputError, match="scenario: targets is missing; allowed: all, one"):
        generate(files, '{"id": "weekly", "every": 7}')
