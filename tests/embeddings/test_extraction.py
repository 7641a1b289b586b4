import hashlib
import json

import numpy as np
import onnx
import onnx.helper as oh
import onnxruntime
import pandas as pd
import pytest
import soundfile
import soxr

from tests.embeddings.conftest import DIM, make_model, speech_like
from tests.launching import launch
from workflow_src.common.digests import ROOT
from workflow_src.common.directions import NO_DIRECTION
from workflow_src.common.errors import InputError
from workflow_src.common.files import (
    read_csv,
    read_npy,
    read_npz,
    read_parquet,
    write_npz,
    write_parquet,
)
from workflow_src.common.tables import INDEX_COLUMNS, read_extractor
from workflow_src.corpus.build_manifest import list_folder
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.embeddings import extract_embeddings
from workflow_src.embeddings.extract_embeddings import extract, select_shard
from workflow_src.embeddings.extractor import SpeakerModel
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.embeddings import Extractor, Features
from workflow_src.settings.front_ends import BY_ID

SETTINGS = Extractor()
REASONS = {
    "random": "not readable as audio",
    "empty": "empty file",
    "silent": "silent",
    "short": "shorter than 0.3 s",
    "nan": "samples that are not finite",
    "missing": "missing file",
}


def name_of(speaker, i):
    return f"{speaker:04d}_0501{8 + i // 60:02d}{i % 60:02d}_1_1_ti_0"


def record(root, speaker, i, waveform=None, rate=16000, **options):
    if waveform is None:
        # A few lengths that recur, so that batches of one, of some and full ones come up.
        waveform = speech_like(0.4 + 0.1 * (i % 4) + 0.003 * (i % 3), rate, seed=100 * speaker + i)
    path = root / f"{speaker:04d}" / f"{name_of(speaker, i)}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, **options)
    return path


@pytest.fixture
def root(tmp_path):
    """Recordings of six speakers, some of them bad."""
    root = tmp_path / "audio"
    for speaker in range(1, 7):
        for i in range(8):
            record(root, speaker, i)
    return root


@pytest.fixture
def bad(root):
    """The ids of bad recordings among the good ones, by what is wrong."""
    record(root, 2, 3).write_bytes(np.random.default_rng(0).bytes(20_000))
    record(root, 2, 5).write_bytes(b"")
    record(root, 3, 0, np.zeros(9600, np.float32))
    record(root, 3, 1, speech_like(0.2))
    waveform = speech_like(0.5).copy()
    waveform[100] = np.nan
    record(root, 6, 7, waveform, subtype="FLOAT")
    places = [(2, 3), (2, 5), (3, 0), (3, 1), (6, 7)]
    return {name_of(*place): REASONS[kind] for place, kind in zip(places, REASONS, strict=False)}


def manifest_of(root):
    return list_folder(root, None, DirectoryCorpus())


def run_extraction(root, model, out, shards=1, shard=0, **options):
    write_parquet(manifest_of(root), out / "manifest.parquet")
    arguments = {
        "manifest": out / "manifest.parquet",
        "root": root,
        "model": model,
        "shard": shard,
        "shards": shards,
        "embeddings": out / f"{shard}.npz",
        "rejected": out / f"{shard}.csv",
        **options,
    }
    words = [f"--{key}={value}" for key, value in arguments.items()]
    launch("embeddings.extract_embeddings", *words)
    utterances, embeddings = read_npz(out / f"{shard}.npz", ["utterance", "embedding"])
    return utterances.tolist(), embeddings


def run_merging(out, shards):
    numbers = range(shards)
    launch(
        "embeddings.merge_embeddings",
        f"--manifest={out / 'manifest.parquet'}",
        "--shards",
        *(out / f"{i}.npz" for i in numbers),
        "--rejections",
        *(out / f"{i}.csv" for i in numbers),
        f"--embeddings={out / 'embeddings.npy'}",
        f"--index={out / 'index.parquet'}",
        f"--rejected={out / 'rejected.csv'}",
    )
    return (
        read_npy(out / "embeddings.npy"),
        read_parquet(out / "index.parquet"),
        read_csv(out / "rejected.csv"),
    )


def test_bad_recordings_are_rejected_and_no_row_is_lost(root, bad, model_path, tmp_path, capsys):
    utterances, embeddings = run_extraction(root, model_path, tmp_path)
    assert "device: cpu" in capsys.readouterr().out
    (root / "0001" / f"{name_of(1, 2)}.wav").unlink()
    expected = [u for u in manifest_of(root)["utterance"] if u not in bad]
    assert [u for u in utterances if u != name_of(1, 2)] == expected
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (len(utterances), DIM)
    assert np.isfinite(embeddings).all()
    assert embeddings.any(axis=1).all()
    rejected = read_csv(tmp_path / "0.csv")
    assert list(rejected.columns) == ["utterance", "path", "reason"]
    assert dict(zip(rejected["utterance"], rejected["reason"], strict=True)) == bad
    assert rejected["path"].iloc[0] == f"0002/{name_of(2, 3)}.wav"


def test_recording_removed_after_listing(root, model_path):
    manifest = manifest_of(root)
    (root / manifest["path"].iloc[4]).unlink()
    embeddings, rejected = extract(manifest, root, SpeakerModel(model_path), SETTINGS)
    assert rejected["reason"].tolist() == ["missing file"]
    assert not embeddings[4].any()


def test_batches_change_nothing(root, model_path):
    manifest = manifest_of(root)
    model = SpeakerModel(model_path)
    one, _ = extract(manifest, root, model, Extractor(batch_size=1))
    many, _ = extract(manifest, root, model, Extractor(batch_size=32))
    np.testing.assert_allclose(one, many, atol=1e-5, rtol=0)
    assert np.abs(one).max() > 0.1


def test_batches_are_of_one_length(root, model_path, monkeypatch):
    shapes = []
    embed = SpeakerModel.embed
    monkeypatch.setattr(
        SpeakerModel, "embed", lambda self, x: shapes.append(x.shape) or embed(self, x)
    )
    manifest = manifest_of(root)
    model = SpeakerModel(model_path)
    shapes.clear()
    extract(manifest, root, model, Extractor(batch_size=3))
    assert sum(shape[0] for shape in shapes) == len(manifest)
    assert max(shape[0] for shape in shapes) == 3
    assert len({shape[1] for shape in shapes}) >= 4


def test_windows_change_nothing(root, bad, model_path, monkeypatch):
    manifest = manifest_of(root)
    whole, rejected = extract(manifest, root, SpeakerModel(model_path), SETTINGS)
    monkeypatch.setattr(extract_embeddings, "WINDOW", 5)
    cut, rejected_cut = extract(manifest, root, SpeakerModel(model_path), SETTINGS)
    np.testing.assert_allclose(cut, whole, atol=1e-5, rtol=0)
    assert rejected_cut.equals(rejected)


def test_threads_change_no_byte(root, bad, model_path, tmp_path):
    for threads in (1, 3):
        out = tmp_path / str(threads)
        out.mkdir()
        run_extraction(root, model_path, out, threads=threads)
    for name in ("0.npz", "0.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_shards_are_the_whole(root, bad, model_path, tmp_path, capsys):
    whole, embeddings = run_extraction(root, model_path, tmp_path)
    parts = tmp_path / "parts"
    parts.mkdir()
    sizes = [len(run_extraction(root, model_path, parts, 7, i)[0]) for i in range(7)]
    assert sum(sizes) == len(whole)
    assert 0 in sizes  # a shard without speakers is a shard
    assert read_npz(parts / f"{sizes.index(0)}.npz", ["embedding"])[0].shape == (0, DIM)
    capsys.readouterr()
    merged, index, rejected = run_merging(parts, 7)
    assert index["utterance"].tolist() == whole
    assert index["row"].tolist() == list(range(len(whole)))
    assert index["row"].dtype == np.int64
    assert list(index.columns) == INDEX_COLUMNS
    digest = hashlib.sha256(model_path.read_bytes()).hexdigest()
    assert read_extractor(parts / "index.parquet") == digest
    assert merged.dtype == np.float32
    # To the bit: on the CPU a recording's embedding depends on no other recording.
    np.testing.assert_array_equal(merged, embeddings)
    order = manifest_of(root)["utterance"]
    assert rejected["utterance"].tolist() == [u for u in order if u in bad]
    said = capsys.readouterr().out
    assert f"{len(whole)} embeddings of {DIM} numbers" in said
    assert "5 recordings rejected: 1 " in said


def test_a_new_speaker_moves_nobody(root):
    manifest = manifest_of(root)
    more = pd.concat([manifest, manifest.iloc[:1].assign(speaker="0000")])
    for i in range(4):
        part = select_shard(more, i, 4)["speaker"].unique().tolist()
        assert [s for s in part if s != "0000"] == select_shard(manifest, i, 4)[
            "speaker"
        ].unique().tolist()
    assert [shard_of_speaker(f"{i:04d}", 8) for i in (0, 9, 373)] == [0, 1, 5]
    found = [select_shard(manifest, i, 7)["utterance"] for i in range(7)]
    assert sorted(u for part in found for u in part) == sorted(manifest["utterance"])


def test_a_shard_of_a_folder_is_that_of_its_manifest(root, bad, model_path, tmp_path):
    of_manifest, of_folder = tmp_path / "manifest", tmp_path / "folder"
    for shard in range(3):
        run_extraction(root, model_path, of_manifest, 3, shard)
        arguments = {
            "listing": "{}",
            "root": root,
            "model": model_path,
            "shard": shard,
            "shards": 3,
        }
        arguments["embeddings"] = of_folder / f"{shard}.npz"
        arguments["rejected"] = of_folder / f"{shard}.csv"
        words = [f"--{key}={value}" for key, value in arguments.items()]
        launch("embeddings.extract_embeddings", *words)
        for name in (f"{shard}.npz", f"{shard}.csv"):
            assert (of_folder / name).read_bytes() == (of_manifest / name).read_bytes()


@pytest.mark.parametrize("rate", [8000, 44100])
def test_other_rates_give_close_embeddings(tmp_path, model_path, rate):
    # Noise below 3.4 kHz: the 8 kHz recording has all of it.
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(48000))
    spectrum[3400:] = 0
    wave = np.fft.irfft(spectrum)
    for i, hertz in enumerate([16000, rate]):
        record(tmp_path / "audio", 1, i, soxr.resample(wave, 48000, hertz, "VHQ"), hertz)
    manifest = manifest_of(tmp_path / "audio")
    model = SpeakerModel(model_path)
    (a, b), rejected = extract(manifest, tmp_path / "audio", model, SETTINGS)
    assert rejected.empty
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.98


def test_stereo_of_one_signal_is_that_signal(tmp_path, model_path):
    wave = speech_like(1)
    record(tmp_path / "audio", 1, 0, wave)
    record(tmp_path / "audio", 1, 1, np.stack([wave, wave], axis=1))
    model = SpeakerModel(model_path)
    embeddings, _ = extract(manifest_of(tmp_path / "audio"), tmp_path / "audio", model, SETTINGS)
    np.testing.assert_allclose(embeddings[0], embeddings[1], atol=1e-5)


@pytest.mark.parametrize("scale", [np.nan, 0.0, 1e-20])
def test_embeddings_that_are_none(root, tmp_path, scale):
    model = SpeakerModel(make_model(tmp_path / "m.onnx", scale=scale))
    embeddings, rejected = extract(manifest_of(root), root, model, SETTINGS)
    assert len(rejected) == len(embeddings) == 48
    assert set(rejected["reason"]) == {f"embedding that {NO_DIRECTION}"}
    assert not embeddings.any()


def test_nothing_left_is_an_error(root, tmp_path):
    run_extraction(root, make_model(tmp_path / "m.onnx", scale=0.0), tmp_path)
    with pytest.raises(InputError, match=r"no recording has an embedding.*48 embedding that is"):
        run_merging(tmp_path, 1)
    assert not (tmp_path / "embeddings.npy").exists()
    assert not (tmp_path / "rejected.csv").exists()


def test_checksum(model_path):
    digest = hashlib.sha256(model_path.read_bytes()).hexdigest()
    assert SpeakerModel(model_path, sha256=digest.upper()).dim == DIM
    with pytest.raises(InputError, match=f"sha256 {digest}, but extractor.sha256 .* {'0' * 64}"):
        SpeakerModel(model_path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": ("B", "T", 40)}, r"takes feats tensor\(float\) \[B, T, 40\]; .*\[B, T, 80\]"),
        ({"inputs": ("B", 1, "T", 80)}, r"takes feats .* \[B, 1, T, 80\]"),
        ({"inputs": (4, "T", 80)}, r"takes feats .* \[4, T, 80\]"),
        (
            {"inputs": ("B", 300, 80)},
            r"recordings of one length, 300 along T of \[B, T, 80\]; extractor\.windows: average",
        ),
        (
            {"more_outputs": ["m", "l"]},
            r"more than one output; extractor\.output must name .*: embs \[B, 24\], m \[.*\], l \[",
        ),
        ({"inputs": ("B", "F", "T"), "body": "other"}, "does not run on features"),
        (
            {"outputs": ("B", "T", DIM), "body": "frames"},
            r"gives embs \[B, T, .*\]; an extractor gives",
        ),
    ],
)
def test_models_that_are_no_extractors(tmp_path, options, message):
    bodies = {
        "other": [oh.make_node("MatMul", ["feats", "matrix"], ["embs"])],
        "frames": [oh.make_node("Relu", ["feats"], ["embs"])],
    }
    options = {**options, "body": bodies.get(options.get("body"))}
    path = make_model(tmp_path / "m.onnx", **options)
    with pytest.raises(InputError, match=message) as error:
        SpeakerModel(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_an_output_is_chosen_by_its_name(tmp_path, model_path):
    path = make_model(tmp_path / "m.onnx", more_outputs=["m", "l"])
    features = np.random.default_rng(0).standard_normal((1, 200, 80)).astype(np.float32)
    chosen = SpeakerModel(path, output="embs").embed(features)
    np.testing.assert_array_equal(chosen, SpeakerModel(model_path).embed(features))
    other = SpeakerModel(path, output="l")
    assert other.dim == other.embed(features).shape[1] == 32
    for file in (path, model_path):
        with pytest.raises(InputError, match=r"has no output 'none'; .*: embs \[B, 24\]"):
            SpeakerModel(file, output="none")


@pytest.mark.parametrize("batch", ["B", 1])
@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.0, 2.7])
def test_windows_of_a_model_of_one_length_are_averaged(tmp_path, model_path, batch, seconds):
    path = make_model(tmp_path / "m.onnx", inputs=(batch, 98, 80), outputs=(batch, DIM))
    model, free = SpeakerModel(path, windows="average"), SpeakerModel(model_path)
    features = model.compute_features(speech_like(seconds))
    frames = len(features)
    # 0.4 s is repeated; 1 s is one window; the others are covered evenly, by three windows.
    starts = {0.4: [0], 1.0: [0], 2.0: [0, 50, 100], 2.7: [0, 85, 170]}[seconds]
    assert max(starts) == max(0, frames - 98)
    repeated = np.tile(features, (3, 1)) if frames < 98 else features
    parts = [free.embed(repeated[None, start : start + 98]) for start in starts]
    found = model.embed(np.stack([features, features[::-1]]))
    np.testing.assert_allclose(found[0], np.mean(parts, axis=0)[0], atol=1e-5)
    assert not np.allclose(found[0], found[1], atol=1e-4)


def test_windows_of_waveforms(tmp_path):
    options = {"bins": None, "outputs": (1, DIM)}
    fixed = make_model(tmp_path / "m.onnx", inputs=(1, 8000), **options)
    model = SpeakerModel(fixed, BY_ID["waveform"], windows="average")
    free = SpeakerModel(make_model(tmp_path / "f.onnx", bins=None), BY_ID["waveform"])
    wave = speech_like(1.0)
    expected = (free.embed(wave[None, :8000]) + free.embed(wave[None, 8000:])) / 2
    np.testing.assert_allclose(model.embed(wave[None]), expected, atol=1e-5)


def test_extraction_reads_how_the_model_is_run(root, tmp_path, model_path):
    fixed = make_model(
        tmp_path / "m.onnx",
        inputs=("B", 30, 80),
        more_outputs=["l"],
        metadata={"framework": "wespeaker"},
    )
    settings = '{"output": "embs", "windows": "average", "features": {"feat_dim": 80}}'
    row = BY_ID["fbank"].read_by_step
    ids, found = run_extraction(root, fixed, tmp_path, settings=settings, **{"front-end": row})
    model = SpeakerModel(
        fixed, BY_ID["fbank"], output="embs", windows="average", features=Features(feat_dim=80)
    )
    expected, _ = extract(manifest_of(root), root, model, SETTINGS)
    assert len(ids) == 48
    np.testing.assert_array_equal(found, expected)


def test_free_names_and_open_shapes(tmp_path):
    model = SpeakerModel(make_model(tmp_path / "m.onnx", inputs=("N", "L", "F"), outputs=None))
    assert model.dim == DIM


def test_model_for_one_recording_at_a_time(tmp_path, root, model_path):
    manifest = manifest_of(root)
    single = SpeakerModel(make_model(tmp_path / "m.onnx", inputs=(1, "T", 80), outputs=(1, DIM)))
    assert single.max_batch == 1
    one, _ = extract(manifest, root, single, SETTINGS)
    many, _ = extract(manifest, root, SpeakerModel(model_path), SETTINGS)
    np.testing.assert_allclose(one, many, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "last",
    [
        # Two recordings end in an error, one row, or rows that hold the other recording.
        oh.make_node("Reshape", ["m", "one_80"], ["embs"]),
        oh.make_node("Reshape", ["m", "one_any"], ["embs"]),
        oh.make_node("CumSum", ["m", "zero"], ["embs"]),
    ],
)
def test_a_free_batch_that_was_traced_with_one_recording(tmp_path, last):
    body = [
        oh.make_node("Constant", [], ["one_80"], value_ints=[1, 80]),
        oh.make_node("Constant", [], ["one_any"], value_ints=[1, -1]),
        oh.make_node("Constant", [], ["zero"], value_int=0),
        oh.make_node("ReduceMax", ["feats"], ["m"], axes=[1], keepdims=0),
        last,
    ]
    model = SpeakerModel(make_model(tmp_path / "m.onnx", body=body, outputs=("B", 80)))
    assert (model.dim, model.max_batch) == (80, 1)


def test_a_model_that_takes_batches(model_path):
    assert SpeakerModel(model_path).max_batch is None


def test_a_random_model_is_refused(tmp_path):
    mean = oh.make_node("ReduceMean", ["feats"], ["m"], axes=[1], keepdims=0)
    body = [mean, oh.make_node("RandomNormalLike", ["m"], ["embs"])]
    path = make_model(tmp_path / "m.onnx", body=body, outputs=("B", 80))
    with pytest.raises(InputError, match=r"m\.onnx: gives other embeddings of the same recording"):
        SpeakerModel(path)


@pytest.mark.parametrize("demo", [False, True])
def test_weights_outside_the_model_file_are_refused_wherever_they_lie(tmp_path, monkeypatch, demo):
    path = tmp_path / "models/m.onnx"
    path.parent.mkdir()
    # The demo extractor also has small tensors, which onnxruntime needs before it opens the file.
    given = ROOT / "resources/demo_extractor.onnx" if demo else make_model(tmp_path / "whole.onnx")
    whole = onnx.load(given)
    onnx.save(whole, path, save_as_external_data=True, location="weights", size_threshold=0)
    for folder in (path.parent, tmp_path):
        monkeypatch.chdir(folder)
        with pytest.raises(InputError, match=r"m\.onnx: has weights in another file.*onnx\.save"):
            SpeakerModel(path)


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: the extractor cannot be read"):
        SpeakerModel(tmp_path / "none.onnx")
    path = tmp_path / "m.onnx"
    for content in (b"", b"no model", make_model(path).read_bytes()[:5000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"m\.onnx: cannot be opened as an ONNX model"):
            SpeakerModel(path)


def test_cuda_that_is_not_there(model_path, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert SpeakerModel(model_path, device="auto").device == "cpu"
    with pytest.raises(InputError, match=r"compute\.device: cuda was asked for"):
        SpeakerModel(model_path, device="cuda")


@pytest.fixture
def sessions(monkeypatch):
    """What sessions are asked for, on an onnxruntime that offers CUDA.

    The machine has a GPU unless the list ``broken`` holds anything: then onnxruntime falls back
    to the CPU, as it does without a driver.
    """
    real, asked, broken = onnxruntime.InferenceSession, [], []

    class Session:
        def __init__(self, content, options, providers):
            asked.append(providers)
            self._session = real(content, options, providers=["CPUExecutionProvider"])

        def get_providers(self):
            names = [name if isinstance(name, str) else name[0] for name in asked[-1]]
            return [name for name in names if not broken or name == "CPUExecutionProvider"]

        def __getattr__(self, name):
            return getattr(self._session, name)

    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: offered)
    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    return asked, broken


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_cuda_is_taken_where_it_is(model_path, sessions, device, monkeypatch):
    asked, _ = sessions
    loaded = []
    # A session that opens before CUDA's libraries are loaded has no CUDA.
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: loaded.append(len(asked)))
    assert SpeakerModel(model_path, device=device).device == "cuda"
    assert loaded == [0]
    exact = {"cudnn_conv_algo_search": "DEFAULT", "use_tf32": "0"}
    assert asked[-1] == [("CUDAExecutionProvider", exact), "CPUExecutionProvider"]
    SpeakerModel(model_path, device=device, deterministic=False)
    assert asked[-1] == [("CUDAExecutionProvider", {}), "CPUExecutionProvider"]


def test_the_cpu_is_taken_where_it_is_asked_for(model_path, sessions, monkeypatch):
    asked, _ = sessions
    monkeypatch.delattr("onnxruntime.preload_dlls")
    assert SpeakerModel(model_path, device="cpu").device == "cpu"
    assert asked == [["CPUExecutionProvider"]]


def test_cuda_that_does_not_work(model_path, sessions):
    _, broken = sessions
    broken.append("no driver")
    assert SpeakerModel(model_path, device="auto").device == "cpu"
    with pytest.raises(InputError, match="could not use a GPU here") as error:
        SpeakerModel(model_path, device="cuda")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("device", "size", "largest"), [("cpu", None, 1), ("cuda", None, 32), ("cuda", 5, 5)]
)
def test_batches_are_larger_on_a_gpu(tmp_path, model_path, sessions, device, size, largest):
    for i in range(40):
        record(tmp_path / "audio", 1, i, speech_like(0.5, seed=i))
    model = SpeakerModel(model_path, device=device)
    embed, sizes = model.embed, []
    model.embed = lambda features: sizes.append(len(features)) or embed(features)
    manifest = manifest_of(tmp_path / "audio")
    found, _ = extract(manifest, tmp_path / "audio", model, Extractor(batch_size=size))
    assert max(sizes) == largest
    assert sum(sizes) == 40
    expected, _ = extract(manifest, tmp_path / "audio", SpeakerModel(model_path), SETTINGS)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_a_failed_step_leaves_nothing(root, model_path, tmp_path):
    settings = json.dumps({"sha256": "0" * 64})
    with pytest.raises(InputError, match=r"extractor\.sha256"):
        run_extraction(root, model_path, tmp_path, settings=settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audio", "manifest.parquet", "model.onnx"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids, x: (ids[1:], x[1:]), "1 utterances of the manifest are neither"),
        (
            lambda ids, x: (ids[[0, *range(len(ids))]], x[[0, *range(len(ids))]]),
            "in the shards twice",
        ),
        (lambda ids, x: (np.array(["0009_05010700_1_1_ti_0", *ids[1:]]), x), "the manifest lacks"),
        (lambda ids, x: (ids, x[1:]), r"embedding is \[1, 4\]; \[2, D\]"),
        (lambda ids, x: (ids, x[:, :3]), r"1\.npz: has embeddings of 3 numbers, .*0\.npz of 4"),
        (lambda ids, x: (ids, x * np.nan), "not finite"),
    ],
)
def test_shards_that_do_not_fit(tmp_path, change, message):
    ids = np.array([name_of(s, i) for s in (1, 2) for i in range(2)])
    write_parquet(parse_utterance_ids(ids.tolist(), "test"), tmp_path / "manifest.parquet")
    x = np.arange(16, dtype=np.float32).reshape(4, 4)
    for i, (names, part) in enumerate([(ids[:2], x[:2]), change(ids[2:], x[2:])]):
        extractor = np.array("0" * 64)
        write_npz(tmp_path / f"{i}.npz", utterance=names, embedding=part, extractor=extractor)
        (tmp_path / f"{i}.csv").write_text("utterance,path,reason\n")
    with pytest.raises(InputError, match=message):
        run_merging(tmp_path, 2)
    assert not (tmp_path / "embeddings.npy").exists()


def test_truncated_shard(root, model_path, tmp_path):
    run_extraction(root, model_path, tmp_path)
    content = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"0\.npz: cannot be read"):
        run_merging(tmp_path, 1)


def test_manifest_without_recordings(model_path, tmp_path):
    write_parquet(parse_utterance_ids([name_of(1, 1)], "test"), tmp_path / "manifest.parquet")
    (tmp_path / "audio").mkdir()
    options = {
        "manifest": tmp_path / "manifest.parquet",
        "model": model_path,
        "embeddings": tmp_path / "0.npz",
        "rejected": tmp_path / "0.csv",
    }
    words = [f"--{key}={value}" for key, value in options.items()]
    with pytest.raises(InputError, match="lacks the column 'path'"):
        launch("embeddings.extract_embeddings", *words, "--root", tmp_path / "audio")
    with pytest.raises(InputError, match="none: there is no such folder"):
        launch("embeddings.extract_embeddings", *words, "--root", tmp_path / "none")
