"""The class that docs/extractors.md builds, and its weights."""

import re

import torch
import yaml

from tests.workflow.running import CLONE

PAGE = (CLONE / "docs/extractors.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"^## A class of your own\n(.*?)^## ", PAGE, re.M | re.S)
(CODE,) = re.findall(r"^```python\n(.*?)^```", SECTION, re.M | re.S)
(SETTINGS,) = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", SECTION, re.M | re.S))
ENTRY = SETTINGS["extractor"]["front_end"]


def write_model(folder):
    """Write the package of the page and weights for its class into a folder; return the weights."""
    (folder / "my_lab").mkdir()
    (folder / "my_lab/models.py").write_text(CODE)
    torch.manual_seed(0)
    parts = {"frames": torch.nn.Conv1d(1, 64, 400, stride=160), "embed": torch.nn.Linear(128, 192)}
    weights = torch.nn.ModuleDict(parts).state_dict()
    path = folder / SETTINGS["extractor"]["model"]
    torch.save(weights, path)
    return weights
