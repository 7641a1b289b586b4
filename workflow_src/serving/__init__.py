"""Templates that an exported method updates one test at a time, inside a service.

This room needs only numpy and onnxruntime. ``pip install`` of this project brings no more.
"""

from workflow_src.common.errors import InputError
from workflow_src.serving.template import Template
from workflow_src.serving.template_updater import Outcome, TemplateUpdater

__all__ = ["InputError", "Outcome", "Template", "TemplateUpdater"]
