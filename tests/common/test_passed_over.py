import pytest

from workflow_src.common.errors import InputError
from workflow_src.common.passed_over import (
    PassedOver,
    gather_passed_over,
    note,
    noted_in,
    shorten,
    write_passed_over,
)

REJECTED = "utterance,path,reason\nu1,a/u1.wav,empty file\nu2,u2.wav,too long\nu3,u3.wav,too long\n"


def test_what_is_noted_is_printed_written_and_gathered(tmp_path, capsys):
    part, rejected = tmp_path / "part.csv", tmp_path / "rejected.csv"
    with noted_in(part, "corpus"):
        note("files, of another kind", 1200, 'a "b".m4a')
        note("nothing", 0)
        note("days", 2)
    assert capsys.readouterr().out == (
        "passed over: 1,200 files, of another kind\npassed over: 2 days\n"
    )
    rejected.write_text(REJECTED)
    rows = gather_passed_over([part, rejected])
    assert rows == [
        PassedOver("corpus", "files, of another kind", 1200, 'a "b".m4a'),
        PassedOver("corpus", "days", 2),
        PassedOver("embeddings", "recordings rejected: too long", 2, "u2.wav"),
        PassedOver("embeddings", "recordings rejected: empty file", 1, "a/u1.wav"),
    ]
    assert str(rows[0]) == 'corpus: 1,200 files, of another kind (first: a "b".m4a)'
    assert str(rows[1]) == "corpus: 2 days"
    write_passed_over(rows, tmp_path / "all.csv")
    assert gather_passed_over([tmp_path / "all.csv"]) == rows


def test_what_several_steps_say_alike_is_there_once(tmp_path):
    paths = [tmp_path / "seed0.csv", tmp_path / "seed1.csv"]
    for number, path in enumerate(paths):
        with noted_in(path, "policies"):
            note("short utterances", 3, "u1")
            note("speakers", 1 + number, "a")
    assert gather_passed_over(paths) == [
        PassedOver("policies", "short utterances", 3, "u1"),
        PassedOver("policies", "speakers", 1, "a"),
        PassedOver("policies", "speakers", 2, "a"),
    ]


def test_a_step_that_fails_writes_no_table(tmp_path):
    with pytest.raises(InputError), noted_in(tmp_path / "part.csv", "corpus"):
        note("days", 2)
        raise InputError("bad")
    assert not list(tmp_path.iterdir())


def test_without_a_file_it_is_only_printed(capsys):
    note("days", 1)
    with noted_in(None, "corpus"):
        note("days", 2)
    assert capsys.readouterr().out.count("passed over") == 2


@pytest.mark.parametrize(
    "content",
    [None, "", "a,b\n", "stage,what,number,first\nx,y,z,\n", "stage,what,number,first\nx\n"],
)
def test_another_table_is_refused(tmp_path, content):
    path = tmp_path / "part.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"part\.csv: cannot be read as a table of what is passed"):
        gather_passed_over([path])


def test_the_same_of_several_lists_is_one_line():
    rows = [
        PassedOver("trials", "test days (random)", 39),
        PassedOver("trials", "days of 5 (3das)", 1),
        PassedOver("trials", "test days (1das)", 1_200),
        PassedOver("development trials", "test days (random)", 2),
        PassedOver("corpus", "rows (of a table) without an utterance", 3, "a"),
    ]
    assert shorten(rows) == [
        "trials: 1,239 test days, in 2 lists",
        "trials: 1 days of 5 (3das)",
        "development trials: 2 test days (random)",
        "corpus: 3 rows (of a table) without an utterance (first: a)",
    ]
