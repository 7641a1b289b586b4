import sys
from pathlib import Path

import pytest

from workflow_src.running.surroundings import ROOT, choose_environment

USERS = {
    "MPLBACKEND": "Agg",
    "MATPLOTLIBRC": "rc",
    "JUPYTER_PATH": "theirs",
    "IPYTHONDIR": "theirs",
    "XDG_CONFIG_HOME": "theirs",
    "OMP_NUM_THREADS": "8",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "CUBLAS_WORKSPACE_CONFIG": ":16:8",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2",
    "LD_PRELOAD": "theirs.so",
    "LANG": "tr_TR.UTF-8",
    "LC_NUMERIC": "de_DE.UTF-8",
    "PYTHONWARNINGS": "error",
    "PYTHONSTARTUP": "theirs.py",
    "PYTHONHOME": "theirs",
    "PYTHONOPTIMIZE": "2",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    "PAPERMILL_X": "1",
}
KEPT = {
    "PATH": "/bin",
    "LD_LIBRARY_PATH": "/cuda",
    "TMPDIR": "/scratch",
    "CUDA_VISIBLE_DEVICES": "1",
    "SLURM_JOB_ID": "7",
    "https_proxy": "http://proxy",
    "HTTPS_PROXY": "http://proxy",
    "CONDA_PREFIX": "/env",
}


@pytest.mark.parametrize("name", USERS)
def test_a_setting_of_the_user_reaches_no_step(name, tmp_path):
    assert choose_environment({name: USERS[name]}, tmp_path) == choose_environment({}, tmp_path)


def test_what_a_step_needs_of_the_machine_is_kept(tmp_path):
    chosen = choose_environment(KEPT, tmp_path)
    assert chosen == choose_environment({}, tmp_path) | KEPT


def test_all_folders_of_settings_lie_in_the_run_or_the_clone(tmp_path):
    chosen = choose_environment({"HOME": "/home/user"}, tmp_path)
    folders = [Path(value) for value in chosen.values() if "/" in value]
    assert len(folders) == 8
    assert all(path.is_relative_to(tmp_path) or path.is_relative_to(ROOT) for path in folders)


def test_a_step_has_this_python(tmp_path):
    assert choose_environment({"PYTHONPATH": "theirs"}, tmp_path)["PYTHONPATH"] == str(ROOT)
    assert sys.flags.safe_path in {True, False}
