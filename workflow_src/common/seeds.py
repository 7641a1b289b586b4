"""Named random streams: every draw of the workflow comes from the config's seed and a name.

Streams with different names are independent. A stream depends only on the seed and its name, so
neither the order of work nor the number of workers changes a draw.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_sequence(seed: int, *names: str | int) -> np.random.SeedSequence:
    """Return the child of `seed` for `names`, e.g. ``("synthesis", "0007")``."""
    key = []
    for name in names:
        digest = hashlib.sha256(f"{type(name).__name__}:{name}".encode()).digest()
        key.append(int.from_bytes(digest[:8], "big"))
    return np.random.SeedSequence(seed, spawn_key=tuple(key))


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return numpy's default generator (PCG64) of the named stream."""
    return np.random.default_rng(seed_sequence(seed, *names))


def torch_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed of the named stream for `torch.Generator.manual_seed`."""
    return int(seed_sequence(seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))
