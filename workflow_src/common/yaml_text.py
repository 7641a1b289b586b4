"""YAML in which no key stands twice: of two, a reader would drop the first."""

from __future__ import annotations

from pathlib import Path

import yaml

from workflow_src.common.errors import InputError
from workflow_src.common.json_text import describe_twice, load_json

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_keys(text: str, source: object) -> None:
    """Check that no key stands twice in one mapping of a YAML text.

    Keys count as equal if they are written alike, with quotes or without.

    Raises
    ------
    yaml.YAMLError
        The text is no YAML.
    InputError
        A key stands twice; the error names `source`, the key and both lines.
    """
    # For each open collection: its keys and their lines, and whether a key is next. A list has
    # neither.
    open_: list[tuple[dict[str, int], bool | None]] = [({}, None)]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
        elif isinstance(event, yaml.NodeEvent):
            keys, is_key = open_[-1]
            if is_key and isinstance(event, yaml.ScalarEvent) and event.start_mark:
                line = event.start_mark.line + 1
                if event.value in keys:
                    raise InputError(describe_twice(source, event.value, keys[event.value], line))
                keys[event.value] = line
            if is_key is not None:
                open_[-1] = (keys, not is_key)
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(({}, True if isinstance(event, yaml.MappingStartEvent) else None))


def check_config_file(path: str | Path) -> None:
    """Check that no key stands twice in a file of settings, YAML or JSON, that can be read.

    Raises
    ------
    InputError
        A key stands twice; the error names the file, the key and both lines.
    """
    # What is no plain file, such as a pipe, can be read only once.
    if not Path(path).is_file():
        return
    text = Path(path).read_text(encoding="utf-8")
    try:
        load_json(text, path)
    except (ValueError, RecursionError):
        check_keys(text, path)


def check_config_words(words: list[str]) -> None:
    """Check that no key stands twice in the words ``key=value`` of a command's ``--config``.

    Raises
    ------
    InputError
        A key stands twice, alone or in a value.
    """
    seen: set[str] = set()
    for word in words:
        key, _, value = word.partition("=")
        if key in seen:
            raise InputError(f"--config: the key {key} stands there twice; once is allowed")
        seen.add(key)
        try:
            check_keys(value, f"--config {key}")
        except yaml.YAMLError:
            continue
