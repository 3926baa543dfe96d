"""What this machine can do at best: bandwidth of its caches and memory, floating point operations.

They are measured with numpy on one core, in the same process as the workload that is compared with
them, so that a slow moment of a shared machine slows down both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from time import perf_counter

import numpy as np

SIZES = (2**19, 2**24, 2**27)
"""Bytes of the arrays: in the cache of a core, in the shared cache, in memory."""


@dataclass(frozen=True)
class Ceilings:
    """Rates that a core reaches."""

    read: dict[int, float]
    """Bytes read in a second, by the size of the array."""
    update: dict[int, float]
    """Bytes read and written in a second when an array is changed in place, by its size."""
    flops: float
    """Floating point operations in a second, in a product of matrices."""
    timestep: float = 0.0
    """Seconds of a timestep in which there is nothing to do, where that counts."""

    def read_seconds(self, num_bytes: float, array_bytes: float) -> float:
        """Return how long it takes to read from an array of a size."""
        return num_bytes / self.read[_level(array_bytes)]

    def update_seconds(self, num_bytes: float, array_bytes: float) -> float:
        """Return how long it takes to change an array of a size; each byte counts twice."""
        return num_bytes / self.update[_level(array_bytes)]


@cache
def measure_ceilings() -> Ceilings:
    """Measure the rates, once in a process; takes about a second."""
    read, update = {}, {}
    for size in SIZES:
        array = np.ones(size // 4, dtype=np.float32)
        read[size] = size / _fastest(lambda array=array: np.dot(array, array))
        update[size] = 2 * size / _fastest(lambda array=array: np.multiply(array, 1.0, out=array))
    n = 768
    left, right = np.ones((2, n, n), dtype=np.float32)
    flops = 2.0 * n**3 / _fastest(lambda: left @ right)
    return Ceilings(read, update, flops)


def _level(array_bytes: float) -> int:
    return next((size for size in SIZES[:-1] if array_bytes <= 2 * size), SIZES[-1])


def _fastest(function: object, seconds: float = 0.15) -> float:
    assert callable(function)
    best, end = np.inf, perf_counter() + seconds
    while perf_counter() < end:
        start = perf_counter()
        function()
        best = min(best, perf_counter() - start)
    return float(best)
