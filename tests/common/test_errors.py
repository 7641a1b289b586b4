"""The words of errors: what they quote of others is one harmless line."""

import pytest

from workflow_src.common.errors import InputError, clean_line, describe_os_error, first_line, naming

HOSTILE = [
    "\x1b[31mred",
    "back\rover",
    "bell\a",
    "\x9b2J",
    "\u202eleft",
    "\ud800",
    "\u2028",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_error_lets_a_quoted_text_act_on_the_terminal(text):
    for said in (str(InputError(f"a.csv: says {text}")), first_line(text), clean_line(text)):
        assert said.isprintable()
        assert said.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_of_the_system_is_a_line_with_its_file(text):
    said = describe_os_error(FileNotFoundError(2, "No such file", f"a{text}"))
    assert said.isprintable() and said.startswith("a") and said.endswith(": No such file")


def test_an_error_names_a_file_where_it_names_none():
    for raised, named in ((OSError(28, "Full"), "b"), (OSError(28, "Full", "a"), "a")):
        with pytest.raises(OSError, match="Full") as caught, naming("b"):
            raise raised
        assert caught.value.filename == named
    with pytest.raises(OSError, match=r"^damaged$"), naming("b"):
        raise OSError("damaged")


def test_what_can_be_read_stays_as_it_is():
    for text in ("Zürich, 汉字: 'a\\b' {c}", ""):
        assert clean_line(text) == text
    assert str(InputError("config: one\nconfig: two")).splitlines() == [
        "config: one",
        "config: two",
    ]
