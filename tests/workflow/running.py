"""Running Snakemake on the tiny configuration."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

CLONE = Path(__file__).resolve().parents[2]
TINY = CLONE / "tests/tiny.yaml"


def command_line(folder, configs, *arguments):
    """Return the command that runs snakemake in a folder."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(CLONE / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", *map(str, configs)]
    return [*command, *([] if "--cores" in arguments else ["--cores", "2"]), *arguments]


def run_snakemake(folder, *arguments, overlay=None, check=True):
    """Run snakemake on the tiny configuration in a folder; return what it printed."""
    configs = [TINY]
    if overlay is not None:
        configs.append(folder / "overlay.yaml")
        configs[-1].write_text(overlay if isinstance(overlay, str) else yaml.safe_dump(overlay))
    command = command_line(folder, configs, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if check:
        assert done.returncode == 0, said
    return said if check else (done.returncode, said)


def rules_to_run(folder, overlay=None):
    """Return how many jobs of each rule a dry run would run, without the target rule."""
    said = run_snakemake(folder, "--dry-run", overlay=overlay)
    jobs = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", said, re.M)}
    return {name: n for name, n in jobs.items() if name not in {"all", "total"}}
