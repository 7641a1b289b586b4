"""No key stands twice: neither in YAML nor in JSON, at no depth; the error names both lines."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.common.json_text import load_json
from workflow_src.common.yaml_text import check_config_file, check_config_words, check_keys

KEYS = st.text(st.sampled_from('ab"\\{}[]:, é'), max_size=3)
LEAVES = st.none() | st.integers(-3, 3) | KEYS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
DICTS = st.dictionaries(KEYS, TREES, min_size=1, max_size=3)


def write(tree, lines, twice):
    """Write a tree as JSON, a part to each line; the dict `twice` has its first key again."""
    if isinstance(tree, dict):
        pairs = list(tree.items())
        pairs += pairs[:1] if tree is twice else []
        lines.append("{")
        for number, (key, value) in enumerate(pairs):
            lines.append(("," if number else "") + json.dumps(key) + ":")
            write(value, lines, twice)
        lines.append("}")
    elif isinstance(tree, list):
        lines.append("[")
        for number, value in enumerate(tree):
            if number:
                lines.append(",")
            write(value, lines, twice)
        lines.append("]")
    else:
        lines.append(json.dumps(tree))
    return lines


def dicts_in(tree):
    if isinstance(tree, dict):
        yield tree
    for value in (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    ):
        yield from dicts_in(value)


@settings(max_examples=40)
@given(DICTS, st.data())
def test_a_key_that_stands_twice_is_found_at_any_depth(tree, data):
    plain = "\n".join(write(tree, [], None))
    assert load_json(plain, "a") == tree
    check_keys(plain, "a")
    chosen = data.draw(st.sampled_from([found for found in dicts_in(tree) if found]))
    lines = write(tree, [], chosen)
    text = "\n".join(lines)
    for check in (load_json, check_keys):
        with pytest.raises(InputError) as caught:
            check(text, "a")
        said = str(caught.value)
        numbers = (
            said.rpartition("in line ")[0].rpartition("in line ")[2],
            said.rpartition("line ")[2],
        )
        key = next(iter(chosen))
        for number in (int(word.split(" ")[0].rstrip(";")) for word in numbers):
            assert json.dumps(key) + ":" == lines[number - 1].removeprefix(",")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "corpus: {}\nseed: 1\ncorpus: {}\n",
            "the key corpus stands there twice, in line 1 and in line 3",
        ),
        ("{a: 1, a: 2}", "the key a stands there twice, in line 1; once is allowed"),
        ("a:\n  b: 1\n  'b': 2\n", "the key b stands there twice, in line 2 and in line 3"),
        ("- {x: 1,\n   x: 2}\n", "the key x stands there twice, in line 1 and in line 2"),
        ("? x\n: 1\n? x\n: 2\n", "line 1 and in line 3"),
        ('{\n\t"a": 1,\n\t"a": 2}', "line 2 and in line 3"),
    ],
)
def test_files_of_settings(tmp_path, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        check_config_file(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1}\nb: {b: 1}\n",
        "a: &x {b: 1}\nc: {<<: *x, b: 2}\n",
        "- {x: 1}\n- {x: 1}\n",
        "? [1, 2]\n: 3\n? [1, 3]\n: x\n",
        "a: 1\n---\na: 1\n",
        '{\n\t"a": "\\ud83d\\ude00"}',
    ],
)
def test_keys_of_different_places_may_be_alike(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    check_config_file(path)


def test_a_pipe_is_left_to_its_reader(tmp_path):
    check_config_file(tmp_path / "none")
    check_config_file("/dev/null")


@pytest.mark.parametrize("words", [["seed=1", "seed=2"], ["corpus={source: x, source: y}"]])
def test_words_of_the_command_line(words):
    with pytest.raises(InputError, match="--config"):
        check_config_words(words)


def test_other_words_of_the_command_line():
    check_config_words(["seed=1", "corpus={source: x, test_speakers: 3}", "odd=[1", "empty="])


def test_json_files(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,\n"a": 2}')
    with pytest.raises(InputError, match=r"a\.json: the key a stands there twice, in line 1 and"):
        read_json(path)


def test_no_yaml_is_an_error_of_yaml():
    with pytest.raises(yaml.YAMLError):
        check_keys("a: [1", "a")
