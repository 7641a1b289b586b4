"""Extraction against a plain loop over files, in the same run, with the same threads.

    python benchmarks/bench_extraction.py [--threads 2] [--recordings 300] [--model FILE]

The limit beside the figures is what the model's own arithmetic would allow if it were all done at
the rate of a large matrix product and nothing else cost anything.
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import soundfile

from workflow_src.corpus.build_manifest import list_folder
from workflow_src.embeddings.audio import read_audio
from workflow_src.embeddings.extract_embeddings import extract
from workflow_src.embeddings.extractor import SpeakerModel
from workflow_src.embeddings.wespeaker_fbank80 import LOG_MEL, compute_fbank
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.embeddings import Extractor

DEMO_MODEL = Path(__file__).resolve().parents[1] / "resources/demo_extractor.onnx"


def make_recordings(root, count):
    """Write coloured noise of 1.5-4 s as 16-bit FLAC, and return its total length in seconds."""
    rng = np.random.default_rng(0)
    total = 0.0
    for i in range(count):
        samples = int(rng.uniform(1.5, 4.0) * 16000)
        noise = np.cumsum(rng.standard_normal(samples)) * 0.98 ** np.arange(samples).clip(max=9)
        wave = 0.3 * np.diff(noise, prepend=0) / 4 + 0.1 * np.sin(np.arange(samples) * 0.05)
        name = f"{i // 50:04d}_0501{7 + i % 50 // 60:02d}{i % 50:02d}_1_1_ti_0.flac"
        soundfile.write(root / name, wave.clip(-1, 1), 16000)
        total += samples / 16000
    return total


def plain_features(waveform):
    """kaldi-native-fbank used as its examples do: sample by sample in, frame by frame out."""
    fbank = knf.OnlineFbank(LOG_MEL.options)
    fbank.accept_waveform(16000, (waveform * 32768).tolist())
    fbank.input_finished()
    features = np.array([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])
    return features - features.mean(axis=0)


def plain_loop(paths, model, threads, features=plain_features):
    """Extract as most scripts do: read, features, model; the threads inside the model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    embeddings = []
    for path in paths:
        waveform, _ = soundfile.read(path, dtype="float32")
        embeddings.append(session.run(None, {name: features(waveform)[None]})[0][0])
    return np.array(embeddings)


def flops(model, frames):
    """Count the multiplications and additions of the model's layers with weights."""
    graph = onnx.load(model).graph
    size = {w.name: int(np.prod(w.dims)) for w in graph.initializer}
    per_frame = sum(2 * size.get(n.input[1], 0) for n in graph.node if n.op_type == "Conv")
    once = [n for n in graph.node if n.op_type in {"Gemm", "MatMul"}]
    return per_frame * frames + sum(2 * size.get(n.input[1], 0) for n in once)


def matmul_rate(seconds=0.5):
    """Return the rate of float32 matrix products on one thread, in FLOP/s."""
    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    best = np.inf
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best


def timed(function, repeats):
    """Return the result and the least of a few times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            result = function()
        times.append(time.perf_counter() - start)
    return result, min(times)


def untrained_demo_model(path):
    """Write the demo network with random weights: the same cost."""
    import torch

    from workflow_src.synthetic.demo_network import DemoNetwork, to_onnx

    torch.manual_seed(0)
    path.write_bytes(to_onnx(DemoNetwork().eval()))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=Path, default=DEMO_MODEL)
    args = parser.parse_args()
    use_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "audio"
        root.mkdir()
        seconds = make_recordings(root, args.recordings)
        path = args.model
        if path == DEMO_MODEL and not path.exists():
            path = untrained_demo_model(Path(folder) / "model.onnx")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            manifest = list_folder(root, None, DirectoryCorpus())
        paths = [root / name for name in manifest["path"]]
        model = SpeakerModel(path, device="cpu")
        rows = []

        def add(what, function):
            result, elapsed = timed(function, args.repeats)
            rate = args.recordings / elapsed
            rows.append((what, rate, seconds / elapsed, rate / (rows[0][1] if rows else rate)))
            return result

        plain = add("plain loop", lambda: plain_loop(paths, path, args.threads))
        add(
            "the same, the step's front end",
            lambda: plain_loop(paths, path, args.threads, compute_fbank),
        )
        for size in (1, 32):
            found, _ = add(
                f"extract, batches of {size}",
                lambda size=size: extract(
                    manifest, root, model, Extractor(batch_size=size), args.threads
                ),
            )
        waveforms, read = timed(
            lambda: [read_audio(p, LOG_MEL.sample_rate) for p in paths], args.repeats
        )
        features, fbank = timed(lambda: [compute_fbank(w) for w in waveforms], args.repeats)
        _, online = timed(lambda: [plain_features(w) for w in waveforms], args.repeats)
        _, run = timed(lambda: [model.embed(f[None]) for f in features], args.repeats)
        rate = matmul_rate()
        work = sum(flops(path, LOG_MEL.count_frames(len(w))) for w in waveforms)
        limit = args.threads * rate / (work / args.recordings)
        rows.append(
            ("limit: the model alone", limit, limit * seconds / args.recordings, limit / rows[0][1])
        )
    print(f"{args.recordings} recordings, {seconds:.0f} s of audio, {args.threads} threads")
    table = pd.DataFrame(rows, columns=["", "recordings/s", "x real time", "x plain loop"])
    print(table.to_string(index=False, float_format=lambda x: f"{x:,.1f}"))
    each = 1000 / args.recordings
    print(
        f"one thread, ms a recording: reading {each * read:.2f}, features {each * fbank:.2f} "
        f"(kaldi-native-fbank's online extractor: {each * online:.2f}), model {each * run:.2f}"
    )
    print(
        f"model: {work / args.recordings / 1e6:.0f} MFLOP a recording at {work / run / 1e9:.0f} "
        f"GFLOP/s; a large matrix product: {rate / 1e9:.0f} GFLOP/s a thread"
    )
    print(f"largest difference from the plain loop: {np.abs(found - plain).max():.1e}")


if __name__ == "__main__":
    main()
