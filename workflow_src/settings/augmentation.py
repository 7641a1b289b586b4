"""What the training of policies does to embeddings: the one setting of both its blocks."""

from __future__ import annotations

from typing import Literal

Augmentation = Literal["none", "reflections"]
AUGMENTATION = (
    "reflections: each sample or environment sees the embeddings under random reflections along "
    "the principal axes of the training embeddings. They change no cosine, and make many speakers "
    "of few. none: the embeddings as they are (published)"
)
