"""The page ``docs/reruns.md``, from what the tests check.

``python -m tests.workflow.reruns_page --write`` writes it; ``make check`` fails when it is out of
date.
"""

import argparse
import re
from collections import defaultdict

from tests.workflow.reached import PACKAGE, all_modules, reached_by_rules
from tests.workflow.reruns import EFFECTS, WORLDS, World, leaves
from tests.workflow.running import CLONE, rule_texts

PAGE = CLONE / "docs/reruns.md"
# The prose, with places for the tables.
TEMPLATE = CLONE / "tests/workflow/reruns_page.md"


def render_page() -> str:
    """Write the page."""
    return (
        TEMPLATE.read_text()
        .replace(
            "{settings}", "".join(render_world(world) for world in WORLDS.values() if world.effects)
        )
        .replace("{names}", render_names())
        .replace("{modules}", render_modules())
    )


def render_world(world: World) -> str:
    """Write a table of what settings rerun in one kind of run."""
    known = set(leaves())
    rows = [
        f"| `{key}{'' if key in known else '.*'}` | {effect} |"
        for key, effect in world.effects.items()
    ]
    return "\n".join(
        ["", f"**{world.about}:**", "", "| setting | reruns |", "|---|---|", *rows, ""]
    )


def render_names() -> str:
    """Write which rules each name of an effect comprises."""
    return "".join(
        f"| {name} | {list_rules(rules)} |\n" for name, rules in EFFECTS.items() if rules
    )


def list_rules(rules) -> str:
    """Write rules in the order of the graph."""
    return ", ".join(f"`{rule}`" for rule in rule_order() if rule in rules)


def rule_order() -> list[str]:
    """List all rules that run something, in the order in which the Snakefile includes them."""
    files = re.findall(r'^include: "(rules/\w+\.smk)"', (CLONE / "Snakefile").read_text(), re.M)
    texts = "".join((CLONE / file).read_text() for file in files)
    named = dict.fromkeys(re.findall(r"^ *rule (\w+):", texts, re.M))
    bodies = rule_texts()
    return [rule for rule in named if "shell:" in bodies[rule]]


def render_modules() -> str:
    """Write which rules reach which modules: first those that most rules reach."""
    reached = reached_by_rules()
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for module in all_modules():
        rules = frozenset(rule for rule, modules in reached.items() if module in modules)
        if rules and module != PACKAGE:
            groups[rules].append(f"`{module.removeprefix(PACKAGE + '.')}`")
    rows = []
    for rules, modules in sorted(groups.items(), key=lambda group: (-len(group[0]), group[1])):
        missing = set(reached) - rules
        said = list_rules(rules)
        if len(missing) < len(rules) / 3:
            said = f"all but {list_rules(missing)}" if missing else "all"
        rows.append(f"| {said} | {', '.join(modules)} |\n")
    return "".join(rows)


def main() -> None:
    """Write the page, or check that it is up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write it")
    if parser.parse_args().write:
        PAGE.write_text(render_page())
    elif not PAGE.exists() or PAGE.read_text() != render_page():
        raise SystemExit(f"{PAGE.name} is out of date: run python -m {__spec__.name} --write")


if __name__ == "__main__":
    main()
