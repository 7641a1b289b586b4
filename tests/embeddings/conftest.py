import functools

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper
import pytest

from workflow_src.running.threads import use_one_thread

DIM = 24
use_one_thread()  # as steps do


def make_model(
    path,
    *,
    bins=80,
    inputs=None,
    outputs=("B", DIM),
    dim=DIM,
    scale=1.0,
    body=None,
    opset=17,
    more_outputs=(),
    metadata=None,
):
    """Write an ONNX model: a kernel-3 convolution, ReLU, mean and deviation over time, a matrix.

    Without bins, it takes waveforms. More outputs are nodes of the model, such as ``m``.
    """
    rng = np.random.default_rng(5)
    first = [oh.make_node("Transpose", ["feats"], ["x"], perm=[0, 2, 1])]
    if bins is None:
        bins, inputs = 1, inputs or ("B", "S")
        one = oh.make_node("Constant", [], ["one"], value_ints=[1])
        first = [one, oh.make_node("Unsqueeze", ["feats", "one"], ["x"])]
    weights = {
        "conv": rng.standard_normal((32, bins, 3)) / 16,
        "matrix": rng.standard_normal((64, dim)) * scale / 8,
    }
    nodes = body or [
        *first,
        oh.make_node("Conv", ["x", "conv"], ["c"], kernel_shape=[3], pads=[1, 1]),
        oh.make_node("Relu", ["c"], ["r"]),
        oh.make_node("ReduceMean", ["r"], ["m"], axes=[2], keepdims=0),
        oh.make_node("ReduceL2", ["r"], ["l"], axes=[2], keepdims=0),
        oh.make_node("Log", ["l"], ["d"]),
        oh.make_node("Concat", ["m", "d"], ["p"], axis=1),
        oh.make_node("MatMul", ["p", "matrix"], ["embs"]),
    ]
    graph = oh.make_graph(
        nodes,
        "tiny",
        [oh.make_tensor_value_info("feats", onnx.TensorProto.FLOAT, inputs or ("B", "T", bins))],
        [
            oh.make_tensor_value_info("embs", onnx.TensorProto.FLOAT, outputs),
            *(oh.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in more_outputs),
        ],
        [onnx.numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", opset)], ir_version=8)
    oh.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.fixture
def model_path(tmp_path):
    return make_model(tmp_path / "model.onnx")


@functools.cache
def speech_like(seconds, rate=16000, seed=0):
    """Make a waveform with a pitch, formants and syllables: float32 [samples]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    f0 = 110 + 60 * rng.random()
    wave = sum(np.sin(2 * np.pi * f0 * k * t + k) / k for k in range(1, 20))
    wave = wave * (1.2 + np.sin(2 * np.pi * (3 + rng.random()) * t)) * 0.05
    return (wave + 1e-3 * rng.standard_normal(len(t))).astype(np.float32)
