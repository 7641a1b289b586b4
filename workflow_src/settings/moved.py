"""Old keys of the config, and their new places."""

from __future__ import annotations

from typing import Any

from workflow_src.settings.laws import EmbeddingLaw, VoiceLaw

# Dotted old key -> its new place, in words.
MOVED = {
    "inference.fixed_weight": "methods.fixed-weight",
    "inference.adaptive_weight": "methods.adaptive-weight",
    "inference.multi_head": "methods.multi-head",
    "tuning.through-time": "methods.through-time",
    "comparison.resamples": "evaluation.intervals.resamples",
    "comparison.confidence": "evaluation.intervals.confidence",
    **{
        f"corpus.synthetic.{name}": "the file that corpus.synthetic.law names"
        for name in VoiceLaw.model_fields
    },
    **{
        f"corpus.simulated.law.{name}": "the file that corpus.simulated.law names"
        for name in EmbeddingLaw.model_fields
    },
}


def find_moved(content: Any) -> list[str]:
    """Return a line with the new place of each old key that a configuration holds."""
    return [
        f"{old}: this key was moved to {new}" for old, new in MOVED.items() if _holds(content, old)
    ]


def _holds(content: Any, key: str) -> bool:
    for name in key.split("."):
        if not isinstance(content, dict) or name not in content:
            return False
        content = content[name]
    return True
