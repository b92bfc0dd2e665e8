"""Seeded chance that depends on keys alone, never on row order, dict order or the number of workers."""

from __future__ import annotations

import hashlib
from random import Random

import numpy as np
from numpy.typing import ArrayLike, NDArray


def generator(seed: int, *words: object) -> Random:
    """A random generator of its own for one purpose and key, e.g. (7, "customer", 1228)."""
    return Random(":".join(str(word) for word in (seed, *words)))


def uniform(seed: int, purpose: str, keys: ArrayLike) -> NDArray[np.float64]:
    """One number in [0, 1) for each whole-number key: the same key always draws the same number."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    mixed = np.asarray(keys).astype(np.uint64) + np.uint64(int.from_bytes(digest[:8], "little"))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(2**53)
