"""Large arrays that are mostly zero, such as tapes of spikes: stored as those parts that are not.

Reading them takes no memory for pages that were never written to, and neither does restoring them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PART = 4096
"""Bytes of a part."""

_WORD = np.dtype(np.uint64)


@dataclass(frozen=True)
class OccupiedParts:
    """The parts of an array that are not zero."""

    numbers: npt.NDArray[np.int64]
    """Their positions, counted in parts."""
    contents: npt.NDArray[np.uint8]
    """What is in them: a row of bytes for each."""
    rest: npt.NDArray[np.uint8]
    """The bytes that follow the last whole part."""

    @classmethod
    def find(cls, array: npt.NDArray[Any]) -> OccupiedParts | None:
        """Return the parts of a contiguous array, or ``None`` if it is small or mostly not zero."""
        if array.nbytes < 2 * PART or not array.flags.c_contiguous:
            return None
        parts, rest = _split(array)
        numbers = np.flatnonzero(parts.view(_WORD).any(axis=1))
        if 2 * len(numbers) > len(parts):
            return None
        return cls(numbers.astype(np.int64), parts[numbers], rest.copy())

    def restore(self, array: npt.NDArray[Any]) -> None:
        """Give an array the values that these are the parts of."""
        parts, rest = _split(array)
        stale = np.flatnonzero(parts.view(_WORD).any(axis=1))
        parts[stale] = 0
        parts[self.numbers] = self.contents
        rest[:] = self.rest


def _split(array: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return live views: a row of bytes for each part, and the bytes that follow."""
    octets = array.reshape(-1).view(np.uint8)
    whole = len(octets) // PART * PART
    return octets[:whole].reshape(-1, PART), octets[whole:]
