import json
import tempfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workflow_src.common import notebooks
from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError
from workflow_src.common.notebooks import execute_notebook
from workflow_src.running.launcher import end_well


def make_notebook(folder, code):
    cells = [
        new_code_cell("number = 1", metadata={"tags": ["parameters"]}),
        new_code_cell(code),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (folder / "n.ipynb").write_text(nbformat.writes(notebook))


def execute(folder, monkeypatch, name="out.ipynb", **parameters):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    execute_notebook(folder / "n.ipynb", folder / name, folder / "draft.ipynb", parameters)
    return folder / name


def test_executions_have_the_same_bytes_and_the_parameters(tmp_path, monkeypatch):
    make_notebook(tmp_path, "print('number', number)")
    first = execute(tmp_path, monkeypatch, "a.ipynb", number=7)
    second = execute(tmp_path, monkeypatch, "b.ipynb", number=7)
    assert first.read_bytes() == second.read_bytes()
    executed = nbformat.read(first, as_version=4)
    nbformat.validate(executed)
    assert executed.cells[-1].outputs[0].text == "number 7\n"
    assert str(tmp_path) not in first.read_text()
    assert not (tmp_path / "draft.ipynb").exists()


def test_a_users_mistake_is_told_and_nothing_is_written(tmp_path, monkeypatch):
    code = "from workflow_src.common.errors import InputError\nraise InputError('x.csv: bad')"
    make_notebook(tmp_path, code)
    with pytest.raises(InputError, match=r"^x\.csv: bad$"):
        execute(tmp_path, monkeypatch)
    assert not (tmp_path / "out.ipynb").exists()
    assert (tmp_path / "draft.ipynb").exists()


@pytest.mark.parametrize(
    ("raised", "file"),
    [
        (
            "OSError(errno.ENOSPC, 'No space left on device', 'results/a.parquet')",
            "results/a.parquet",
        ),
        ("OSError(errno.ENOSPC, 'No space left on device')", "n.ipynb"),
    ],
)
def test_a_full_disk_in_a_cell_is_told_with_its_file(tmp_path, monkeypatch, capsys, raised, file):
    make_notebook(tmp_path, f"import errno\nraise {raised}")
    assert end_well(lambda: execute(tmp_path, monkeypatch)) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.endswith(f"{file}: No space left on device\n")
    assert said.count("\n") == 1


def test_a_full_disk_of_the_draft_is_told_with_its_file(tmp_path, capsys):
    make_notebook(tmp_path, "1")
    out, draft = tmp_path / "out.ipynb", tmp_path / "draft.ipynb"
    draft.symlink_to("/dev/full")
    assert end_well(lambda: execute_notebook(tmp_path / "n.ipynb", out, draft, {})) == 1
    assert capsys.readouterr().err == f"error: {draft}: No space left on device\n"
    assert not out.exists()


def test_a_kernel_that_does_not_start_in_time_is_told(tmp_path, monkeypatch):
    make_notebook(tmp_path, "")
    kernel = tmp_path / "resources/jupyter/kernels/workflow/kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = ["sleep", "600"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "", "language": "python"}))
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "START_SECONDS", 0)
    with pytest.raises(
        InputError, match=r"n\.ipynb: its kernel did not start within 0 s; run again"
    ):
        execute(tmp_path, monkeypatch)


def test_output_that_comes_late_is_waited_for(tmp_path, monkeypatch):
    make_notebook(tmp_path, "")
    given = {}
    monkeypatch.setattr(
        notebooks.papermill, "execute_notebook", lambda *paths, **more: given.update(more) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        execute(tmp_path, monkeypatch)
    assert given["start_timeout"] >= 600
    assert given["iopub_timeout"] >= 600
    assert given["raise_on_iopub_timeout"]


@pytest.mark.parametrize("length", [1, 120])
def test_the_kernel_takes_no_port_that_another_program_may_take(tmp_path, monkeypatch, length):
    folder = tmp_path / ("t" * length)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    code = "from ipykernel import get_connection_info as get\nprint(get(unpack=True)['transport'])"
    make_notebook(tmp_path, code)
    executed = nbformat.read(execute(tmp_path, monkeypatch), as_version=4)
    assert executed.cells[-1].outputs[0].text == "ipc\n"
    assert list(folder.iterdir()) == []
