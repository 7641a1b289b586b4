import re
import subprocess
import sys
from dataclasses import dataclass

import pandas as pd
import pytest

from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError
from workflow_src.running.arguments import parse_arguments
from workflow_src.running.launcher import call, list_steps
from workflow_src.running.signature import read_signature

STEPS = list_steps()

PROGRAM = """
import sys
from workflow_src.common.errors import InputError
from workflow_src.running.launcher import end_well
def work():
    raise {error}
sys.exit(end_well(work))
"""


# It starts once and imports what takes long. For each line, a step and a file, it forks, and the
# child writes the step's help to the file.
EXPLAINER = """
import os, sys
sys.modules["snakemake"] = None
import matplotlib.pyplot, pandas, scipy.stats, torch, tyro
from tests.workflow.forked_ends import end_with
from workflow_src.running.launcher import main
for line in sys.stdin:
    step, path = line.rstrip("\\n").split(" ", 1)
    child = os.fork()
    if not child:
        written = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(written, 1)
        os.dup2(written, 2)
        end_with(lambda: main([step, "--help"]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def explain(tmp_path_factory):
    """Run a step with ``--help`` in a process of its own; return its exit status and its text."""
    folder = tmp_path_factory.mktemp("explained")
    command = [sys.executable, "-c", EXPLAINER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as explainer:

        def ask(step):
            print(step, folder / step, file=explainer.stdin, flush=True)
            code = int(explainer.stdout.readline())
            return code, (folder / step).read_text()

        yield ask
        explainer.stdin.close()


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
def test_every_step_explains_itself_without_snakemake(step, explain):
    code, said = explain(step)
    assert code == 0, said
    assert said.startswith(f"usage: python -m workflow_src.run {step}")
    for argument in read_signature(step):
        assert f"{argument.option} " in said


def test_an_unknown_step_is_refused():
    with pytest.raises(InputError, match=r"'corpus.nothing' is no step; allowed: .*split_speakers"):
        call("corpus.nothing", [])


@dataclass
class TwoDicts:
    starts: dict[str, str]
    own: dict[str, int]


@pytest.mark.parametrize("words", [["--own", "[1]"], ["--own=[1]"], ["--own", "{"], ["--own={"]])
def test_wrong_json_of_a_type_without_a_key_names_the_option(words):
    with pytest.raises(InputError, match=r"^--own: .* is not allowed"):
        parse_arguments(TwoDicts, "room.step", ["--starts={}", *words])


def test_a_block_of_settings_is_known_by_its_key_of_the_config():
    keys = {argument.name: argument.key for argument in read_signature("trials.generate_trials")}
    assert keys["settings"] == "trials.generation"
    assert keys["seed"] == keys["manifest"] == ""
    # A run is no block.
    assert not any(argument.key for argument in read_signature("inference.run_inference"))


def test_costs_are_those_of_the_process_and_of_its_children():
    code = (
        "import subprocess, sys, time;"
        "from workflow_src.running.launcher import tell_costs;"
        "print(tell_costs());"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(300 << 20)']);"
        "end = time.process_time() + 0.5\nwhile time.process_time() < end: pass\n"
        "print(tell_costs())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = r"took ([\d.]+) s of processor time, (\d+) MiB of memory"
    (s, mib), (more_s, more_mib) = re.findall(line, done.stdout)
    assert float(more_s) >= float(s) + 0.5
    assert int(mib) < 300 <= int(more_mib) < 400


def test_a_step_that_ends_well_tells_its_costs_last(tmp_path):
    manifest, split = tmp_path / "manifest.parquet", tmp_path / "split.csv"
    pd.DataFrame({"speaker": ["a", "b"]}).to_parquet(manifest)
    command = [sys.executable, "-m", "workflow_src.run", "corpus.split_speakers"]
    command += [f"--manifest={manifest}", "--test-speakers=2", f"--split={split}", "--seed=1"]
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, **said, check=True)
    *others, last = done.stdout.splitlines()
    assert others
    assert re.fullmatch(r"took .* s of processor time, .* MiB of memory", last)
    done = subprocess.run(command[:-1], **said, check=False)
    assert done.returncode == 2
    assert "took" not in done.stdout
