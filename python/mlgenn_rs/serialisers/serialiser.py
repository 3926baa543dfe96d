"""Base class of serialisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt


class Serialiser(ABC):
    """Store of arrays by keys: sequences of objects, of which ``str`` is taken."""

    @abstractmethod
    def serialise(self, keys: Sequence[Any], data: npt.NDArray[Any]) -> None:
        """Store an array, replacing what was there."""

    @abstractmethod
    def deserialise(self, keys: Sequence[Any]) -> npt.NDArray[Any]:
        """Return the array stored under some keys."""

    @abstractmethod
    def deserialise_all(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays with one more key, by that key."""
