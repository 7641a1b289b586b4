"""Exported methods: what stands in the files, and what is refused."""

import dataclasses
import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

from tests.exporting.exported import (
    BACK_ENDS,
    FROM_HISTORY,
    GUARDED,
    RULES,
    FromHistory,
    export,
    make_network,
    set_points,
)
from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_json, write_npy
from workflow_src.common.tables import write_index
from workflow_src.exporting import export_method
from workflow_src.exporting.trial_model import OPSET, export_rule
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.storage import write_policy
from workflow_src.serving import TemplateUpdater
from workflow_src.settings.catalogue import METHODS
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import Decision

# A guard counts the updates of a day.
USE_DAYS = {"history", "soft", "kalman", "through-time", "multi-rate", "ready-made", *GUARDED}


@pytest.mark.parametrize("method", RULES)
def test_model_has_the_interface_that_is_described(method, tmp_path, monkeypatch):
    export(monkeypatch, tmp_path, method, 8)
    description = json.loads((tmp_path / "method.json").read_text())
    content = (tmp_path / "method.onnx").read_bytes()
    assert description["sha256"] == hashlib.sha256(content).hexdigest()
    assert description["uses_days"] == (method in USE_DAYS)
    model = onnx.load_from_string(content)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    names = [f"memory_{memory['name']}" for memory in description["memory"]]
    session = onnxruntime.InferenceSession(content)
    inputs = {value.name: value.shape for value in session.get_inputs()}
    assert list(inputs) == ["template", "test", "days", *names]
    assert inputs["template"] == inputs["test"] == [8]
    assert inputs["days"] == []
    outputs = ["score", "updated", "weight", "new_template", *(f"new_{name}" for name in names)]
    assert [value.name for value in session.get_outputs()] == outputs
    expected = RULES[method](8).enrol(torch.ones(1, 8)).tensors
    for memory in description["memory"]:
        value = expected[memory["name"]][0, 0]
        assert memory["shape"] == list(value.shape) == inputs[f"memory_{memory['name']}"]
        assert f"torch.{memory['dtype']}" == str(value.dtype)
        assert memory["initial"] == ("template" if memory["name"] == "held" else value.tolist())


def test_a_back_end_adds_its_history_and_its_llr(tmp_path, monkeypatch):
    export(monkeypatch, tmp_path, "soft", 8, "history")
    description = json.loads((tmp_path / "method.json").read_text())
    added = description["memory"][len(RULES["soft"](8).begin(1).tensors) :]
    assert [memory["name"] for memory in added] == [
        "back_end_count", "back_end_total", "back_end_squares",
    ]  # fmt: skip
    assert all((m["dtype"], m["shape"], m["initial"]) == ("float64", [1], [0.0]) for m in added)
    session = onnxruntime.InferenceSession(tmp_path / "method.onnx")
    llr = session.get_outputs()[4]
    assert (llr.name, llr.type, llr.shape) == ("llr", "tensor(double)", [])


def test_the_same_method_gives_the_same_bytes(tmp_path, monkeypatch):
    for name in "ab":
        export(monkeypatch, tmp_path / name, "multi-head", 8, "history")
    for file in ("method.onnx", "method.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_step_reads_policy_embeddings_and_operating_points(tmp_path):
    network = make_network("multi-head", 8)
    about = {"method": "multi-head", **network.describe()}
    write_policy(tmp_path / "policy", network.state_dict(), about)
    write_npy(np.ones((3, 8), np.float32), tmp_path / "embeddings.npy")
    write_json(set_points("history").model_dump(mode="json"), tmp_path / "points.json")
    run = Run("mh", "multi-head", threshold=0.3, seed=1, checkpoint=str(tmp_path / "policy"))
    arguments = ["exporting.export_method", "--run", json.dumps(dataclasses.asdict(run))]
    arguments += ["--embeddings", tmp_path / "embeddings.npy", "--folder", tmp_path / "out"]
    launch(*arguments, "--points", tmp_path / "points.json")
    described = TemplateUpdater(tmp_path / "out").description
    assert described["decision"] == {"point": "far_1", "threshold": 0.41, "llr_threshold": -0.5}
    assert described["thresholds"] == {
        "score": {"far_1": 0.41, "cost": 0.62},
        "llr": {"far_1": -0.5, "cost": 4.6},
    }
    assert described["back_end"] == dataclasses.asdict(BACK_ENDS["history"])
    assert described["extractor"] is None
    utterances = pd.DataFrame({"utterance": ["a"], "speaker": ["b"], "date": ["2020-05-01"]})
    write_index(utterances, tmp_path / "index.parquet", "0" * 64)
    launch(*arguments, "--index", tmp_path / "index.parquet")
    assert TemplateUpdater(tmp_path / "out").extractor == "0" * 64
    assert described["settings"] == {"alpha": None, "threshold": 0.3, "seed": 1}
    assert (described["run"], described["method"], described["dimension"]) == (
        "mh", "multi-head", 8,
    )  # fmt: skip
    launch(*arguments)
    described = TemplateUpdater(tmp_path / "out").description
    assert described["decision"] is described["back_end"] is None
    write_npy(np.ones((3, 9), np.float32), tmp_path / "embeddings.npy")
    with pytest.raises(InputError, match="the policy is for embeddings of 8 dimensions"):
        launch(*arguments)


@pytest.mark.parametrize("method", [method.id for method in METHODS if method.limit])
def test_limits_are_refused(method, tmp_path):
    with pytest.raises(InputError, match="looks at labels"):
        export_method.export_method(Run(method, method), 8, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Unknown(FromHistory):
    """Computes what ONNX has no operator for."""

    def decide(self, trials, memory):
        return Decision(trials.scores > 0, torch.special.log_ndtr(trials.scores))


class Fickle(FromHistory):
    """Decides by what the trace cannot see, so that the model does something else."""

    calls = 0

    def decide(self, trials, memory):
        self.calls += 1
        return Decision(trials.scores > 0, torch.full_like(trials.scores, self.calls / 100))


class Cheating(FromHistory):
    """Looks at the label."""

    def decide(self, trials, memory):
        return Decision(trials.targets[None], trials.scores)


class Choosing(FromHistory):
    """Takes its templates from other utterances than those of the enrolment."""

    def choose_enrolment(self, enrolment, index):
        return enrolment.head(1)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Choosing, "choose_enrolment"),
        (Unknown, "log_ndtr"),
        (Fickle, "weight of the exported model is not that"),
        (Cheating, "FromHistory cannot be exported .*'NoneType'"),
    ],
)
def test_what_cannot_be_exported_is_said_and_not_written(rule, says, tmp_path, monkeypatch):
    monkeypatch.setattr(export_method, "build_rule", lambda run: rule())
    with pytest.raises(InputError, match=says):
        export_method.export_method(Run("r", FROM_HISTORY), 8, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_variants_are_no_method():
    with pytest.raises(ValueError, match="one variant"):
        export_rule(FixedWeight([0.1, 0.2], 0.5), 8)
