"""The messages that docs/troubleshooting.md quotes are those that the workflow says."""

import ast
import re

from tests.workflow.running import CLONE

PAGE = (CLONE / "docs/troubleshooting.md").read_text(encoding="utf-8")
# What other programs say, as seen on Debian 12 with Snakemake 9.27.
OTHERS = {
    "snakemake: command not found",
    "No module named 'workflow_src'",
    "No module named snakemake",
    "The virtual environment was not created successfully because ensurepip is not available",
    "make: *** No rule to make target",
    "FileNotFoundError: [Errno 2] No such file or directory: 'embeddings'",
    "FileNotFoundError: [Errno 2] No such file or directory: 'mine.yaml'",
    "ValueError: dictionary update sequence element #1 has length 1; 2 is required",
    "cores have to be specified for local execution",
    "Config file is not valid JSON or YAML",
    "Nothing to be done",
    "No space left on device",
}


def said_by_us():
    """Return all text in the code: constants, with what is filled in as …, and other text."""
    paths = [*(CLONE / "workflow_src").rglob("*.py")]
    texts = [(CLONE / "Makefile").read_text()]
    texts += [path.read_text() for path in (CLONE / "rules").glob("*.smk")]
    for path in paths:
        # A text over several lines is one for Python.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (n.value if isinstance(n, ast.Constant) else "…" for n in node.values)
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return " ".join("\n".join(texts).split())


def quoted():
    """List the messages of the page's tables: first cells, as far as they stand in backticks."""
    cells = re.findall(r"^\| (`.*?) \|", PAGE.split("## No error")[0], re.M)
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


def test_every_quoted_message_is_said_by_the_workflow_or_known_of_others():
    said = said_by_us()
    messages = [message for message in quoted() if message not in OTHERS]
    assert len(messages) > 60
    for message in messages:
        parts = [part.strip(" :") for part in message.split("…")]
        assert all(part in said for part in parts), message
