import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.launching import launch
from tests.synthetic.laws import VOICES, voice_law
from workflow_src.common.errors import InputError
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.settings.schema import validate_config
from workflow_src.synthetic import phonetics, synthesize_corpus, voices
from workflow_src.synthetic.synthesis import SAMPLE_RATE, synthesize_recording
from workflow_src.synthetic.voices import POPULATION, speaker_ids

LAW = voice_law()
TINY = SyntheticCorpus(speakers=3, days=3)
SLOT_HOURS = {1: (6, 7), 2: (9, 10), 3: (12, 13), 4: (17, 18), 5: (20, 21)}


def synthesize(folder: Path, shards: int, seed: int = 1, settings: SyntheticCorpus = TINY):
    """Run all shards; return {path: digest of the bytes} and the tables as one."""
    digests, tables = {}, []
    for shard in range(shards):
        audio, table = folder / f"shard-{shard}", folder / f"shard-{shard}.parquet"
        options = {
            "settings": settings.model_dump_json(),
            "law": VOICES,
            "seed": seed,
            "shard": shard,
            "shards": shards,
            "audio": audio,
            "table": table,
        }
        launch(
            "synthetic.synthesize_corpus", *(f"--{name}={value}" for name, value in options.items())
        )
        for path in sorted(audio.rglob("*.flac")):
            name = path.relative_to(audio).as_posix()
            digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        tables.append(pd.read_parquet(table))
    return digests, pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return folder, *synthesize(folder, 1)


@pytest.fixture(scope="module")
def calendar():
    """The recordings of the default corpus, not spoken."""
    settings = SyntheticCorpus()
    return [
        r
        for speaker in speaker_ids(settings.speakers)
        for r in voices.draw_recordings(1, POPULATION, speaker, settings, LAW)
    ]


def test_same_bytes_however_the_work_is_divided(corpus, tmp_path):
    _, digests, table = corpus
    # More shards than speakers: the last one is empty, and whole.
    again, parts = synthesize(tmp_path, 4)
    assert again == digests
    pd.testing.assert_frame_equal(
        parts.sort_values("utterance", ignore_index=True),
        table.sort_values("utterance", ignore_index=True),
    )
    assert (tmp_path / "shard-3").is_dir()
    assert pd.read_parquet(tmp_path / "shard-3.parquet").columns.tolist() == list(table.columns)


def test_another_seed_gives_other_recordings(corpus):
    _, digests, _ = corpus
    theirs = voices.draw_recordings(2, POPULATION, "0001", TINY, LAW)
    assert not {f"0001/{r.utterance}.flac" for r in theirs} & set(digests)


def test_fewer_speakers_change_no_recording(corpus, tmp_path):
    _, digests, _ = corpus
    fewer, _ = synthesize(tmp_path, 1, settings=TINY.model_copy(update={"speakers": 2}))
    assert fewer == {path: d for path, d in digests.items() if path < "0003"}


def test_table_and_files_agree(corpus):
    folder, digests, table = corpus
    assert table.columns.tolist() == list(synthesize_corpus.COLUMNS)
    assert sorted(table["path"]) == sorted(digests)
    assert (table["path"] == table["utterance"].str[:4] + "/" + table["utterance"] + ".flac").all()
    assert table["seconds"].dtype == np.float32
    for row in table.itertuples():
        info = soundfile.info(folder / "shard-0" / row.path)
        assert (info.format, info.subtype) == ("FLAC", "PCM_16")
        assert (info.samplerate, info.channels) == (16_000, 1)
        assert info.frames / 16_000 == pytest.approx(row.seconds)


def test_waveforms_are_sound(corpus):
    folder, _, table = corpus
    for path in table["path"]:
        wave, _ = soundfile.read(folder / "shard-0" / path, dtype="float32")
        assert np.abs(wave).max() < 1
        assert 0.002 < wave.std() < 0.3
        assert abs(wave.mean()) < 0.1 * wave.std()
    assert table["seconds"].between(1.5, 4.0).all()


def test_a_folder_is_replaced_whole_or_kept(tmp_path, monkeypatch):
    settings = TINY.model_copy(update={"speakers": 2, "days": 2})
    first, _ = synthesize(tmp_path, 1, settings=settings)
    (tmp_path / "shard-0" / "stale.flac").write_bytes(b"")
    again, _ = synthesize(tmp_path, 1, settings=settings)
    assert again == first

    def fail(*_):
        raise InputError("no")

    monkeypatch.setattr(synthesize_corpus, "synthesize_recording", fail)
    with pytest.raises(InputError):
        synthesize(tmp_path, 1, settings=settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shard-0", "shard-0.parquet"]
    assert len(list((tmp_path / "shard-0").rglob("*.flac"))) == len(first)


def test_a_shard_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--shard 2: allowed is 0\.\.1"):
        launch(
            "synthetic.synthesize_corpus",
            *("--seed=1", "--shard=2", "--shards=2", f"--audio={tmp_path / 'a'}", "--table=t"),
            f"--law={VOICES}",
        )


def test_ids_parse_and_lie_in_their_slots(calendar):
    table = parse_utterance_ids([r.utterance for r in calendar], "corpus")
    assert not table["utterance"].duplicated().any()
    assert table["slot"].tolist() == [r.slot for r in calendar]
    hours = table["time"].str[:2].astype(int)
    for slot, (first, last) in SLOT_HOURS.items():
        assert hours[table["slot"] == slot].between(first, last).all()
    assert table["take"].between(1, 4).all()
    assert table.loc[table["kind"] == "ti", "phrase"].eq(0).all()
    assert sorted(table.loc[table["kind"] == "td", "phrase"].unique()) == [1, 2, 3, 4, 5]
    # The order of takes is not always the order of the clock.
    session = table.groupby(["speaker", "date", "slot"])["time"]
    unsorted = ~session.apply(lambda times: times.is_monotonic_increasing)
    assert 0.05 < unsorted.mean() < 0.5


def test_the_corpus_suits_the_protocol(calendar):
    table = parse_utterance_ids([r.utterance for r in calendar], "corpus")
    assert 11_000 < len(table) < 14_000
    assert table.groupby("speaker").size().min() > 200
    eligible = table[(table["time"] > "10:00") & (table["time"] < "20:00")]
    fifth = eligible.groupby("speaker").nth(4)
    assert len(fifth) == 44
    assert fifth["date"].max() <= "2020-05-08"
    assert table.groupby("speaker")["date"].min().eq("2020-05-01").all()


@pytest.mark.parametrize("field", ["states", "noise"])
def test_shares_are_as_set(calendar, field):
    expected = getattr(LAW, field)
    name = {"states": "state", "noise": "noise"}[field]
    shares = pd.Series([getattr(r, name) for r in calendar]).value_counts(normalize=True)
    for value, share in expected.items():
        assert shares[value] == pytest.approx(share, rel=0.25)


def test_shares_are_those_of_the_law():
    law = voice_law(states={"cold": 2}, noise={"noisy": 0.1, "quiet": 0.0})
    recordings = voices.draw_recordings(1, POPULATION, "0001", SyntheticCorpus(), law)
    assert {(r.state, r.noise) for r in recordings} == {("cold", "noisy")}


def test_effects_and_drift_can_be_switched_off():
    still = voice_law(effects=0, drift=0, day_offset=0, slot_offset=0, utterance_offset=0)
    z = voices.draw_speaker(1, POPULATION, "0001")
    for recording in voices.draw_recordings(1, POPULATION, "0001", TINY, still):
        np.testing.assert_allclose(recording.latent, z)


def test_speakers_are_standard_normal():
    z = np.stack([voices.draw_speaker(1, POPULATION, f"{i:04d}") for i in range(2000)])
    assert z.shape[1] == voices.DIMENSIONS
    assert np.abs(z.mean(axis=0)).max() < 0.1
    assert np.abs(z.std(axis=0) - 1).max() < 0.07
    correlation = np.corrcoef(z.T) - np.eye(voices.DIMENSIONS)
    assert np.abs(correlation).max() < 0.12


def test_drift_has_its_spread_and_time_constant():
    walks = np.stack([voices.draw_drift(np.random.default_rng(i), 41, 0.45, 20) for i in range(60)])
    assert walks.std() == pytest.approx(0.45, rel=0.05)
    for lag in (1, 20, 40):
        products = (walks[:, :-lag] * walks[:, lag:]).mean() / walks.var()
        assert products == pytest.approx(np.exp(-lag / 20), abs=0.06)


def test_the_same_words_by_other_voices_differ():
    first, second = (
        next(
            r
            for r in voices.draw_recordings(1, POPULATION, s, SyntheticCorpus(), LAW)
            if r.phrase == 2
        )
        for s in ("0001", "0002")
    )
    texts = phonetics.phrase_text(2)
    assert texts is phonetics.phrase_text(2)
    waves = [synthesize_recording(1, POPULATION, r, SyntheticCorpus()) for r in (first, second)]
    assert len(waves[0]) != len(waves[1])
    # Women's voices are higher: the share of energy below 170 Hz tells them from men.
    shares = []
    for wave in waves:
        power = np.abs(np.fft.rfft(wave)) ** 2
        frequency = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
        shares.append(power[(frequency > 60) & (frequency < 150)].sum() / power.sum())
    assert shares[0] < shares[1]
    assert [voices.gender_of(r.speaker) for r in (first, second)] == ["female", "male"]


def test_noise_levels_have_their_snr():
    recording = voices.draw_recordings(1, POPULATION, "0001", TINY, LAW)[0]

    def floor(snr: float) -> float:
        """Level of the pause before the speech, relative to the loudest 50 ms, in dB."""
        quiet = voices.Recording(**{**recording.__dict__, "snr": snr})
        wave = synthesize_recording(1, POPULATION, quiet, TINY)
        power = np.square(wave[: len(wave) // 800 * 800].reshape(-1, 800)).mean(axis=1)
        return 10 * np.log10(power[0] / power.max())

    assert floor(8) - floor(32) == pytest.approx(24, abs=3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seconds", [0.2, 3.0]),
        ("seconds", [3.0, 2.0]),
        ("sessions_per_day", [0, 3]),
        ("utterances_per_session", [1, 5]),
        ("missed_days", 1.0),
    ],
)
def test_impossible_settings_are_refused(key, value):
    with pytest.raises(InputError, match=key):
        validate_config({"corpus": {"synthetic": {key: value}}})
