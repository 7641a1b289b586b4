"""Writing a configuration as YAML with a comment on every key."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from workflow_src.settings.base import Block

HEAD = """\
# yaml-language-server: $schema=resources/config.schema.json
# Every setting of the workflow with its default. Write only your changes to your own file:
#     snakemake --cores 8 --configfile mine.yaml
# Relative paths are relative to the working directory; resources/... is in the Snakefile's folder.
"""


def render_config(config: Block, head: str = HEAD, only: dict[str, Any] | None = None) -> str:
    """Return a configuration as YAML with a comment on every key.

    The text begins with `head`. `only` holds the keys to write, nested as in the configuration;
    None writes all.
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
        if isinstance(value, dict) and only is not None:
            value = {entry: value[entry] for entry in only[key]}
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
    # YAML reads 2e-05 as text.
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text
