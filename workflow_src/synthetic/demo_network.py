"""The demo extractor's network in torch and as ONNX.

A small x-vector: time-delay layers, attentive statistics pooling (K. Okabe et al., Interspeech
2018), and an embedding layer, trained with the additive angular margin softmax (J. Deng et al.,
CVPR 2019).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from workflow_src.embeddings.wespeaker_fbank80 import MEL_BINS

CHANNELS = 128
POOLED_CHANNELS = 384
ATTENTION_CHANNELS = 64
EMBEDDING = 128
DILATIONS = (2, 3, 4)
# Least variance over time. It keeps the slope of the square root finite for a constant channel.
VARIANCE_FLOOR = 1e-4
OPSET, IR_VERSION = 17, 8


class DemoNetwork(nn.Module):
    """Features [B, T, 80] -> embeddings [B, 128]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(MEL_BINS, CHANNELS, 5, padding=2)
        self.first_norm = nn.BatchNorm1d(CHANNELS)
        self.residual = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, 3, dilation=d, padding=d) for d in DILATIONS
        )
        self.residual_norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.wide = nn.Conv1d(CHANNELS, POOLED_CHANNELS, 1)
        self.wide_norm = nn.BatchNorm1d(POOLED_CHANNELS)
        self.attention = nn.Conv1d(POOLED_CHANNELS, ATTENTION_CHANNELS, 1)
        self.attention_out = nn.Conv1d(ATTENTION_CHANNELS, POOLED_CHANNELS, 1)
        self.embedding = nn.Linear(2 * POOLED_CHANNELS, EMBEDDING)
        self.embedding_norm = nn.BatchNorm1d(EMBEDDING)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Extract embeddings, float32 [B, T, 80] -> [B, 128]."""
        x = functional.relu(self.first_norm(self.first(features.transpose(1, 2))))
        for layer, norm in zip(self.residual, self.residual_norms, strict=True):
            x = x + functional.relu(norm(layer(x)))
        x = functional.relu(self.wide_norm(self.wide(x)))
        weight = self.attention_out(torch.tanh(self.attention(x))).softmax(dim=2)
        mean = (weight * x).sum(dim=2)
        variance = (weight * x * x).sum(dim=2) - mean * mean
        pooled = torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=1)
        return self.embedding_norm(self.embedding(pooled))


class AngularMarginLoss(nn.Module):
    """Additive angular margin softmax: cross entropy with s cos(angle + m) for the own class.

    s is `scale`, and m is `margin` in radians. The classes are the speakers.
    """

    def __init__(self, classes: int, scale: float = 30.0, margin: float = 0.25) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(classes, EMBEDDING)))
        self.scale, self.margin = scale, margin

    def forward(self, embeddings: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of embeddings [B, 128] and class numbers int64 [B]."""
        cosine = functional.linear(
            functional.normalize(embeddings), functional.normalize(self.weight)
        )
        own = cosine.gather(1, speakers[:, None])
        sine = (1 - own * own).clamp(min=1e-8).sqrt()
        turned = own * math.cos(self.margin) - sine * math.sin(self.margin)
        # Beyond pi - m, cos(angle + m) would rise again. A straight line replaces it there.
        turned = torch.where(
            own > -math.cos(self.margin), turned, own - self.margin * math.sin(self.margin)
        )
        logits = self.scale * cosine.scatter(1, speakers[:, None], turned)
        return functional.cross_entropy(logits, speakers)


def _folded(
    layer: nn.Conv1d | nn.Linear, norm: nn.BatchNorm1d | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's weight and bias, float32, which include the normalisation after it."""
    assert layer.bias is not None
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    if norm is not None:
        assert norm.running_mean is not None and norm.running_var is not None
        gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
        weight = weight * gain.reshape(-1, *[1] * (weight.dim() - 1))
    return weight.detach().float().numpy(), bias.detach().float().numpy()


def to_onnx(network: DemoNetwork) -> bytes:
    """Return the network for inference as the bytes of an ONNX model.

    The input is ``features`` [batch, frames, 80], the output is ``embedding`` [batch, 128], both
    float32. The model is built node by node, so the same weights give the same bytes with every
    library version. Normalisations are folded into the layers before them.
    """
    nodes, constants = [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def layer(x: str, name: str, module: nn.Conv1d, norm: nn.BatchNorm1d | None) -> str:
        weight, bias = _folded(module, norm)
        inputs = [x, constant(f"{name}.weight", weight), constant(f"{name}.bias", bias)]
        pad = module.padding[0]
        return node("Conv", inputs, name, dilations=list(module.dilation), pads=[pad, pad])

    x = node("Transpose", ["features"], "bands", perm=[0, 2, 1])
    x = node("Relu", [layer(x, "first", network.first, network.first_norm)], "first.relu")
    pairs = zip(network.residual, network.residual_norms, strict=True)
    for i, (module, norm) in enumerate(pairs, start=1):
        assert isinstance(module, nn.Conv1d) and isinstance(norm, nn.BatchNorm1d)
        branch = layer(x, f"residual{i}", module, norm)
        x = node("Add", [x, node("Relu", [branch], f"residual{i}.relu")], f"residual{i}.sum")
    x = node("Relu", [layer(x, "wide", network.wide, network.wide_norm)], "wide.relu")
    hidden = node("Tanh", [layer(x, "attention", network.attention, None)], "attention.tanh")
    weight = layer(hidden, "attention_out", network.attention_out, None)
    weight = node("Softmax", [weight], "attention.softmax", axis=2)
    time = constant("time", np.array([2], np.int64))
    weighted = node("Mul", [weight, x], "weighted")
    mean = node("ReduceSum", [weighted, time], "mean", keepdims=0)
    power = node("ReduceSum", [node("Mul", [weighted, x], "squared"), time], "power", keepdims=0)
    variance = node("Sub", [power, node("Mul", [mean, mean], "mean.squared")], "variance")
    floor = constant("variance.floor", np.array(VARIANCE_FLOOR, np.float32))
    deviation = node("Sqrt", [node("Max", [variance, floor], "variance.floored")], "deviation")
    pooled = node("Concat", [mean, deviation], "pooled", axis=1)
    last = _folded(network.embedding, network.embedding_norm)
    weights = [constant(f"embedding.{n}", v) for n, v in zip(("weight", "bias"), last, strict=True)]
    node("Gemm", [pooled, *weights], "embedding", transB=1)

    def value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "demo_extractor",
        [value("features", ["batch", "frames", MEL_BINS])],
        [value("embedding", ["batch", EMBEDDING])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
