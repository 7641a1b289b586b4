"""Embeddings, trials and an update rule to a score for every trial; EER, minDCF, DET.

What a service embeds, `TemplateUpdater` with `Template` and `Outcome`, is imported when it is
asked for: it needs onnxruntime, the steps of this room mostly torch, and neither the other.
"""

from importlib import import_module
from typing import Any

__all__ = ["Outcome", "Template", "TemplateUpdater"]


def __getattr__(name: str) -> Any:
    """Find the classes of `workflow_src.serving.template_updater`."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.template_updater"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
