"""The augmentation setting, which pretraining and finetuning share."""

from __future__ import annotations

from typing import Literal

Augmentation = Literal["none", "reflections"]
AUGMENTATION = (
    "reflections: each sample or environment sees the embeddings after random reflections along "
    "the principal axes of the training embeddings. Reflections keep all cosines, and they turn "
    "few speakers into many. none: the embeddings are used as they are (published)"
)
