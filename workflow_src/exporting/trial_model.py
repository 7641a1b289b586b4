"""An update rule as an ONNX model of one trial, traced by torch.

The inputs are a template, a test embedding, the days since enrolment and the rule's memory of the
template. The outputs are the score, whether and with which weight the template is updated, the new
template and memory, and the score as a log-likelihood ratio where the run has a back-end
(`workflow_src.serving.exported_form`).
"""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.func import functionalize
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from workflow_src.common.seeds import generator
from workflow_src.evaluation.calibration import BackEnd
from workflow_src.exporting.calibrated_trial import begin_history, calibrate, looks_at_seconds
from workflow_src.serving.exported_form import (
    INPUTS,
    LLR,
    OUTPUTS,
    SECONDS,
    TEMPLATE,
    open_session,
)
from workflow_src.updating.interface import HELD, Memory, Trials, UpdateRule

OPSET, IR_VERSION = 18, 8
aten = torch.ops.aten
# Operators that the exporter knows by another name, and how many arguments that one takes.
SAME = {
    aten._softmax.default: (aten.softmax.int, 2),
    aten._log_softmax.default: (aten.log_softmax.int, 2),
    aten.bitwise_xor.Tensor: (aten.logical_xor.default, 2),
    aten._unsafe_view.default: (aten.view.default, 2),
}
# The number of trials that compare an exported model with its rule, and the tolerance.
CHECKED_TRIALS, TOLERANCE = 64, 1e-4


class OneTrial(nn.Module):
    """One trial of one template with an update rule (a single variant), as the scorer makes it.

    With a back-end, the trial also has its log-likelihood ratio.
    """

    def __init__(self, rule: UpdateRule, back_end: BackEnd | None = None) -> None:
        super().__init__()
        if rule.variants != 1:
            raise ValueError(f"one variant can be exported, not {rule.variants}")
        self.rule, self.back_end = rule, back_end
        anything = torch.ones(1)
        names = list(self.initial(anything))
        own = len(rule.enrol(anything[None]).tensors)
        self.own, self.history = names[:own], names[own:]
        self.hears = looks_at_seconds(back_end)
        names = [f"memory_{name}" for name in names]
        self.inputs = [*INPUTS, *([SECONDS] if self.hears else []), *names]
        self.outputs = [*OUTPUTS, *([LLR] if back_end else []), *(f"new_{name}" for name in names)]

    def initial(self, template: Tensor) -> dict[str, Tensor]:
        """Return the memory of a template [D] at enrolment, without the leading dimensions.

        That of the rule comes first, then that of the back-end.
        """
        memory = self.rule.enrol(template[None]).tensors
        own = {name: tensor[0, 0].clone() for name, tensor in memory.items()}
        return own | (begin_history(self.back_end) if self.back_end else {})

    def forward(
        self, template: Tensor, test: Tensor, days: Tensor, *others: Tensor
    ) -> tuple[Tensor, ...]:
        """Make a trial.

        Parameters
        ----------
        template, test
            float32 [D].
        days
            float32 []: days since enrolment, 0 where unknown.
        *others
            float32 []: the seconds of the test, NaN where unknown, if the back-end looks at them.
            Then the memory, in the order of `initial`.

        Returns
        -------
        score, updated, weight
            float32 [], bool [] and float32 [], the last 0 where not updated.
        new template
            float32 [D].
        llr
            float64 []; only with a back-end.
        new memory
            One tensor for each name.
        """
        seconds, *remembered = others if self.hears else (torch.full((), torch.nan), *others)
        own, history = remembered[: len(self.own)], remembered[len(self.own) :]
        encoded = self.rule.encode(test[None])
        norm, test_norm = torch.linalg.vector_norm(template), torch.linalg.vector_norm(test)
        score = (template * test).sum() / norm / test_norm
        memory = Memory(
            {name: tensor.clone()[None, None] for name, tensor in zip(self.own, own, strict=True)}
        )
        trials = Trials(
            scores=score[None, None],
            template_norms=norm[None, None],
            test_norms=test_norm[None],
            template_carried=self.rule.encode(template[None]).carried[None],
            test_carried=encoded.carried,
            test_offered=encoded.offered,
            days=days[None],
            targets=None,
            templates=template[None, None],
            tests=test[None],
        )
        decision = self.rule.decide(trials, memory)
        updated = decision.updated.reshape(())
        weight = torch.where(updated, decision.weights.reshape(()), torch.zeros(()))
        if decision.scores is not None:
            score = decision.scores.reshape(())
        if decision.templates is not None:
            moved = decision.templates.reshape(template.shape)
        elif self.rule.normalises:
            moved = (1 - weight) / norm * template + weight / test_norm * test
        else:
            moved = template + weight * (test - template)
        new = [memory.tensors[name][0, 0] for name in self.own]
        outputs = [score, updated, weight, torch.where(updated, moved, template)]
        if self.back_end:
            before = dict(zip(self.history, history, strict=True))
            llr, after = calibrate(self.back_end, before, score, days, test_norm, seconds)
            return *outputs, llr, *new, *after.values()
        return *outputs, *new


def export_rule(rule: UpdateRule, dimension: int, back_end: BackEnd | None = None) -> bytes:
    """Write one trial with a rule as an ONNX model.

    Parameters
    ----------
    rule
        A single variant that reads no labels.
    dimension
        D of the embeddings.
    back_end
        The back-end of the run, if it has one.

    Returns
    -------
    bytes
        Inputs ``template`` [D], ``test`` [D], ``days`` [], ``seconds`` [] if the back-end looks at
        them, and ``memory_<name>``; outputs ``score``
        [], ``updated`` [] (bool), ``weight`` [], ``new_template`` [D], with a back-end ``llr`` []
        (float64), and ``new_memory_<name>``; float32 unless the memory has another type.

    Raises
    ------
    InputError
        The policy is for another D.
    RuntimeError
        ONNX has no counterpart for an operation, or the model and the rule differ.
    """
    trial = OneTrial(rule, back_end).eval()
    example = _example(trial, dimension)
    with torch.no_grad():
        graph = _trace(trial, example)
        model = _export(graph, example, trial.inputs, trial.outputs)
    content = model.SerializeToString(deterministic=True)
    _check(trial, open_session(content, "the exported model"), dimension)
    return content


def describe_memory(
    rule: UpdateRule, dimension: int, back_end: BackEnd | None = None
) -> list[dict[str, Any]]:
    """List name, dtype, shape and initial value of everything that is remembered, for JSON."""
    return [
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "initial": TEMPLATE if name == HELD else tensor.tolist(),
        }
        for name, tensor in OneTrial(rule, back_end).initial(torch.ones(dimension)).items()
    ]


def uses_days(model: bytes) -> bool:
    """Whether an exported model reads the days since enrolment."""
    nodes = onnx.load_from_string(model).graph.node
    return any("days" in node.input for node in nodes)


def _example(trial: OneTrial, dimension: int) -> tuple[Tensor, ...]:
    """Return inputs of a trial with a score of 1, so that rules that select rows find one."""
    template = torch.linspace(1, 2, dimension)
    seconds = [torch.ones(())] if trial.hears else []
    return template, 1.5 * template, torch.ones(()), *seconds, *trial.initial(template).values()


def _trace(trial: OneTrial, example: tuple[Tensor, ...]) -> GraphModule:
    """Trace a trial to a graph of operators that the exporter knows.

    The graph writes nothing in place, whatever the rule does, because ONNX cannot.
    """
    decompositions: dict[Any, Callable[..., Any]] = {
        **get_decompositions([aten.hypot, aten.logaddexp, aten.log_sigmoid_forward]),
        aten.copy.default: lambda target, source, *_: source.to(target.dtype).expand(target.shape),
        aten.expm1.default: lambda x: torch.exp(x) - 1,
        aten.select_scatter.default: _put_row,
        aten.slice_scatter.default: _put_rows,
    }
    traced = make_fx(functionalize(trial, remove="mutations"), decomposition_table=decompositions)
    graph = traced(*example)
    for node in graph.graph.nodes:
        if node.target in (aten.alias.default, aten.lift_fresh_copy.default):
            # Without writing in place, these return their argument.
            node.replace_all_uses_with(node.args[0])
        elif node.target is aten._to_copy.default:
            node.target, node.args = aten.to.dtype, (node.args[0], node.kwargs["dtype"])
            node.kwargs = {}
        elif node.target in SAME:
            node.target, takes = SAME[node.target]
            node.args = node.args[:takes]
    return graph


def _put_row(whole: Tensor, part: Tensor, dim: int, index: int) -> Tensor:
    """Return `whole` with `part` at one index of a dimension."""
    index %= whole.shape[dim]
    return _put_rows(whole, part.unsqueeze(dim), dim, index, index + 1)


def _put_rows(
    whole: Tensor,
    part: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """Return `whole` with `part` at a range of indices of a dimension."""
    if step != 1:
        raise RuntimeError("it writes to a slice with a stride")
    start, end, _ = slice(start, end).indices(whole.shape[dim])
    after = whole.narrow(dim, end, whole.shape[dim] - end)
    pieces = [p for p in (whole.narrow(dim, 0, start), part, after) if p.shape[dim]]
    return torch.cat(pieces, dim) if len(pieces) > 1 else part


def _export(
    graph: GraphModule, example: tuple[Tensor, ...], inputs: list[str], outputs: list[str]
) -> onnx.ModelProto:
    """Write a traced trial as a model; keep the inputs that the trial does not use."""
    graph.graph.eliminate_dead_code()
    places = graph.graph.find_nodes(op="placeholder")
    used = [bool(place.users) for place in places]
    for place in places:
        if not place.users:
            graph.graph.erase_node(place)
    graph.recompile()
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs another package; this one suffices.
        warnings.simplefilter("ignore", DeprecationWarning)
        # It warns of negative indices, which would be wrong. `_check` would find them.
        warnings.filterwarnings("ignore", "Exporting aten::index operator")
        torch.onnx.export(
            graph,
            tuple(itertools.compress(example, used)),
            file,  # type: ignore[arg-type]  # with dynamo=False it takes a file, unlike its hint
            input_names=list(itertools.compress(inputs, used)),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(file.getvalue())
    if len(model.graph.input) != sum(used):
        raise RuntimeError("an input was lost in the export")
    del model.graph.input[:]
    for name, value in zip(inputs, example, strict=True):
        kind = helper.np_dtype_to_tensor_dtype(value.numpy().dtype)
        model.graph.input.append(helper.make_tensor_value_info(name, kind, value.shape))
    model.ir_version = IR_VERSION
    model.graph.name = "trial"
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    return model


def _check(trial: OneTrial, session: onnxruntime.InferenceSession, dimension: int) -> None:
    """Compare a model with its rule over trials of all scores; raise where they differ."""
    rng = generator(0, "export", "check")
    outputs = [value.name for value in session.get_outputs()]
    inputs = [value.name for value in session.get_inputs()]
    template = torch.from_numpy(rng.standard_normal(dimension, dtype=np.float32))
    state = [template, *trial.initial(template).values()]
    for number in range(CHECKED_TRIALS):
        own = float(rng.uniform(-0.3, 1))
        noise = rng.standard_normal(dimension, dtype=np.float32)
        test = own * state[0] + (1 - abs(own)) * torch.from_numpy(noise)
        # Of every fourth trial, nothing is known.
        seconds = [torch.tensor(float(number) if number % 4 else np.nan)] if trial.hears else []
        given = [state[0], test, torch.tensor(float(number // 3)), *seconds, *state[1:]]
        with torch.no_grad():
            expected = trial(*given)
        feeds = dict(zip(inputs, [np.asarray(value) for value in given], strict=True))
        for name, ours, theirs in zip(outputs, expected, session.run(None, feeds), strict=True):
            scale = max(1.0, float(ours.double().abs().max()))
            if not np.allclose(ours, theirs, rtol=0, atol=TOLERANCE * scale, equal_nan=True):
                raise RuntimeError(f"{name} of the exported model is not that of the rule")
        state = [expected[3], *expected[len(trial.outputs) - len(state) + 1 :]]
