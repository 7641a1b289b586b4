"""Running Snakemake on the tiny configuration."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

CLONE = Path(__file__).resolve().parents[2]
TINY = CLONE / "tests/tiny.yaml"


def run_snakemake(folder, *arguments, overlay=None, check=True):
    """Run snakemake on the tiny configuration in a folder; return what it printed."""
    configs = [str(TINY)]
    if overlay is not None:
        path = folder / "overlay.yaml"
        path.write_text(overlay if isinstance(overlay, str) else yaml.safe_dump(overlay))
        configs.append(str(path))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(CLONE / "Snakefile")]
    command += ["--directory", str(folder), "--cores", "2", "--configfile", *configs]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if check:
        assert done.returncode == 0, said
    return said if check else (done.returncode, said)


def rules_to_run(folder, overlay=None):
    """Return how many jobs of each rule a dry run would run, without the target rule."""
    said = run_snakemake(folder, "--dry-run", overlay=overlay)
    jobs = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", said, re.M)}
    return {name: n for name, n in jobs.items() if name not in {"all", "total"}}
