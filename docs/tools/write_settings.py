"""Write ``docs/settings.md``, every setting, from the JSON schema of the settings.

    python docs/tools/write_settings.py [--write]

Without ``--write`` it fails if the page is out of date. The schema itself is written by
``python -m workflow_src.settings.schema --write``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
SCHEMA = DOCS.parent / "resources/config.schema.json"
PAGE = DOCS / "settings.md"
HEAD = """\
# Every setting

<!-- Written by python docs/tools/write_settings.py --write -->

Write only what you change to a file of your own, such as `mine.yaml`, and name the file:
`snakemake --cores 8 --configfile mine.yaml`. A run checks the whole file before anything runs. An
unknown key, a wrong type or a value out of its range stops it with one line that names the key.
[config.yaml](../config.yaml) holds the same settings with their defaults, as a file to copy from.
[What runs again](reruns.md) says which steps a changed setting reruns.

In a file, the parts of a name are nested: `corpus.test_speakers` is the key `test_speakers` in the
block `corpus`. Relative paths are relative to the folder in which you run `snakemake`. Paths that
begin with `resources/` are in the folder of this project.
"""


def render_page(schema: dict[str, Any]) -> str:
    """Write the page."""
    kinds = schema["$defs"]
    single = {name: value for name, value in schema["properties"].items() if "$ref" not in value}
    sections = [HEAD, *render_table(single, kinds)]
    for name, value in schema["properties"].items():
        if "$ref" in value:
            sections += render_block(name, value, kinds, 2)
    return "\n".join(sections)


def render_block(name: str, value: dict, kinds: dict, depth: int) -> list[str]:
    """Write a block: heading, description, its keys as a table, then the blocks in it."""
    kind = resolve(value, kinds)
    about = value.get("description") or kind.get("description", "")
    about = " ".join(about.split())
    lines = [f"{'#' * depth} `{name}`", "", about[:1].upper() + about[1:].rstrip(".") + ".", ""]
    keys, blocks = {}, {}
    for key, content in kind["properties"].items():
        within = resolve(content, kinds)
        if "properties" in within:
            blocks[f"{name}.{key}"] = content
            continue
        keys[f"{name}.{key}"] = content
        for place, row in find_rows(within):
            if "properties" in resolve(row, kinds):
                blocks[f"{name}.{key}{place}"] = row
    lines += render_table(keys, kinds)
    for key, content in blocks.items():
        lines += render_block(key, content, kinds, min(depth + 1, 4))
    return lines


def find_rows(value: dict) -> list[tuple[str, dict]]:
    """Return what a list or mapping holds, each with its place in the name."""
    rows = [(".<name>", row) for row in value.get("patternProperties", {}).values()]
    return [*rows, *([("[]", value["items"])] if "items" in value else [])]


def render_table(keys: dict[str, dict], kinds: dict) -> list[str]:
    """Write the keys of a block as a table."""
    if not keys:
        return []
    lines = ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    for key, value in keys.items():
        lines.append(
            f"| `{key}` | {render_default(value)} | {describe(value, kinds)} | "
            f"{escape(value.get('description', ''))} |"
        )
    return [*lines, ""]


def resolve(value: dict, kinds: dict) -> dict:
    """Follow the reference of a value, if it is one."""
    return kinds[value["$ref"].rpartition("/")[2]] if "$ref" in value else value


def render_default(value: dict) -> str:
    """Write a default as in a config."""
    text = json.dumps(value["default"], ensure_ascii=False) if "default" in value else ""
    # Spaces where the table may break a long list.
    return f"`{escape(text)}`" if text else "-"


def describe(value: dict, kinds: dict) -> str:
    """Say in words what a setting may be."""
    value = resolve(value, kinds)
    if "anyOf" in value:
        return "; or ".join(describe(each, kinds) for each in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    kind = value.get("type")
    if kind in {"integer", "number"}:
        return ("whole number" if kind == "integer" else "number") + describe_range(value)
    if kind == "array":
        return describe_list(value, kinds)
    if kind == "object":
        return "rows by name" if "patternProperties" in value else "row"
    return {"boolean": "`true`, `false`", "null": "`null`"}.get(kind, "text")


def describe_range(value: dict) -> str:
    """Say the range of a number."""
    low, high = value.get("minimum"), value.get("maximum")
    over, under = value.get("exclusiveMinimum"), value.get("exclusiveMaximum")
    parts = [
        f"at least {low:,}" if low is not None else "",
        f"above {over:,}" if over is not None else "",
        f"at most {high:,}" if high is not None else "",
        f"below {under:,}" if under is not None else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f", {said}" if said else ""


def describe_list(value: dict, kinds: dict) -> str:
    """Say what a list may hold."""
    few, many = value.get("minItems"), value.get("maxItems")
    items = value.get("items", {})
    kind, _, limits = describe(items, kinds).partition(", ")
    if "enum" in items or "anyOf" in items:
        kind, limits = "names", ""
    kind += "s" if kind.endswith(("number", "text", "row")) else ""
    size = f"list of {few} " if few is not None and few == many else "list of "
    size = f"list of {few} or more " if few and few != many else size
    return size + kind + (f", each {limits}" if limits else "")


def escape(text: str) -> str:
    """Write text so that a table's cell can hold it."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Write the page, or check that it is up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write it")
    page = render_page(json.loads(SCHEMA.read_text(encoding="utf-8")))
    if parser.parse_args().write:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        raise SystemExit(
            f"{PAGE.name} is out of date: run python docs/tools/{Path(__file__).name} --write"
        )


if __name__ == "__main__":
    main()
