"""Given policies: both forms, their faults by name, and files that attack."""

import copyreg
import json
import os
import pickle

import numpy as np
import pytest
import torch

from tests.inference.made_up_policies import HEADS, made_up_state_dict
from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.methods.import_policy import read_given_policy
from workflow_src.methods.multi_head import MultiHead
from workflow_src.methods.storage import read_policy
from workflow_src.settings.catalogue import BY_ID

METHODS = {
    "mh_final": "multi-head",
    "mh_pretrain": "multi-head",
    "adw_final": "adaptive-weight",
}


def import_policy(source, method, out, embeddings=None):
    more = ["--embeddings", embeddings] if embeddings else []
    own = ["--method", method, "--entry", BY_ID[method].entry]
    launch("methods.import_policy", "--source", source, *own, "--out-dir", out, *more)


@pytest.mark.parametrize("file", HEADS)
@pytest.mark.parametrize("ending", [".pkl", ".pt"])
def test_state_dicts_and_folders_give_the_same_policy(file, ending, tmp_path):
    state = made_up_state_dict(file, 12)
    torch.save(state, tmp_path / f"p{ending}", _use_new_zipfile_serialization=ending == ".pt")
    import_policy(tmp_path / f"p{ending}", METHODS[file], tmp_path / "a")
    import_policy(tmp_path / "a", METHODS[file], tmp_path / "b")
    tensors, _ = read_policy(tmp_path / "a")
    (part, *_) = state.values()
    assert torch.equal(tensors["trunk.0.weight"], part["linear1.weight"])
    first, second = ((tmp_path / f"{out}/policy.safetensors").read_bytes() for out in ("a", "b"))
    assert first == second
    described = [read_json(tmp_path / f"{out}/policy.json") for out in ("a", "b")]
    assert described[0]["training"] == described[1]["training"] == "given"
    assert list(described[0]["source"]) == [f"p{ending}"]
    assert list(described[1]["source"]) == ["policy.safetensors", "policy.json"]
    assert described[1]["origin"] == described[0]
    assert str(tmp_path) not in json.dumps(described)
    assert not (tmp_path / "a/training.csv").exists()


def without(part, name):
    del part[name]


@pytest.mark.parametrize(
    ("file", "method", "spoil", "message"),
    [
        ("mh_final", "multi-head", lambda p: without(p, "linear2.bias"), "lacks 'linear2.bias'"),
        (
            "mh_final",
            "multi-head",
            lambda p: p.update({"linear2.weight": torch.zeros(128, 255)}),
            r"linear2.weight has the shape \[128, 255\], not \[128, 256\]",
        ),
        (
            "adw_final",
            "adaptive-weight",
            lambda p: p.update({"linear1.weight": torch.zeros(256, 25)}),
            r"linear1.weight has the shape \[256, 25\], not \[256, 2 D\]",
        ),
        (
            "adw_final",
            "adaptive-weight",
            lambda p: p.update({"linear1.weight": torch.zeros(1).expand(256, 1 << 40)}),
            "linear1.weight is no plain tensor",
        ),
        (
            "adw_final",
            "adaptive-weight",
            lambda p: p.update({"mu.bias": torch.zeros(1, dtype=torch.int64)}),
            "mu.bias is no plain tensor",
        ),
        ("mh_final", "multi-head", lambda p: p.update({"linear1.bias": 3.0}), "is no plain tensor"),
        (
            "mh_pretrain",
            "multi-head",
            lambda p: p["linear4.bias"].fill_(torch.nan),
            "linear4.bias has a value that is not finite",
        ),
        ("adw_final", "multi-head", lambda p: None, "of a policy of MultiHead"),
        ("mh_pretrain", "adaptive-weight", lambda p: None, "lacks the part 'pi'.* has 'model'"),
    ],
)
def test_what_does_not_fit_is_named(file, method, spoil, message, tmp_path):
    state = made_up_state_dict(file, 12)
    spoil(next(iter(state.values())))
    torch.save(state, tmp_path / "p.pkl")
    with pytest.raises(InputError, match=message) as error:
        import_policy(tmp_path / "p.pkl", method, tmp_path / "a")
    assert str(error.value).startswith(f"{tmp_path}/p.pkl: ")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "a").exists()


def test_another_dimension_or_method_is_named(tmp_path):
    torch.save(made_up_state_dict("mh_final", 12), tmp_path / "p.pkl")
    np.save(tmp_path / "e.npy", np.zeros((3, 16), dtype=np.float32))
    with pytest.raises(InputError, match=r"p\.pkl: .* 12 dimensions; those in .*e\.npy have 16"):
        import_policy(tmp_path / "p.pkl", "multi-head", tmp_path / "a", tmp_path / "e.npy")
    import_policy(tmp_path / "p.pkl", "multi-head", tmp_path / "a")
    with pytest.raises(InputError, match="method is 'multi-head'; needed is 'adaptive-weight'"):
        import_policy(tmp_path / "a", "adaptive-weight", tmp_path / "b")
    with pytest.raises(InputError, match=r"nowhere.pkl: cannot be read \(No such file"):
        read_given_policy(tmp_path / "nowhere.pkl", "multi-head", MultiHead)
    with pytest.raises(InputError, match=r"nowhere/policy\.json: cannot be read"):
        read_given_policy(tmp_path / "nowhere", "multi-head", MultiHead)


class Call:
    """Unpickles by calling a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(canary):
    """Name -> bytes of a file that would make `canary` when executed."""
    touch = Call(os.system, f"touch {canary}")
    opened = Call(open, str(canary), "w")
    state = made_up_state_dict("mh_final", 4)

    def saved(content, **options):
        path = canary.with_name("saved")
        torch.save(content, path, **options)
        return path.read_bytes()

    yield "reduce in a zip", saved(touch)
    yield "nested among tensors", saved({"pi": state["pi"] | {"linear9": [{"deep": touch}]}})
    yield (
        "after the tensors, old format",
        saved({**state, "z": opened}, _use_new_zipfile_serialization=False),
    )
    for protocol in (0, 2, 4):
        yield f"plain pickle, protocol {protocol}", pickle.dumps({"pi": touch}, protocol)
    command = f"__import__('os').system('touch {canary}')"
    yield "global through builtins", pickle.dumps(Call(eval, command), 2)
    yield "__builtin__ of Python 2", f"c__builtin__\neval\n(S{command!r}\ntR.".encode()
    yield "getattr chain", pickle.dumps(Call(getattr, Call(__import__, "os"), "system"), 2)
    yield "persistent id", b"\x80\x02" + pickle.dumps(touch, 2)[2:-1] + b"Q."
    copyreg.add_extension("os", "system", 240)
    try:
        yield "extension code", b"\x80\x02\x82\xf0" + f"(S'touch {canary}'\ntR.".encode()
    finally:
        copyreg.remove_extension("os", "system", 240)
    yield "script archive", scripted(canary)


def scripted(canary):
    path = canary.with_name("script")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), path)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_hostile_files_are_refused_and_run_nothing(tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    # Asking torch to trust all files changes nothing here.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    count = 0
    for name, content in attacks(canary):
        path = tmp_path / "hostile.pkl"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"hostile\.pkl: refused") as error:
            import_policy(path, "multi-head", tmp_path / "out")
        assert "\n" not in str(error.value), name
        assert not canary.exists(), name
        count += 1
    assert count == 12
    # The canary would have sung: the plain unpickler executes the first of the plain pickles.
    pickle.loads(pickle.dumps(Call(os.system, f"touch {canary}")))
    assert canary.exists()


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps([1, 2], 2)])
def test_damaged_files_are_named(content, tmp_path):
    path = tmp_path / "p.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"p\.pkl: "):
        import_policy(path, "multi-head", tmp_path / "out")
    torch.save(made_up_state_dict("mh_final", 4), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"p\.pkl: refused.*damaged"):
        import_policy(path, "multi-head", tmp_path / "out")
