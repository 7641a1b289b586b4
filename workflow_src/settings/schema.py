"""All settings in one model, from which ``config.yaml`` and its JSON schema are written.

``python -m workflow_src.settings.schema --write`` writes both anew; ``make check`` fails when
they are out of date.
"""

import argparse
import json
import re
import textwrap
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.settings.analysis import Analysis
from workflow_src.settings.base import Block, Seed
from workflow_src.settings.comparison import Comparison
from workflow_src.settings.corpus import Corpus
from workflow_src.settings.embeddings import Extractor
from workflow_src.settings.finetuning import Finetuning
from workflow_src.settings.inference import Inference
from workflow_src.settings.methods import Methods
from workflow_src.settings.moved import find_moved
from workflow_src.settings.pretraining import Pretraining
from workflow_src.settings.trials import Trials
from workflow_src.settings.tuning import Tuning


class Compute(Block):
    """Where training and extraction compute. On the CPU nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="auto: a GPU where the job finds one, else the CPU; cpu: the CPU; cuda: a GPU, "
        "or an error without one",
    )
    deterministic: bool = Field(
        True, description="whether a GPU uses only algorithms that give the same bytes in every run"
    )


class Config(Block):
    """All settings."""

    seed: Seed = Field(1, description="seed of every random draw of the workflow")
    compute: Compute = Field(default_factory=Compute)
    corpus: Corpus = Field(default_factory=Corpus)
    extractor: Extractor = Field(default_factory=Extractor)
    trials: Trials = Field(default_factory=Trials)
    pretraining: Pretraining = Field(default_factory=Pretraining)
    finetuning: Finetuning = Field(default_factory=Finetuning)
    tuning: Tuning = Field(default_factory=Tuning)
    inference: Inference = Field(default_factory=Inference)
    methods: Methods = Field(default_factory=Methods)
    analysis: Analysis = Field(default_factory=Analysis)
    comparison: Comparison = Field(default_factory=Comparison)

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if self.corpus.source == "directory" and self.corpus.directory.root is None:
            raise ValueError("corpus.directory.root must name a folder when source is directory")
        if self.corpus.source == "imported" and not self.corpus.imported.embeddings:
            raise ValueError(
                "corpus.imported.embeddings must name at least one file when source is imported"
            )
        if self.analysis.scenario not in [None, *self.trials.scenarios]:
            raise ValueError(
                f"analysis.scenario is {self.analysis.scenario!r}, which "
                f"trials.scenarios lacks; it has: {', '.join(self.trials.scenarios)}"
            )
        return self

    @property
    def shown_scenario(self) -> str:
        """The scenario of figures and thresholds that are of one: a set one, or the first."""
        return self.analysis.scenario or self.trials.scenarios[0]


def validate_config(content: dict[str, Any], source: str = "config") -> Config:
    """Check a whole configuration.

    Parameters
    ----------
    content
        The merged YAML.
    source
        The file to name in errors.

    Raises
    ------
    InputError
        One line for each fault: key, value, and what is allowed; of a key that was moved, where
        it went.
    """
    if moved := find_moved(content):
        raise InputError("\n".join(f"{source}: {line}" for line in moved))
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, source)) from error


HEAD = """\
# yaml-language-server: $schema=resources/config.schema.json
# Every setting of the workflow, with its default. Give only what differs in a file of
# your own:
#     snakemake --cores 8 --configfile mine.yaml
# Relative paths are relative to the working directory; resources/... lies beside the Snakefile.
"""


def render_config(config: Config, head: str = HEAD, only: dict[str, Any] | None = None) -> str:
    """Write a configuration as YAML with a comment on every key.

    Parameters
    ----------
    config
        The settings.
    head
        Comment lines to begin with.
    only
        The keys to write, nested as in the configuration; None for all.
    """
    return head + "".join(_render_block(config, 0, only))


def _render_block(block: Block, depth: int, only: dict[str, Any] | None) -> list[str]:
    lines = []
    indent = "  " * depth
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        key = field.alias or name
        if only is not None and key not in only:
            continue
        nested = isinstance(value, Block)
        comment = field.description or (value.__doc__ or "" if nested else "")
        if depth == 0:
            lines.append("\n")
        width = 98 - len(indent)
        for line in textwrap.wrap(" ".join(comment.split()), width, break_on_hyphens=False):
            lines.append(f"{indent}# {line}\n")
        if nested:
            within = None if only is None else only[key]
            lines += [f"{indent}{key}:\n", *_render_block(value, depth + 1, within)]
        else:
            lines.append(f"{indent}{key}: {_render_value(value)}\n")
    return lines


def _render_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_render_value(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_render_value(key)}: {_render_value(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Block):
        return _render_value(value.model_dump())
    text = json.dumps(value, ensure_ascii=False)
    # YAML takes 2e-05 for text.
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text


def main(argv: list[str] | None = None) -> None:
    """Write ``config.yaml`` and its JSON schema, or check that they are up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write the two files")
    args = parser.parse_args(argv)
    root = Path(__file__).resolve().parents[2]
    contents = {
        root / "config.yaml": render_config(Config()),
        root / "resources/config.schema.json": json.dumps(Config.model_json_schema(), indent=2)
        + "\n",
    }
    for path, content in contents.items():
        if args.write:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            raise SystemExit(f"{path.name} is out of date: run python -m {__spec__.name} --write")


if __name__ == "__main__":
    main()
