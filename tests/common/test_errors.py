"""The words of errors: what they quote of others is one harmless line."""

import pytest

from workflow_src.common.errors import InputError, clean_line, first_line

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


def test_what_can_be_read_stays_as_it_is():
    for text in ("Zürich, 汉字: 'a\\b' {c}", ""):
        assert clean_line(text) == text
    assert str(InputError("config: one\nconfig: two")).splitlines() == [
        "config: one",
        "config: two",
    ]
