"""What docs/your_update_rule.md tells its reader to write and to type."""

import re

import yaml

from tests.workflow.running import CLONE

PAGE = (CLONE / "docs/your_update_rule.md").read_text()


def blocks(language):
    """List the blocks of code of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def write_package(folder):
    """Write the package of the page into a folder."""
    (code,) = blocks("python")
    (folder / "my_lab").mkdir()
    (folder / "my_lab/rules.py").write_text(code)


def overlay():
    """Return the settings of the page."""
    (settings,) = blocks("yaml")
    return yaml.safe_load(settings)
