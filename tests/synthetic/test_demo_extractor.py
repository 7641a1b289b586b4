import hashlib
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.launching import launch
from tests.synthetic.laws import VOICES
from workflow_src.common.errors import InputError
from workflow_src.embeddings.demo_extractor import check_not_demo
from workflow_src.embeddings.wespeaker_fbank80 import MEL_BINS
from workflow_src.settings.schema import Config
from workflow_src.synthetic.demo_network import EMBEDDING, AngularMarginLoss, DemoNetwork, to_onnx
from workflow_src.synthetic.train_demo_extractor import BACKGROUND, HELD_OUT, DemoTraining
from workflow_src.synthetic.voices import POPULATION, draw_speaker, speaker_ids

ROOT = Path(__file__).resolve().parents[2]
MODEL, CARD = ROOT / "resources/demo_extractor.onnx", ROOT / "resources/demo_extractor.md"
TINY = DemoTraining(speakers=4, utterances=6, steps=3, held_out_speakers=3, batch_size=8)


def run(model: bytes, features: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {"features": features})[0]


def random_features(batch: int, frames: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (batch, frames, MEL_BINS)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """A network whose normalisations have seen data, so that folding them is put to the test."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DemoNetwork()
        for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)):
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.normal_(norm.bias)
        network.train()
        for _ in range(5):
            network(torch.from_numpy(random_features(16, 60)))
    return network.eval()


def test_the_shipped_extractor_is_known_by_its_content(tmp_path):
    path = tmp_path / "m.onnx"
    content = bytearray(MODEL.read_bytes())
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"m\.onnx: is the extractor of the demo, .*allow_demo"):
        check_not_demo(str(path))
    content[-1] ^= 1
    path.write_bytes(content)
    assert check_not_demo(str(path)) == str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train end to end, twice."""
    folder = tmp_path_factory.mktemp("trained")
    runs = []
    for attempt in ("first", "second"):
        model, card = folder / attempt / "model.onnx", folder / attempt / "card.md"
        options = {"law": VOICES, "settings": TINY.model_dump_json(), "model": model, "card": card}
        words = [f"--{name}={value}" for name, value in options.items()]
        launch("synthetic.train_demo_extractor", "--seed=1", *words)
        runs.append((model.read_bytes(), card.read_text()))
    return runs


@pytest.mark.parametrize(("batch", "frames"), [(1, 28), (3, 28), (2, 398)])
def test_shipped_model_keeps_the_contract(batch, frames):
    embeddings = run(MODEL.read_bytes(), random_features(batch, frames))
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (batch, EMBEDDING)
    assert np.isfinite(embeddings).all()


def test_shipped_model_is_small_and_names_its_shapes():
    model = onnx.load(MODEL)
    assert MODEL.stat().st_size < 1.7e6
    shapes = [
        (v.name, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [
        ("features", ["batch", "frames", 80]),
        ("embedding", ["batch", 128]),
    ]
    assert not model.producer_name
    assert not model.doc_string


def test_shipped_model_gives_the_same_in_any_batch():
    features = random_features(32, 150)
    together = run(MODEL.read_bytes(), features)
    alone = np.concatenate([run(MODEL.read_bytes(), features[i : i + 1]) for i in range(32)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_onnx_equals_torch(network):
    features = random_features(4, 75)
    with torch.inference_mode():
        expected = network(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(run(to_onnx(network), features), expected, atol=1e-5)
    assert to_onnx(network) == to_onnx(network)


def test_training_twice_gives_the_same_bytes(trained):
    assert trained[0] == trained[1]


def test_trained_model_runs_and_its_card_tells_of_it(trained):
    model, card = trained[0]
    assert run(model, random_features(2, 30)).shape == (2, EMBEDDING)
    assert hashlib.sha256(model).hexdigest() in card
    assert "4 synthetic background speakers x 6 utterances" in card
    assert re.search(r"^\| all \| 3 \| 6 \| \d+\.\d\d \|$", card, re.MULTILINE)


def test_shipped_card_belongs_to_the_shipped_model():
    card = CARD.read_text(encoding="utf-8")
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() in card
    assert f"{MODEL.stat().st_size:,} bytes" in card
    default = DemoTraining()
    assert f"{default.speakers} synthetic background speakers" in card
    assert f"{default.steps} steps" in card
    parts = re.findall(r"^\| (.+) \| [\d,]+ \| [\d,]+ \| (\d+\.\d\d) \|$", card, re.MULTILINE)
    assert {"all", "slot: 1", "state: cold", "noise: quiet"} <= {name for name, _ in parts}
    assert 0 < float(dict(parts)["all"]) < 10
    assert Config().extractor.model == MODEL.relative_to(ROOT).as_posix()


def test_background_speakers_are_not_the_demos():
    populations = [
        np.stack([draw_speaker(1, name, s) for s in speaker_ids(50)])
        for name in (POPULATION, BACKGROUND, HELD_OUT)
    ]
    everyone = np.concatenate(populations)
    distance = np.linalg.norm(everyone[:, None] - everyone[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 4


def test_margin_makes_the_own_class_harder():
    torch.manual_seed(0)
    plain, margin = AngularMarginLoss(5, margin=0.0), AngularMarginLoss(5, margin=0.25)
    margin.load_state_dict(plain.state_dict())
    embeddings, speakers = torch.randn(8, EMBEDDING), torch.arange(8) % 5
    cosine = (
        torch.nn.functional.normalize(embeddings) @ torch.nn.functional.normalize(plain.weight).T
    )
    expected = torch.nn.functional.cross_entropy(30 * cosine, speakers).item()
    assert plain(embeddings, speakers).item() == pytest.approx(expected, rel=1e-5)
    assert margin(embeddings, speakers).item() > expected
