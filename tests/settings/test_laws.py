"""The files of laws: what they hold, and how a bad one is refused."""

import pytest
import yaml

from tests.synthetic.laws import EMBEDDINGS, VOICES
from workflow_src.common.errors import InputError
from workflow_src.settings.laws import EmbeddingLaw, VoiceLaw, read_law

LAWS = {VoiceLaw: VOICES, EmbeddingLaw: EMBEDDINGS}


@pytest.mark.parametrize("kind", LAWS)
def test_every_number_of_a_law_has_a_comment_above_it(kind):
    lines = LAWS[kind].read_text(encoding="utf-8").splitlines()
    assert read_law(LAWS[kind], kind).model_dump() == yaml.safe_load("\n".join(lines))
    for name in kind.model_fields:
        (at,) = [i for i, line in enumerate(lines) if line.startswith(f"{name}:")]
        # Or above the first of the numbers that belong together.
        while not lines[at].startswith("#"):
            at -= 1
            assert lines[at], name


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (EmbeddingLaw, {"drft": 0.5}, "drft: unknown key; allowed are: dimension, "),
        (EmbeddingLaw, {"drift": "0.5"}, "drift: '0.5' is not allowed: input should be a valid"),
        (EmbeddingLaw, {"clusters": 1.5}, "clusters: 1.5 is not allowed"),
        (EmbeddingLaw, {"drift_correlation": 1.0}, "drift_correlation: 1.0 is not allowed"),
        (EmbeddingLaw, {"phrase": float("nan")}, "phrase: nan is not allowed"),
        (EmbeddingLaw, {"phrase": None}, "phrase: None is not allowed"),
        (VoiceLaw, {"states": {"happy": 1.0}}, "states knows no 'happy'; allowed are: normal, "),
        (VoiceLaw, {"states": {"cold": -1}}, "states.cold: -1 is not allowed"),
        (VoiceLaw, {"noise": {"quiet": 0.0}}, "noise needs at least one share above 0"),
    ],
)
def test_a_number_that_is_not_allowed_is_named_with_its_file(tmp_path, kind, change, says):
    path = tmp_path / "law.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(LAWS[kind].read_text()) | change))
    with pytest.raises(InputError) as error:
        read_law(path, kind)
    assert str(error.value).startswith(f"{path}: {says}")
    assert "\n" not in str(error.value)


def test_a_number_that_is_missing_is_named(tmp_path):
    path = tmp_path / "law.yaml"
    content = yaml.safe_load(EMBEDDINGS.read_text())
    del content["session"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"law\.yaml: lacks session; a law has all"):
        read_law(path, EmbeddingLaw)


@pytest.mark.parametrize("content", [b"drift: [1", b"\xff\xfe\x00", b"[1, 2]", b"", b"text"])
def test_a_file_that_is_no_law_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "law.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_law(path, VoiceLaw)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_number_that_stands_twice_is_named_with_both_lines(tmp_path):
    path = tmp_path / "law.yaml"
    path.write_text("drift: 0.1\nday: 0.2\ndrift: 0.3\n")
    with pytest.raises(InputError, match=r"law\.yaml: the key drift .* in line 1 and in line 3"):
        read_law(path, EmbeddingLaw)


def test_a_file_that_is_missing_is_named_with_its_setting(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: .*; corpus\.simulated\.law names it"):
        read_law(tmp_path / "none.yaml", EmbeddingLaw)
