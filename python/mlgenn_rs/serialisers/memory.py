"""Trained values kept in memory."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .serialiser import Serialiser


class Memory(Serialiser):
    """Stores arrays in a dictionary, such as to take weights from one compiler to the next.

    ::

        weights = Memory({})
        compiled.save((), weights)     # a trained network, inside of its ``with`` block
        network.load((), weights)      # then compile it for inference

    Parameters
    ----------
    arrays
        Where the arrays are stored, with tuples of the keys as strings.
    """

    def __init__(self, arrays: MutableMapping[tuple[str, ...], npt.NDArray[Any]]) -> None:
        if not isinstance(arrays, MutableMapping):
            raise TypeError(f"Memory: arrays must be a dictionary, got {arrays!r}")
        self.arrays = arrays

    def serialise(self, keys: Sequence[Any], data: npt.NDArray[Any]) -> None:
        """Store a copy of an array, replacing what was there."""
        self.arrays[_as_strings(keys)] = np.array(data)

    def deserialise(self, keys: Sequence[Any]) -> npt.NDArray[Any]:
        """Return a copy of an array.

        Raises
        ------
        KeyError
            If there is none.
        """
        return np.array(self.arrays[_as_strings(keys)])

    def deserialise_all(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all arrays with one more key, by that key."""
        prefix = _as_strings(keys)
        return {
            names[-1]: array.copy() for names, array in self.arrays.items() if names[:-1] == prefix
        }

    def __repr__(self) -> str:
        """Return the keys."""
        return f"Memory(keys={list(self.arrays)})"


def _as_strings(keys: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(key) for key in keys)
