import pytest

from workflow_src.running.progress import show_progress


@pytest.mark.parametrize(("delay", "says"), [(0, "working: 0/3 in 00:00"), (60, "")])
def test_progress_is_shown_after_a_delay(capsys, delay, says):
    assert list(show_progress("abc", "working", 3, delay)) == ["a", "b", "c"]
    assert capsys.readouterr().err.partition(",")[0] == says
