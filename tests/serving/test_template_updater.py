"""Templates updated one test at a time, against the batch scorer; storing; bad input."""

import concurrent.futures
import copy
import dataclasses
import datetime
import hashlib
import io
import json
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.exporting.exported import (
    ENROLLED,
    RULES,
    calibrate_in_batch,
    describe_anew,
    draw_sequence,
    export,
    run_online,
    score_in_batch,
)
from workflow_src.common.errors import InputError
from workflow_src.serving import Outcome, Template, TemplateUpdater

CLONE = Path(__file__).resolve().parents[2]
TRIALS = 60
# Their scores are log-likelihood ratios.
NETWORKS = ("multi-rate", "ready-made")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A method with memory and a back-end, and a multi-head one without, exported for D = 8."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        export(patch, folder / "history", "history", 8, "history")
        export(patch, folder / "multi-head", "multi-head", 8)
        export(patch, folder / "gallery", "gallery-redundant", 8)
    return folder


@pytest.fixture(scope="module")
def updater(folder):
    return TemplateUpdater(folder / "history")


@pytest.fixture
def template(updater):
    return updater.enrol(np.eye(8)[:5], ENROLLED)


@pytest.mark.parametrize("dimension", [8, 128])
@pytest.mark.parametrize("method", RULES)
def test_equals_the_batch_scorer(method, dimension, tmp_path, monkeypatch):
    rule = export(monkeypatch, tmp_path, method, dimension)
    updater = TemplateUpdater(tmp_path)
    updates = []
    for seed in range(5):
        enrolment, tests, days = draw_sequence(dimension, TRIALS, seed)
        scores, updated, weights = score_in_batch(rule, enrolment, tests, days)
        start = updater.enrol(enrolment, ENROLLED)
        online, last = run_online(updater, start, tests, days)
        # Log-likelihood ratios can be large; the tolerance is a share of the largest.
        largest = np.abs(scores).max() if method in NETWORKS else 1
        np.testing.assert_allclose(online[0], scores, rtol=0, atol=1e-6 * largest)
        np.testing.assert_array_equal(online[1], updated)
        np.testing.assert_allclose(online[2], weights, rtol=0, atol=1e-6)
        assert last.tests == TRIALS
        assert start.tests == 0
        updates += updated.tolist()
    assert 0 < np.mean(updates) < 1 or method in ("baseline", "through-time", *NETWORKS)


@pytest.mark.parametrize("dimension", [8, 128])
@pytest.mark.parametrize("back_end", ["affine", "history", "quality"])
@pytest.mark.parametrize("method", ["baseline", "multi-head", "soft", "spherical-plda"])
def test_llrs_are_those_of_the_back_end(method, back_end, dimension, tmp_path, monkeypatch):
    rule = export(monkeypatch, tmp_path, method, dimension, back_end)
    updater = TemplateUpdater(tmp_path)
    for seed in range(2):
        enrolment, tests, days = draw_sequence(dimension, TRIALS, seed)
        scores, updated, _ = score_in_batch(rule, enrolment, tests, days)
        seconds = [None if n % 5 == 0 else 1 + n / 9 for n in range(TRIALS)]
        start = updater.enrol(enrolment, ENROLLED)
        online, _ = run_online(updater, start, tests, days, seconds)
        known = (days, tests, seconds)
        np.testing.assert_allclose(online[0], scores, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(online[1], updated)
        llrs = calibrate_in_batch(back_end, online[0].astype(np.float32), *known)
        np.testing.assert_allclose(online[3], llrs, rtol=0, atol=1e-6)
        # The scores differ in their last digit, by which the slope multiplies.
        np.testing.assert_allclose(
            online[3], calibrate_in_batch(back_end, scores, *known), rtol=0, atol=1e-5
        )
        assert np.ptp(llrs) > 3


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), 10**400, True, "3", 1j])
def test_bad_seconds(updater, template, seconds):
    with pytest.raises(InputError, match="seconds: is no positive number; allowed: the length"):
        updater.score_and_update(template, np.ones(8), ENROLLED, seconds=seconds)


def test_a_method_without_a_back_end_has_no_llr(folder):
    outcome = Outcome(0.5, True, 0.1)
    assert outcome.llr is None
    updater = TemplateUpdater(folder / "multi-head")
    outcome, _ = updater.score_and_update(updater.enrol(np.ones((1, 8))), np.ones(8))
    assert outcome.llr is None


def test_a_method_of_format_1_still_serves(folder, tmp_path):
    shutil.copytree(folder / "multi-head", tmp_path / "old")
    path = tmp_path / "old/method.json"
    content = json.loads(path.read_text())
    del content["back_end"], content["thresholds"], content["uses_seconds"]
    path.write_text(json.dumps({**content, "format": 1}))
    updater = TemplateUpdater(tmp_path / "old")
    outcome, _ = updater.score_and_update(updater.enrol(np.ones((1, 8))), np.ones(8))
    assert outcome.score == pytest.approx(1)


def test_saved_in_the_middle_goes_on_identically(updater, tmp_path):
    enrolment, tests, days = draw_sequence(8, TRIALS, 9)
    template = updater.enrol(enrolment, ENROLLED)
    _, through = run_online(updater, template, tests, days)
    _, half = run_online(updater, template, tests[:30], days[:30])
    half.save(tmp_path / "speakers/0073.template")
    loaded = Template.load(tmp_path / "speakers/0073.template", updater.digest)
    _, resumed = run_online(updater, loaded, tests[30:], days[30:])
    assert resumed.to_bytes() == through.to_bytes()
    assert [path.name for path in (tmp_path / "speakers").iterdir()] == ["0073.template"]


def test_a_gallery_is_a_part_of_the_template(folder, tmp_path):
    updater = TemplateUpdater(folder / "gallery")
    enrolment, tests, days = draw_sequence(8, TRIALS, 9)
    template = updater.enrol(enrolment, ENROLLED)
    np.testing.assert_array_equal(template.memory["held"], [template.vector] * 4)
    other = updater.enrol(tests[:5], ENROLLED)
    np.testing.assert_array_equal(other.memory["held"], [other.vector] * 4)
    _, half = run_online(updater, template, tests[:30], days[:30])
    half.save(tmp_path / "0073.template")
    assert not (half.memory["held"] == half.vector).all()
    np.testing.assert_array_equal(half.vector, template.vector)
    loaded = Template.load(tmp_path / "0073.template", updater.digest)
    _, resumed = run_online(updater, loaded, tests[30:], days[30:])
    _, through = run_online(updater, template, tests, days)
    assert resumed.to_bytes() == through.to_bytes()


def test_scoring_changes_nothing(updater, template):
    before = template.to_bytes()
    test = np.arange(8.0)
    score = updater.score(template, test, ENROLLED)
    outcome, new = updater.score_and_update(template, test, ENROLLED)
    assert score == outcome.score
    assert isinstance(outcome, Outcome)
    assert [type(value) for value in outcome] == [float, bool, float, float]
    assert template.to_bytes() == before != new.to_bytes()
    with pytest.raises(ValueError, match="read-only"):
        new.vector[0] = 1
    with pytest.raises(TypeError):
        new.memory["count"] = 1


def test_threads_share_one_updater(updater):
    enrolment, tests, days = draw_sequence(8, 200, 2)
    template = updater.enrol(enrolment, ENROLLED)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(run_online, updater, template, tests, days) for _ in range(8)]
        assert len({job.result()[1].to_bytes() for job in jobs}) == 1


def test_method_is_found_by_folder_or_file(folder):
    digests = {
        TemplateUpdater(path).digest
        for path in (
            folder / "history",
            str(folder / "history/method.onnx"),
            folder / "history/method.json",
        )
    }
    assert len(digests) == 1


TESTS = {
    "other D": (np.ones(9), r"test: has the shape \[9\]; the method is for \[8\]"),
    "two": (np.ones((2, 8)), r"test: has the shape \[2, 8\]"),
    "NaN": (np.full(8, np.nan), "test: is zero, not finite"),
    "infinite": (np.full(8, np.inf), "test: is zero, not finite"),
    "too large": (np.full(8, 1e30), "test: is zero, not finite, or of a length outside"),
    "beyond float32": (np.full(8, 1e300), "test: is zero, not finite, or of a length outside"),
    "zero": (np.zeros(8), "test: is zero"),
    "nearly zero": (np.full(8, 1e-30), "test: is zero"),
    "text": (["a"] * 8, "test: holds no real numbers"),
    "ragged": ([[1, 2], [3]], "test: holds no real numbers"),
    "complex": (np.ones(8) * 1j, "test: holds no real numbers"),
}


@pytest.mark.parametrize(("test", "says"), TESTS.values(), ids=TESTS)
def test_bad_test(updater, template, test, says):
    for function in (updater.score, updater.score_and_update):
        with pytest.raises(InputError, match=says) as caught:
            function(template, test, ENROLLED)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("embeddings", "says"),
    [
        (np.ones(8), r"the shape \[8\]; allowed: \[n, 8\]"),
        (np.ones((0, 8)), r"the shape \[0, 8\]"),
        (np.ones((2, 9)), r"the shape \[2, 9\]"),
        ([np.ones(8), np.zeros(8)], "embedding 1 is zero"),
        ([np.ones(8), np.full(8, np.nan)], "embedding 1 is zero, not finite"),
        ([np.ones(8), -np.ones(8)], "the mean of the embeddings is zero"),
    ],
)
def test_bad_enrolment(updater, embeddings, says):
    with pytest.raises(InputError, match=says):
        updater.enrol(embeddings)


DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (ENROLLED - DAY, "day: 2020-04-30 is before the enrolment on 2020-05-01"),
        (None, "day: is missing"),
        (3, "day: is a int; allowed: a datetime.date, or None"),
        (-1, "day: is a int"),
        (datetime.datetime(2020, 5, 2), "is a datetime; allowed"),
    ],
)
def test_bad_day(updater, template, day, says):
    with pytest.raises(InputError, match=says):
        updater.score_and_update(template, np.ones(8), day)
    if day is not None and not isinstance(day, datetime.date):
        with pytest.raises(InputError, match=says):
            updater.enrol(np.ones((1, 8)), day)


def test_days_are_asked_for_only_where_they_matter(folder, updater):
    undated = updater.enrol(np.ones((1, 8)))
    assert updater.score(undated, np.ones(8)) == pytest.approx(np.log(2))
    with pytest.raises(InputError, match="enrolled without a day"):
        updater.score(undated, np.ones(8), ENROLLED)
    multi_head = TemplateUpdater(folder / "multi-head")
    for enrolled, day in [(None, ENROLLED), (ENROLLED, None), (ENROLLED, ENROLLED)]:
        template = multi_head.enrol(np.ones((1, 8)), enrolled)
        assert multi_head.score(template, np.ones(8), day) == pytest.approx(1)


def test_template_of_another_method(folder, updater, template, tmp_path):
    other = TemplateUpdater(folder / "multi-head")
    with pytest.raises(InputError, match="template: belongs to the method"):
        other.score_and_update(template, np.ones(8), ENROLLED)
    template.save(tmp_path / "t")
    with pytest.raises(InputError, match=r"/t: belongs to the method .*; enrol anew"):
        Template.load(tmp_path / "t", other.digest)


OWN, OTHER = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def known(folder, tmp_path_factory):
    """The baseline, whose model is the same for every extractor, exported for one of them."""
    place = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as patch:
        for name, extractor in (("own", OWN), ("other", OTHER), ("unknown", None)):
            export(patch, place / name, "baseline", 8)
            describe_anew(place / name, extractor=extractor)
    return {name: TemplateUpdater(place / name) for name in ("own", "other", "unknown")}


def test_a_template_carries_its_extractor(known):
    own, unknown = known["own"], known["unknown"]
    assert own.digest == known["other"].digest
    template = own.enrol(np.eye(8)[:5], ENROLLED)
    assert template.extractor == own.enrol(np.eye(8)[:5], ENROLLED, OWN).extractor == OWN
    _, later = own.score_and_update(template, np.ones(8), ENROLLED, extractor=OWN)
    assert Template.from_bytes(later.to_bytes()).extractor == OWN
    assert unknown.enrol(np.eye(8)[:5]).extractor is None
    assert unknown.enrol(np.eye(8)[:5], extractor=OTHER).extractor == OTHER
    # A template that says nothing learns it by its first test.
    silent = dataclasses.replace(template, extractor=None)
    assert own.score_and_update(silent, np.ones(8), ENROLLED)[1].extractor == OWN
    assert unknown.score_and_update(silent, np.ones(8), ENROLLED)[1].extractor is None
    assert unknown.score_and_update(silent, np.ones(8), ENROLLED, OTHER)[1].extractor == OTHER


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda k: k["own"].enrol(np.ones((1, 8)), None, OTHER), "enrolment: the embeddings are"),
        (lambda k: k["own"].score(k["own"].enrol(np.ones((1, 8))), np.ones(8), None, OTHER),
         "test: the embedding is"),
        (lambda k: k["other"].score(k["own"].enrol(np.ones((1, 8))), np.ones(8)), "template: is"),
        (lambda k: k["unknown"].score_and_update(
            k["unknown"].enrol(np.ones((1, 8)), None, OWN), np.ones(8), None, OTHER),
         "test: the embedding is"),
    ],
    ids=["enrolment", "test", "template", "test against template"],
)  # fmt: skip
def test_another_extractor_is_refused(known, call, says):
    with pytest.raises(InputError) as caught:
        call(known)
    said = str(caught.value)
    assert said.startswith(f"{says} of the extractor '") and "\n" not in said
    assert OWN in said and OTHER in said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"memory": {}}, "remembers other things"),
        ({"vector": np.ones(9, np.float32)}, r"holds float32 \[9\] where the method has .*\[8\]"),
        ({"vector": np.ones(8)}, r"holds float64 \[8\] where the method has float32"),
        ({"vector": np.zeros(8, np.float32)}, "its vector is zero"),
    ],
)
def test_template_of_another_form(updater, template, changes, says):
    with pytest.raises(InputError, match=says):
        updater.score_and_update(dataclasses.replace(template, **changes), np.ones(8), ENROLLED)


def test_damaged_templates(template, tmp_path):
    content = template.to_bytes()
    path = tmp_path / "0073.template"
    with pytest.raises(InputError, match=r"0073\.template: cannot be read \(No such file"):
        Template.load(path)
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"0073\.template: damaged, or no template") as caught:
            Template.load(path)
        assert "\n" not in str(caught.value)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(InputError):
            Template.from_bytes(bytes(damaged))


# Damage that a zip file's own checksums overlook: a size in its directory, and a byte elsewhere.
def test_no_damage_in_two_places_is_another_voice(template):
    content = template.to_bytes()
    at = content.index(template.vector.tobytes())
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[at + 3] ^= 1
        damaged[place] ^= 64
        with pytest.raises(InputError, match="damaged, or no template"):
            Template.from_bytes(damaged)


@given(st.data())
def test_no_damage_loads(data):
    content = Template(np.ones(3, np.float32), {}, None, 0, "0" * 64).to_bytes()
    places = st.integers(0, len(content) - 1)
    changes = data.draw(st.dictionaries(places, st.integers(1, 255), min_size=1, max_size=4))
    damaged = bytearray(content)
    for place, change in changes.items():
        damaged[place] ^= change
    with pytest.raises(InputError):
        Template.from_bytes(bytes(damaged))


def of_format_1(template, **changes):
    """Return a template as version 0.1.0 wrote it."""
    about = {
        "format": 1,
        "method": template.method,
        "enrolled_on": template.enrolled_on.isoformat(),
        "tests": template.tests,
    }
    arrays = {f"memory.{name}": values for name, values in template.memory.items()}
    text = np.frombuffer(json.dumps(about | changes).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, about=text, vector=template.vector, **arrays)
    return file.getvalue()


def test_templates_of_format_1_load_if_they_are_whole(template):
    content = of_format_1(template)
    assert Template.from_bytes(content, template.method).to_bytes() == template.to_bytes()
    with pytest.raises(InputError, match=r"is of format 2; this version reads 2, and 1 without"):
        Template.from_bytes(of_format_1(template, format=2))
    # The two places that made another voice of it.
    at = content.index(template.vector.tobytes())
    for place in range(content.index(b"PK\x01\x02"), len(content)):
        damaged = bytearray(content)
        damaged[at + 3] ^= 1
        damaged[place] ^= 64
        with pytest.raises(InputError, match="damaged, or no template"):
            Template.from_bytes(damaged)


def test_templates_are_copied_and_pickled(template, updater):
    _, later = updater.score_and_update(template, np.arange(8.0), ENROLLED)
    for one in (template, later):
        copies = [copy.copy(one), copy.deepcopy(one), dataclasses.replace(one)]
        copies += [pickle.loads(pickle.dumps(one, protocol)) for protocol in range(2, 6)]
        for other in copies:
            assert isinstance(other, Template)
            assert other.to_bytes() == one.to_bytes()
            with pytest.raises(ValueError, match="read-only"):
                other.vector[0] = 1
            score = updater.score(other, np.ones(8), ENROLLED)
            assert score == updater.score(one, np.ones(8), ENROLLED)


class Hostile:
    """Raises where numpy or a path asks for its content."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no\nnumbers")

    def __fspath__(self):
        raise RuntimeError("no path")

    def __len__(self):
        raise RuntimeError("no length")


BAD = {
    "None": None,
    "text": "ab",
    "NUL": "a\0b",
    "bytes": b"ab",
    "number": 3,
    "NaN": float("nan"),
    "large": 10**400,
    "true": True,
    "list": [],
    "nested": [[[1.0]]],
    "ragged": [[1.0], [1.0, 2.0]],
    "texts": ["a"] * 8,
    "objects": np.array([None] * 8),
    "short": np.ones(7),
    "scalar": np.float32(1),
    "zero": np.zeros(8),
    "not finite": np.array([np.nan] * 8),
    "complex": np.ones(8) * 1j,
    "booleans": np.ones(8, bool),
    "dates": np.array(["2020-01-01"] * 8, "datetime64[D]"),
    "records": np.zeros(8, [("a", "f4")]),
    "masked": np.ma.masked_array(np.ones(8), [True] * 8),
    "with gradient": torch.ones(8, requires_grad=True),
    "no data": torch.ones(8, device="meta"),
    "sparse": torch.ones(8).to_sparse(),
    "half": torch.ones(8, dtype=torch.bfloat16),
    "dict": {"a": 1},
    "hostile": Hostile(),
    "time": datetime.datetime(2020, 5, 2),
    "class": Template,
    "function": len,
}
# Every argument of every public method, and the bad values that it takes.
ARGUMENTS = {
    "TemplateUpdater": (lambda u, t, bad: TemplateUpdater(bad), []),
    "enrol": (lambda u, t, bad: u.enrol(bad), []),
    "enrol one": (lambda u, t, bad: u.enrol([bad]), ["masked"]),  # a list loses the mask
    "enrol on a day": (lambda u, t, bad: u.enrol(np.ones((1, 8)), bad), ["None"]),
    "score a template": (lambda u, t, bad: u.score(bad, np.ones(8), ENROLLED), []),
    "score a test": (lambda u, t, bad: u.score(t, bad, ENROLLED), []),
    "score on a day": (lambda u, t, bad: u.score(t, np.ones(8), bad), []),
    "update a template": (lambda u, t, bad: u.score_and_update(bad, np.ones(8), ENROLLED), []),
    "update by a test": (lambda u, t, bad: u.score_and_update(t, bad, ENROLLED), []),
    "update on a day": (lambda u, t, bad: u.score_and_update(t, np.ones(8), bad), []),
    "a template's vector": (
        lambda u, t, bad: u.score(dataclasses.replace(t, vector=bad), np.ones(8), ENROLLED),
        [],
    ),
    "a template's memory": (
        lambda u, t, bad: u.score(dataclasses.replace(t, memory=bad), np.ones(8), ENROLLED),
        [],
    ),
    "a remembered array": (
        lambda u, t, bad: u.score(
            dataclasses.replace(t, memory={**t.memory, "count": bad}), np.ones(8), ENROLLED
        ),
        [],
    ),
    "a template's day": (lambda u, t, bad: dataclasses.replace(t, enrolled_on=bad), ["None"]),
    "a template's tests": (lambda u, t, bad: dataclasses.replace(t, tests=bad), ["number"]),
    "a template's method": (
        lambda u, t, bad: u.score(dataclasses.replace(t, method=bad), np.ones(8), ENROLLED),
        [],
    ),
    "a template's extractor": (
        lambda u, t, bad: u.score(dataclasses.replace(t, extractor=bad), np.ones(8), ENROLLED),
        ["None", "text", "NUL"],
    ),
    "enrol by an extractor": (
        lambda u, t, bad: u.enrol(np.ones((1, 8)), None, bad),
        ["None", "text", "NUL"],
    ),
    "score by an extractor": (
        lambda u, t, bad: u.score(t, np.ones(8), ENROLLED, bad),
        ["None", "text", "NUL"],
    ),
    "from_bytes": (lambda u, t, bad: Template.from_bytes(bad), []),
    "from_bytes of a method": (lambda u, t, bad: Template.from_bytes(t.to_bytes(), bad), ["None"]),
    "load": (lambda u, t, bad: Template.load(bad), []),
    "save": (lambda u, t, bad: t.save(bad), ["text"]),
    "check_method": (lambda u, t, bad: t.check_method(bad), []),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_every_mistake_is_told_in_a_line(updater, template, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, taken = ARGUMENTS[argument]
    for name, bad in BAD.items():
        if name in taken:
            continue
        try:
            call(updater, template, bad)
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 500, name
        else:
            pytest.fail(f"{argument} takes {name}")
    assert not list(tmp_path.iterdir())
    for name in taken:
        call(updater, template, BAD[name])


def test_a_new_size_makes_another_template(template):
    for changes in ({"tests": -1}, {"tests": 1.5}, {"method": None}):
        with pytest.raises(InputError):
            dataclasses.replace(template, **changes)
    content = dataclasses.replace(template, vector=np.ones((2, 8))).to_bytes()
    with pytest.raises(InputError, match=r"its vector is float64 \[2, 8\]"):
        Template.from_bytes(content, template.method)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 3}, "is of format 3; this version reads 1 and 2"),
        ({"back_end": 3}, "back_end is 3"),
        ({"back_end": None}, "inputs or outputs are not those of a method"),
        ({"dimension": "8"}, "dimension is '8'"),
        ({"memory": [{"name": "a"}]}, "dtype"),
        (
            {"memory": [{"name": "a", "dtype": "float32", "shape": [2, 9], "initial": "template"}]},
            "the form of 'a'",
        ),
        (
            {"memory": [{"name": "a", "dtype": "float64", "shape": [2, 8], "initial": "template"}]},
            "the form of 'a'",
        ),
        (
            {"memory": [{"name": "a", "dtype": "float32", "shape": [2, 8], "initial": "others"}]},
            "could not convert",
        ),
        ({"memory": [{"dtype": "bool", "shape": [], "initial": True}]}, "name"),
        ({"memory": []}, "inputs or outputs are not those of a method"),
        ({"sha256": "0" * 64}, "its sha256 is another"),
    ],
)
def test_bad_description(folder, tmp_path, changes, says):
    for file in (folder / "history").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    describe_anew(tmp_path, **changes)
    with pytest.raises(InputError, match=re.escape(says)):
        TemplateUpdater(tmp_path)


def test_damaged_method(folder, tmp_path):
    with pytest.raises(InputError, match=r"method\.json: cannot be read"):
        TemplateUpdater(tmp_path)
    (tmp_path / "method.json").write_text("{")
    with pytest.raises(InputError, match="not the description"):
        TemplateUpdater(tmp_path)
    (tmp_path / "method.json").write_bytes((folder / "history/method.json").read_bytes())
    with pytest.raises(InputError, match=r"method\.onnx: cannot be read"):
        TemplateUpdater(tmp_path)
    model = (folder / "history/method.onnx").read_bytes()[:1000]
    (tmp_path / "method.onnx").write_bytes(model)
    with pytest.raises(InputError, match="export the method again"):
        TemplateUpdater(tmp_path)
    describe_anew(tmp_path, sha256=hashlib.sha256(model).hexdigest())
    with pytest.raises(InputError, match="cannot be opened as an ONNX model"):
        TemplateUpdater(tmp_path)


values = st.floats(-1e6, 1e6, width=32)
memory = st.dictionaries(
    st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
    arrays.arrays(
        st.sampled_from([np.float32, np.int64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=2, max_side=3),
    ),
    max_size=3,
)


@given(
    arrays.arrays(np.float32, st.integers(1, 20), elements=values).filter(
        lambda vector: np.dot(vector, vector) > 1e-30
    ),
    memory,
    st.none() | st.dates(),
    st.integers(0, 10**9),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)
def test_bytes_read_back_the_same(vector, memory, day, tests, method):
    template = Template(vector, memory, day, tests, method)
    content = template.to_bytes()
    read = Template.from_bytes(content, method)
    assert read.to_bytes() == content
    assert (read.enrolled_on, read.tests, read.method) == (day, tests, method)
    assert read.vector.tobytes() == vector.tobytes()
    assert read.memory.keys() == memory.keys()
    for name, value in memory.items():
        assert (read.memory[name].dtype, read.memory[name].shape) == (value.dtype, value.shape)
        assert read.memory[name].tobytes() == value.tobytes()
