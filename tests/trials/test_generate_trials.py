"""The step: files in, files out, a line that counts, one line for a user's mistake."""

import json

import pandas as pd
import pytest

from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_parquet
from workflow_src.trials.generate_trials import main


@pytest.fixture
def files(tmp_path):
    manifest = make_manifest(days=12)
    rejected = manifest["utterance"].iloc[:20]
    write_parquet(manifest, tmp_path / "manifest.parquet")
    write_csv(make_split(), tmp_path / "split.csv")
    write_csv(
        pd.DataFrame({"utterance": rejected, "path": "p", "reason": "r"}), tmp_path / "rejected.csv"
    )
    return tmp_path


def arguments(files, scenario, settings="{}", out="out"):
    names = {"manifest": "manifest.parquet", "split": "split.csv", "rejected": "rejected.csv"}
    given = [part for name, file in names.items() for part in (f"--{name}", str(files / file))]
    return [
        *given, "--settings", settings, "--seed", "1", "--scenario", scenario,
        "--out", str(files / f"{out}.parquet"),
        "--enrolment", str(files / f"{out}.enrolment.parquet"),
    ]  # fmt: skip


def test_tables_and_the_printed_line(files, capsys):
    main(arguments(files, "1d1s", json.dumps({"rounds": 2})))
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
    assert f"1d1s: 4 speakers, 4 models, {len(trials)} trials" in printed
    assert "left out: nothing" in printed


def test_same_bytes_again(files):
    for out in ("one", "two"):
        main(arguments(files, "random", out=out))
    for end in (".parquet", ".enrolment.parquet"):
        assert (files / f"one{end}").read_bytes() == (files / f"two{end}").read_bytes()


def test_empty_list_of_rejected(files):
    (files / "rejected.csv").write_text("utterance,path,reason\n")
    main(arguments(files, "3das"))


def test_settings_are_checked(files):
    with pytest.raises(InputError, match=r"trials.generation: round: unknown key"):
        main(arguments(files, "random", '{"round": 3}'))
    with pytest.raises(InputError, match="enrolment_after must be earlier"):
        main(arguments(files, "random", '{"enrolment_after": "21:00"}'))
