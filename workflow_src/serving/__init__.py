"""What a service embeds: templates that are updated one test at a time, by an exported method.

It needs numpy and onnxruntime alone, and ``pip install`` of this project brings no more.
"""

from workflow_src.common.errors import InputError
from workflow_src.serving.template import Template
from workflow_src.serving.template_updater import Outcome, TemplateUpdater

__all__ = ["InputError", "Outcome", "Template", "TemplateUpdater"]
