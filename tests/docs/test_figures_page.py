"""docs/figures.md explains each figure that the analysis draws, and no other."""

import re

from tests.workflow.running import CLONE
from workflow_src.analysis.figure_list import TRAITS, list_figures


def test_each_figure_has_a_section():
    page = (CLONE / "docs/figures.md").read_text(encoding="utf-8")
    named = re.findall(r"^## .+: `(\w+)`$", page, re.M)
    assert sorted(named) == sorted(figure.name for figure in list_figures(TRAITS))
