"""Which vectors have a direction: one rule for all embeddings and templates."""

from __future__ import annotations

import numpy as np

LEAST_LENGTH = 1e-12
"""Below this length, float32 begins to lose digits of squares, which decide about a cosine."""
MOST_LENGTH = float(np.sqrt(np.finfo(np.float32).max))
"""Beyond this length, the square is infinite in float32."""
NO_DIRECTION = f"is zero, not finite, or of a length outside {LEAST_LENGTH:g}..{MOST_LENGTH:.2g}"
"""What is wrong with a vector without a direction, after its name."""


def have_directions(vectors: np.ndarray) -> np.ndarray:
    """Return for each float32 vector [..., D] whether it has a direction, bool [...]."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = np.vecdot(vectors, vectors)
    return (squares >= np.float32(LEAST_LENGTH**2)) & np.isfinite(squares)
