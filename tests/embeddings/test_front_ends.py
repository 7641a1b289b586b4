import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import pytest
import soundfile

from tests.embeddings.conftest import DIM, make_model, speech_like
from workflow_src.common.digests import digest_code
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_npz
from workflow_src.embeddings.extractor import SpeakerModel
from workflow_src.embeddings.log_mel import LogMel
from workflow_src.embeddings.wespeaker_fbank80 import LOG_MEL, MEL_BINS, compute_fbank
from workflow_src.settings.embeddings import Features
from workflow_src.settings.front_ends import BY_ID, FRONT_ENDS
from workflow_src.settings.schema import validate_config

CLONE = Path(__file__).resolve().parents[2]
THREE_D_SPEAKER = {
    "framework": "3d-speaker",
    "sample_rate": "16000",
    "normalize_samples": "1",
    "feature_normalize_type": "global-mean",
    "output_dim": str(DIM),
}
STEP = "workflow_src.embeddings.extract_embeddings"


@pytest.mark.parametrize("row", FRONT_ENDS, ids=lambda row: row.id)
def test_a_front_end_gives_what_its_row_says(row, tmp_path):
    assert row.summary
    assert row.reference
    assert [size for size in row.shape if isinstance(size, str)] == [row.shape[row.growing]]
    bins = [size for size in row.shape if isinstance(size, int)]
    path = make_model(tmp_path / "m.onnx", bins=next(iter(bins), None), metadata=THREE_D_SPEAKER)
    model = SpeakerModel(path, row)
    lengths = []
    for seconds in (1, 2):
        waveform = speech_like(seconds, row.sample_rate)
        features = model.compute_features(waveform)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
        sizes = list(features.shape)
        lengths.append(sizes.pop(row.growing))
        assert sizes == bins
        np.testing.assert_array_equal(model.compute_features(waveform), features)
    assert lengths[1] > lengths[0] > 0


def test_an_unknown_front_end_is_refused():
    names = ", ".join(row.id for row in FRONT_ENDS)
    with pytest.raises(InputError, match=f"extractor.front_end: .*'plp'; allowed are: {names}"):
        validate_config({"extractor": {"front_end": "plp"}})


@pytest.fixture
def clone(tmp_path):
    """A copy of the package with the front end that docs/extractors.md adds, as written there."""
    shutil.copytree(CLONE / "workflow_src", tmp_path / "clone/workflow_src")
    page = (CLONE / "docs/extractors.md").read_text(encoding="utf-8")
    path = re.search(r"`(workflow_src/embeddings/log\w+\.py)`", page)[1]
    file, row, *_ = re.findall(r"^```python\n(.+?)^```$", page, re.M | re.S)
    (tmp_path / "clone" / path).write_text(file, encoding="utf-8")
    table = tmp_path / "clone/workflow_src/settings/front_ends.py"
    before, end, after = table.read_text(encoding="utf-8").partition("\n)\nBY_ID")
    table.write_text(f"{before}\n{row.rstrip()},{end}{after}", encoding="utf-8")
    return tmp_path / "clone"


def run_in(clone, *words):
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(clone)},
        cwd=clone.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_front_end_is_one_file_and_one_row(clone, tmp_path):
    script = tmp_path / "row.py"
    script.write_text(
        "from workflow_src.common.digests import digest_code\n"
        "from workflow_src.settings.front_ends import BY_ID\n"
        "from workflow_src.settings.schema import validate_config\n"
        "config = validate_config({'extractor': {'front_end': 'log-spectrum257'}})\n"
        "row = BY_ID[config.extractor.front_end]\n"
        f"print(row.read_by_step, digest_code(row.module), digest_code({STEP!r}))\n"
    )
    row, digest, of_step = run_in(clone, script)
    # Nobody's embeddings are extracted anew because of the row; the file itself is digested.
    assert of_step == digest_code(STEP)
    assert digest != digest_code(FRONT_ENDS[0].module)
    (tmp_path / "audio").mkdir()
    names = [f"0001_0501080{i}_1_1_ti_0" for i in range(3)]
    for i, name in enumerate(names):
        soundfile.write(tmp_path / f"audio/{name}.wav", speech_like(1 + i), 16000)
    options = {
        "root": tmp_path / "audio",
        "model": make_model(tmp_path / "m.onnx", bins=257),
        "front-end": row,
        "embeddings": tmp_path / "0.npz",
        "rejected": tmp_path / "0.csv",
    }
    words = [f"--{key}={value}" for key, value in options.items()]
    run_in(clone, "-m", "workflow_src.run", "embeddings.extract_embeddings", *words)
    utterances, embeddings = read_npz(tmp_path / "0.npz", ["utterance", "embedding"])
    assert utterances.tolist() == names
    assert embeddings.shape == (3, DIM)
    assert embeddings.any(axis=1).all()
    with pytest.raises(InputError, match=r"takes feats .*257\]; the front end wespeaker-fbank80"):
        SpeakerModel(options["model"])


def reference(waveform, log_mel=LOG_MEL, subtract_mean=True):
    """kaldi-native-fbank's own online extractor."""
    fbank = knf.OnlineFbank(log_mel.options)
    fbank.accept_waveform(log_mel.sample_rate, (waveform * np.float32(log_mel.scale)).tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    features = np.array(frames, np.float32).reshape(-1, log_mel.bins)
    return features - features.mean(axis=0, dtype=np.float64) * subtract_mean


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize("seconds", [0.025, 0.3, 2.0])
def test_equals_kaldi_native_fbank(seconds, offset):
    waveform = speech_like(seconds) + np.float32(offset)
    np.testing.assert_allclose(compute_fbank(waveform), reference(waveform), atol=2e-3)


def test_equals_kaldi_native_fbank_on_noise_and_silence():
    waveform = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    waveform[4000:9000] = 0
    np.testing.assert_allclose(compute_fbank(waveform), reference(waveform), atol=2e-4)


@pytest.mark.parametrize("samples", [0, 399, 400, 559, 560, 16000])
def test_shape(samples):
    features = compute_fbank(np.ones(samples, np.float32))
    assert features.shape == (LOG_MEL.count_frames(samples), MEL_BINS)
    assert features.dtype == np.float32
    assert len(features) == (0 if samples < 400 else 1 + (samples - 400) // 160)


def test_long_recordings_are_worked_on_in_blocks():
    waveform = speech_like(45)
    features = compute_fbank(waveform)
    assert len(features) > 4096
    start = 4000
    # The mean over time is another; differences between frames are the same.
    part = compute_fbank(waveform[start * 160 :])
    np.testing.assert_allclose(
        features[start:] - features[start], part - part[0], atol=1e-3, rtol=1e-4
    )


TOLD = [
    (THREE_D_SPEAKER, {}, LogMel(window="povey", scale=1.0), True),
    # What a WeSpeaker export leaves out is as in WeSpeaker's training.
    ({"framework": "wespeaker", "normalize_samples": "0"}, {}, LOG_MEL, True),
    (
        THREE_D_SPEAKER | {"feat_dim": "40", "sample_rate": "8000", "window_type": "hann"},
        {},
        LogMel(8000, 40, "hann", 1.0),
        True,
    ),
    (
        THREE_D_SPEAKER,
        {"feat_dim": 64, "normalize_samples": False, "feature_normalize_type": "none"},
        LogMel(bins=64, window="povey"),
        False,
    ),
    (
        {},
        {"normalize_samples": True, "window_type": "hamming", "feature_normalize_type": "none"},
        LogMel(scale=1.0),
        False,
    ),
    # A setting takes the place of an entry that cannot be read.
    (THREE_D_SPEAKER | {"window_type": "?"}, {"window_type": "hanning"},
     LogMel(window="hanning", scale=1.0), True),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "features", "log_mel", "subtract_mean"), TOLD)
def test_a_file_tells_its_filter_banks(tmp_path, metadata, features, log_mel, subtract_mean):
    path = make_model(tmp_path / "m.onnx", bins=log_mel.bins, metadata=metadata)
    model = SpeakerModel(path, BY_ID["fbank"], features=Features(**features))
    assert model.front_end.sample_rate == log_mel.sample_rate
    assert model.front_end.shape == ("T", log_mel.bins)
    waveform = np.random.default_rng(0).standard_normal(log_mel.sample_rate).astype(np.float32)
    np.testing.assert_allclose(
        model.compute_features(waveform), reference(waveform, log_mel, subtract_mean), atol=2e-3
    )


@pytest.mark.parametrize(
    ("metadata", "features", "message"),
    [
        ({}, {}, r"lack window_type, normalize_samples, .*set extractor\.features\.window_type"),
        ({"framework": "nemo"}, {}, r"framework 'nemo'; the front end fbank knows wespeaker, 3d-"),
        (
            {"sample_rate": "16 kHz"},
            {},
            r"sample_rate '16 kHz': .*extractor\.features\.sample_rate",
        ),
        ({"feature_normalize_type": "per_feature"}, {}, "normalize_type 'per_feature': .*'none'"),
        ({"feat_dim": "40"}, {}, r"takes feats .*\[B, T, 80\]; .* fbank gives .*\[B, T, 40\]"),
        ({}, {"feat_dim": 256, **TOLD[4][1]}, "cannot be computed: 256 mel filters at 16000 Hz"),
        ({"output_dim": "512"}, {}, f"output_dim '512', but its output embs has {DIM} numbers"),
    ],
)
def test_what_a_file_tells_wrongly(tmp_path, metadata, features, message):
    usual = {"framework": "wespeaker"} if metadata else {}
    path = make_model(tmp_path / "m.onnx", metadata=usual | metadata)
    with pytest.raises(InputError, match=message) as error:
        SpeakerModel(path, BY_ID["fbank"], features=Features(**features))
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_features_that_the_front_end_fixes(tmp_path):
    path = make_model(tmp_path / "m.onnx")
    with pytest.raises(InputError, match=r"features\.feat_dim: is set, but .*-fbank80 fixes it"):
        SpeakerModel(path, features=Features(feat_dim=40))


@pytest.mark.parametrize(
    ("metadata", "features", "rate"),
    [({}, None, 16000), ({"sample_rate": "8000"}, None, 8000),
     ({"sample_rate": "8000"}, Features(sample_rate=24000), 24000)],
)  # fmt: skip
def test_a_model_of_waveforms(tmp_path, metadata, features, rate):
    path = make_model(tmp_path / "m.onnx", bins=None, metadata=metadata)
    model = SpeakerModel(path, BY_ID["waveform"], features=features)
    assert (model.dim, model.max_batch, model.front_end.sample_rate) == (DIM, None, rate)
    waveform = speech_like(1.0)
    np.testing.assert_array_equal(model.compute_features(waveform), waveform)
    assert model.embed(waveform[None]).any()
    with pytest.raises(
        InputError, match=r"takes feats .*\[B, S\]; the front end wespeaker-fbank80"
    ):
        SpeakerModel(path)
