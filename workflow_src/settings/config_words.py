"""Settings in the words ``key=value`` of Snakemake's option ``--config``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml


def read_config_words(words: Iterable[str]) -> list[dict[str, Any]]:
    """Read the blocks of settings among the words, as YAML, in their order.

    Snakemake itself reads a value such as ``{test_speakers: 3}`` too, but each number in it as
    text. Values that are no blocks are left to Snakemake.
    """
    blocks = []
    for word in words:
        key, _, text = word.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(value, dict | list):
            blocks.append({key: value})
    return blocks
