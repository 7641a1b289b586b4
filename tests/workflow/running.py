"""Running Snakemake on the tiny configuration."""

import re
import sys
from pathlib import Path

from workflow_src.analysis.figure_list import TRAITS as FIGURE_TRAITS
from workflow_src.analysis.figure_list import list_figures

CLONE = Path(__file__).resolve().parents[2]
TINY = CLONE / "tests/tiny.yaml"
# Every rule of the tiny configuration, and no more methods than that takes.
FEW = {
    "inference": {"methods": ["baseline", "fixed-weight-tuned", "adaptive-weight", "multi-head"]}
}


# Rules that run nothing themselves.
TARGETS = {
    "all",
    "corpus",
    "embeddings",
    "trials",
    "policies",
    "inference",
    "controls",
    "attacks",
    "analysis",
    "export_policy",
    "benchmark_methods",
    "figures",
    *(f"figure_{figure.name}" for figure in list_figures(FIGURE_TRAITS)),
}


def arguments(folder, configs, *more, project=CLONE):
    """Return the arguments that run snakemake in a folder."""
    given = ["--snakefile", str(project / "Snakefile"), "--directory", str(folder)]
    given += ["--configfile", *map(str, configs)]
    return [*given, *([] if "--cores" in more else ["--cores", "2"]), *more]


def command_line(folder, configs, *more):
    """Return the command that runs snakemake in a folder."""
    return [sys.executable, "-m", "snakemake", *arguments(folder, configs, *more)]


def count_jobs(said):
    """Read how many jobs of each rule a dry run would run, without rules that run nothing."""
    jobs = re.findall(r"^(\w+) +(\d+)$", said, re.M)
    return {name: int(n) for name, n in jobs if name not in {"total", *TARGETS}}


def rule_texts():
    """Return what stands in rules/ under each rule's name."""
    return {
        name: body
        for path in sorted((CLONE / "rules").glob("*.smk"))
        for name, body in re.findall(
            r"^ *rule (\w+):\n(.*?)(?=^ *rule |\Z)", path.read_text(), re.M | re.S
        )
    }
