import subprocess
import sys

from workflow_src.common import digests
from workflow_src.common.digests import digest_code, reached_modules

STEP = '''"""A step."""
from workflow_src.room.pure import compute


def main():
    """Do it."""
    return compute(1)  # once
'''
PURE = "def compute(x):\n    return x + 1\n"


def make_package(root, step=STEP, pure=PURE, other=PURE):
    digests._module.cache_clear()
    for name, text in {
        "__init__": "",
        "room/__init__": "",
        "room/step": step,
        "room/pure": pure,
        "room/other": other,
    }.items():
        path = root / "workflow_src" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return digest_code("workflow_src.room.step", root)


def test_comments_docstrings_and_formatting_do_not_count(tmp_path):
    digest = make_package(tmp_path)
    edited = STEP.replace('"""Do it."""', '"""Do it, and say so."""').replace("# once", "")
    assert make_package(tmp_path, step=edited.replace("compute(1)", "compute( 1 )")) == digest
    helped = PURE.replace("return", "'''Help of what stands above.'''\n    return")
    assert make_package(tmp_path, pure=helped) == digest
    assert make_package(tmp_path, pure="# Adds.\n\n" + PURE) == digest


def test_an_executed_edit_counts_wherever_imports_reach(tmp_path):
    digest = make_package(tmp_path)
    assert make_package(tmp_path, step=STEP.replace("compute(1)", "compute(2)")) != digest
    assert make_package(tmp_path, pure=PURE.replace("+ 1", "+ 2")) != digest
    assert make_package(tmp_path, other=PURE.replace("+ 1", "+ 2")) == digest


def test_relative_and_local_imports_are_followed(tmp_path):
    step = "def main():\n    from .pure import compute\n    from . import other\n"
    make_package(tmp_path, step=step)
    assert reached_modules("workflow_src.room.step", tmp_path) == [
        "workflow_src",
        "workflow_src.room",
        "workflow_src.room.other",
        "workflow_src.room.pure",
        "workflow_src.room.step",
    ]


def test_reached_modules_are_those_that_python_imports():
    step = "workflow_src.corpus.split_speakers"
    code = f"import sys, {step}; print(*(m for m in sys.modules if m.startswith('workflow_src')))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    counted = {m for m in loaded.stdout.split() if not digests.is_uncounted(m)}
    assert counted <= set(reached_modules(step))


def test_how_a_step_is_run_and_the_words_of_errors_do_not_count(tmp_path):
    says = "def compute(x):\n    if x < 0:\n        raise ValueError({words})\n"
    says += "    return Field({more})\n"
    digest = make_package(tmp_path, pure=says.format(words="f'{x}'", more="1, description='a'"))
    other = says.format(words="'no number', x", more="1, description='b'")
    assert make_package(tmp_path, pure=other) == digest
    assert make_package(tmp_path, pure=other.replace("ValueError", "KeyError")) != digest
    assert make_package(tmp_path, pure=other.replace("1, desc", "2, desc")) != digest
    uncounted = [f"{name}.anything" for name in digests.UNCOUNTED]
    assert all(map(digests.is_uncounted, uncounted))
    assert not digests.is_uncounted("workflow_src.runningly")
