import pytest
from snakemake.utils import format as format_command

from workflow_src.common.errors import InputError
from workflow_src.running.as_file import AsFile, read_arguments

WORDS = ["--a=q", "--b", "it's", 'a "b"', "{c}", "two\nlines", "müde", "$HOME", "\\", "@x", "u"]


@pytest.mark.parametrize("words", [[], WORDS, WORDS[::-1], ["--files", *map(str, range(300_000))]])
def test_a_command_of_any_length_gives_its_words_back(words, tmp_path):
    command = format_command(
        "{as_file:{words:q} }", as_file=AsFile(str(tmp_path), True), words=words
    )
    assert len(command) < len(str(tmp_path)) + 40
    assert read_arguments([f"@{command}"]) == words


def test_other_text_is_another_file_and_the_same_text_the_same(tmp_path):
    as_file = AsFile(str(tmp_path), True)
    names = [f"{as_file:{text}}" for text in ("one", "two", "one")]
    assert names[0] == names[2] != names[1]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_dry_run_writes_nothing(tmp_path):
    named = f"{AsFile(str(tmp_path), False):text}"
    assert not list(tmp_path.iterdir())
    assert named == f"{AsFile(str(tmp_path), True):text}"


@pytest.mark.parametrize("words", [[], ["--a", "@b"], ["@a", "@b"]])
def test_options_stay_as_they_are(words):
    assert read_arguments(words) == words


@pytest.mark.parametrize("content", [None, b"\xff", b"'open"])
def test_a_file_that_holds_no_options_is_refused(content, tmp_path):
    path = tmp_path / "options"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path}: cannot be read as options \("):
        read_arguments([f"@{path}"])
