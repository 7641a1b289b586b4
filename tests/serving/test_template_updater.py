"""Templates updated one test at a time, against the batch scorer; storing; bad input."""

import concurrent.futures
import dataclasses
import datetime
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.exporting.exported import (
    ENROLLED,
    RULES,
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A method with memory, and a multi-head one, exported for D = 8."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        for method in ("history", "multi-head"):
            export(patch, folder / method, method, 8)
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
        np.testing.assert_allclose(online[0], scores, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(online[1], updated)
        np.testing.assert_allclose(online[2], weights, rtol=0, atol=1e-6)
        assert last.tests == TRIALS
        assert start.tests == 0
        updates += updated.tolist()
    assert 0 < np.mean(updates) < 1 or method in ("baseline", "through-time")


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


def test_scoring_changes_nothing(updater, template):
    before = template.to_bytes()
    test = np.arange(8.0)
    score = updater.score(template, test, ENROLLED)
    outcome, new = updater.score_and_update(template, test, ENROLLED)
    assert score == outcome.score
    assert isinstance(outcome, Outcome)
    assert [type(value) for value in outcome] == [float, bool, float]
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
        (3, "day: 3 is a int; allowed: a datetime.date, or None"),
        (-1, "day: -1 is a int"),
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
        try:
            read = Template.from_bytes(bytes(damaged))
        except InputError:
            continue
        assert read.to_bytes() == content  # a byte that carries nothing, such as a file time


def test_templates_without_what_they_need(template):
    for changes in ({"tests": -1}, {"tests": 1.5}, {"method": None}, {"vector": np.ones((2, 8))}):
        content = dataclasses.replace(template, **changes).to_bytes()
        with pytest.raises(InputError):
            Template.from_bytes(content, template.method)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 2}, "is of format 2; this version reads 1"),
        ({"dimension": "8"}, "dimension is '8'"),
        ({"memory": [{"name": "a"}]}, "dtype"),
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
