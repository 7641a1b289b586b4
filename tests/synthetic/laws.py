"""The laws that ship with the workflow, and others that differ from them in a number or two."""

from pathlib import Path

from workflow_src.settings.laws import EmbeddingLaw, VoiceLaw, read_law

LAWS = Path(__file__).resolve().parents[2] / "resources/laws"
VOICES, EMBEDDINGS = LAWS / "demo_voices.yaml", LAWS / "smiip-tv.yaml"


def voice_law(**changes):
    """Return the law of the demo's voices with other numbers."""
    return VoiceLaw(**(read_law(VOICES, VoiceLaw).model_dump() | changes))


def embedding_law(**changes):
    """Return the law of simulated embeddings with other numbers."""
    return EmbeddingLaw(**(read_law(EMBEDDINGS, EmbeddingLaw).model_dump() | changes))
