"""Speaker models that are a user's own torch class."""

import hashlib
import re
import sys

import numpy as np
import pytest
import soundfile

from tests.embeddings.conftest import make_model, speech_like
from tests.embeddings.own_model_page import CODE, ENTRY, SETTINGS, write_model
from tests.launching import launch
from workflow_src.common.digests import digest_entry
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_npz
from workflow_src.embeddings.extractor import open_model
from workflow_src.settings.embeddings import Extractor
from workflow_src.settings.front_ends import FRONT_ENDS, find_front_end
from workflow_src.settings.schema import validate_config

PLAIN = Extractor()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Let each test import its own modules."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"my_lab", "mine"}:
            del sys.modules[name]


def open_own(folder, text, path=None, **options):
    """Open the class Model of a module with this text."""
    (folder / "mine.py").write_text(f"import torch\n\n{text}")
    front_end = find_front_end("mine:Model", [str(folder)])
    return open_model(path, front_end, PLAIN, device="cpu", **options)


def define(forward="waveforms[:, :3]", head="sample_rate = 8000", init=""):
    """Return the text of a class."""
    return (
        f"class Model(torch.nn.Module):\n    {head}\n{init}\n"
        f"    def forward(self, waveforms):\n        return {forward}\n"
    )


def test_the_class_of_the_page_gives_its_embeddings(tmp_path):
    assert len(CODE.strip().splitlines()) <= 20
    weights = write_model(tmp_path)
    asked = validate_config(SETTINGS).extractor
    front_end = find_front_end(asked.front_end, [str(tmp_path)])
    model = open_model(tmp_path / "weights.pt", front_end, asked, device="cpu")
    assert (model.dim, model.device, model.max_batch) == (192, "cpu", None)
    assert model.front_end.sample_rate == 16000
    waveform = speech_like(1.3)
    np.testing.assert_array_equal(model.compute_features(waveform), waveform)
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), 400)[::160]
    kernel, shift = (weights[f"frames.{name}"].double().numpy() for name in ("weight", "bias"))
    seen = np.maximum(frames @ kernel[:, 0].T + shift, 0)
    pooled = np.r_[seen.mean(axis=0), seen.std(axis=0, ddof=1)]
    expected = weights["embed.weight"].double().numpy() @ pooled
    expected += weights["embed.bias"].double().numpy()
    found = model.embed(np.stack([waveform, waveform[::-1]]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)


def test_its_digest_is_that_of_code_and_weights(tmp_path):
    write_model(tmp_path)
    front_end = find_front_end(ENTRY, [str(tmp_path)])
    path = tmp_path / "weights.pt"
    weights = hashlib.sha256(path.read_bytes()).hexdigest()
    text = f"{digest_entry(ENTRY, str(tmp_path))} {weights}"
    own = Extractor(front_end=ENTRY, model="weights.pt", sha256=weights.upper())
    found = open_model(path, front_end, own, device="cpu").digest
    assert found == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(InputError, match=r"weights\.pt: has the sha256 .*, but extractor\.sha256"):
        open_model(path, front_end, own.model_copy(update={"sha256": "0" * 64}), device="cpu")


def test_a_shard_is_extracted(tmp_path):
    write_model(tmp_path)
    (tmp_path / "audio").mkdir()
    names = [f"0001_0501080{i}_1_1_ti_0" for i in range(3)]
    for i, name in enumerate(names):
        soundfile.write(tmp_path / f"audio/{name}.wav", speech_like(1 + i % 2, seed=i), 16000)
    front_end = find_front_end(ENTRY, [str(tmp_path)])
    options = {
        "root": tmp_path / "audio",
        "model": tmp_path / "weights.pt",
        "front-end": front_end.read_by_step,
        "device": "cpu",
        "embeddings": tmp_path / "0.npz",
        "rejected": tmp_path / "0.csv",
    }
    launch("embeddings.extract_embeddings", *(f"--{k}={v}" for k, v in options.items()))
    arrays = read_npz(tmp_path / "0.npz", ["utterance", "embedding", "extractor"])
    model = open_model(tmp_path / "weights.pt", front_end, PLAIN, device="cpu")
    assert (arrays[0].tolist(), str(arrays[2])) == (names, model.digest)
    for i, embedding in enumerate(arrays[1]):
        waveform, _ = soundfile.read(tmp_path / f"audio/{names[i]}.wav", dtype="float32")
        np.testing.assert_allclose(embedding, model.embed(waveform[None])[0], atol=1e-5)


def test_a_class_without_a_file_and_of_one_recording_at_a_time(tmp_path):
    alone = "waveforms.mean().expand(len(waveforms), 2)"
    model = open_own(tmp_path, define(forward=alone))
    assert (model.dim, model.max_batch, model.front_end.sample_rate) == (2, 1, 8000)
    assert model.embed(np.ones((1, 9), np.float32)).tolist() == [[1.0, 1.0]]


INIT = "    def __init__(self):\n        super().__init__()\n        "
FAULTS = {
    "no class": ("x = 1", "mine has no class Model that is a torch module"),
    "a class of no torch": ("class Model:\n    pass", "has no class Model that is a torch module"),
    "an error at import": ("1 / 0", r"importing it fails in .*mine\.py, line 3 \(ZeroDivision"),
    "a package that is missing": ("import nobody_has_this", "no module 'nobody_has_this' is inst"),
    "an error in __init__": (
        define(init=f"{INIT}1 / 0"),
        r"cannot be made without arguments: it fails in .*mine\.py, line 7 \(ZeroDivisionError",
    ),
    "a class that wants a path": (
        define(init="    def __init__(self, path):\n        super().__init__()"),
        r"cannot be made without arguments: it fails in .*missing 1 required positional argument",
    ),
    "no sample rate": (define(head="x = 1"), "its sample_rate is None; the class must state"),
    "a rate that is text": (define(head="sample_rate = '16k'"), "its sample_rate is '16k'"),
    "a rate of 1 Hz": (define(head="sample_rate = 1"), "from 4000 to 192000"),
    "a rate that is true": (define(head="sample_rate = True"), "its sample_rate is True"),
    "an error in forward": (
        define(forward="waveforms.nothing()"),
        r"does not run on waveforms \[1, 16000\]: it fails in .*mine\.py, line 7 \(AttributeError",
    ),
    "a list": (
        define(forward="[1.0]"),
        "gives a list; it must give a tensor of torch.float32, the",
    ),
    "two tensors": (define(forward="waveforms, waveforms"), "gives a tuple"),
    "frames": (define(forward="waveforms[:, None]"), r"of shape \[1, 1, 16000\] for 1 recording"),
    "one number": (define(forward="waveforms.sum()"), r"an output of shape \[\] for 1 recording"),
    "no number": (define(forward="waveforms[:, :0]"), r"an output of shape \[1, 0\]"),
    "float64": (
        define(forward="waveforms[:, :3].double()"),
        "gives a tensor of torch.float64; it must",
    ),
    "bfloat16": (define(forward="waveforms[:, :3].bfloat16()"), "gives a tensor of torch.bfloat16"),
    "random numbers": (
        define(forward="torch.randn(len(waveforms), 3)"),
        "gives other embeddings of the same recording each time",
    ),
}


@pytest.mark.parametrize(("text", "says"), FAULTS.values(), ids=FAULTS)
def test_what_a_class_can_do_wrong_is_told_in_a_line(tmp_path, text, says):
    with pytest.raises(InputError, match=f"^mine:Model: .*{says}") as caught:
        open_own(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_dropout_is_off(tmp_path):
    model = open_own(
        tmp_path,
        define(
            init=f"{INIT}self.drop = torch.nn.Dropout(0.5)", forward="self.drop(waveforms[:, :3])"
        ),
    )
    assert model.embed(np.full((1, 9), 0.5, np.float32)).tolist() == [[0.5] * 3]


def test_a_file_that_the_class_cannot_read(tmp_path):
    text = define(init="    def __init__(self, path):\n        super().__init__()\n"
                       "        torch.load(path, weights_only=True)")  # fmt: skip
    (tmp_path / "w.pt").write_text("no weights")
    with pytest.raises(InputError, match=r"cannot be made from .*w\.pt: it fails in .*mine\.py"):
        open_own(tmp_path, text, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"none\.pt: the extractor cannot be read"):
        open_own(tmp_path, text, tmp_path / "none.pt")


def test_torch_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "workflow_src.embeddings.own_model", raising=False)
    with pytest.raises(InputError, match="no module 'torch' is installed, which a class of your"):
        open_own(tmp_path, define())


def test_a_row_without_a_model(tmp_path):
    with pytest.raises(InputError, match="--model is missing; the front end wespeaker-fbank80"):
        open_model(None, FRONT_ENDS[0], PLAIN)
    path = make_model(tmp_path / "m.onnx")
    assert open_model(path, FRONT_ENDS[0], PLAIN, device="cpu").dim > 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"front_end": "my_lab.models"}, "no front end 'my_lab.models'; .* or a class of your own"),
        ({"front_end": ENTRY}, "model is that of the demo, which is no file of my_lab.models:Sm"),
        ({"model": None}, "model is null, but the front end wespeaker-fbank80 needs one"),
        (
            {"front_end": ENTRY, "model": "w.pt", "features": {"sample_rate": 8000}},
            "features.sample_rate is set, which my_lab.models:Small decides",
        ),
        ({"front_end": ENTRY, "model": "w.pt", "output": "embs"}, "output is set, which my_lab"),
        ({"front_end": ENTRY, "model": None, "windows": "average"}, "windows is set, which"),
        ({"front_end": ENTRY, "model": None, "sha256": "0" * 64}, "sha256 is set, but model is nu"),
    ],
)
def test_settings_that_do_not_fit(settings, says):
    with pytest.raises(InputError, match=f"config: extractor.*{says}"):
        validate_config({"extractor": settings})


def test_a_class_that_is_nowhere_is_told_with_its_settings():
    with pytest.raises(InputError) as caught:
        find_front_end("nowhere.models:Model", ["elsewhere"])
    said = str(caught.value)
    assert said.startswith("extractor.front_end: nowhere.models:Model: there is no module nowhere")
    assert re.search(r"elsewhere/nowhere/models\.py; .* in extractor\.folders$", said)
