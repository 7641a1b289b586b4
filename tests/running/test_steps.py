import subprocess
import sys

import pytest

from workflow_src.common.digests import ROOT

STEPS = sorted(
    ".".join(path.relative_to(ROOT / "workflow_src").with_suffix("").parts)
    for path in (ROOT / "workflow_src").rglob("*.py")
    if "run_step(main)\n" in path.read_text().splitlines(keepends=True)[-1]
)

PROGRAM = """
from workflow_src.common.errors import InputError
from workflow_src.running.steps import run_step
def main():
    raise {error}
run_step(main)
"""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        ("InputError('a.wav: is empty')", 1, "error: a.wav: is empty\n"),
        (
            "OSError(28, 'No space left on device', 'x.npy')",
            1,
            "error: x.npy: No space left on device\n",
        ),
        ("KeyboardInterrupt", 130, "interrupted\n"),
    ],
)
def test_a_users_mistake_ends_in_one_line(error, code, says):
    program = [sys.executable, "-c", PROGRAM.format(error=error)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, says)


def test_a_fault_of_the_program_keeps_its_traceback():
    program = [sys.executable, "-c", PROGRAM.format(error="ZeroDivisionError")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("step", STEPS)
def test_every_step_explains_itself_without_snakemake(step):
    code = (
        "import runpy, sys; sys.modules['snakemake'] = None; sys.argv = ['step', '--help'];"
        f"runpy.run_module('workflow_src.{step}', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")
