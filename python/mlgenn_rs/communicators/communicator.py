"""Base class of communicators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Communicator(ABC):
    """Connection between the processes, or ranks, that train a network together."""

    @abstractmethod
    def barrier(self) -> None:
        """Wait until all ranks get here."""

    @abstractmethod
    def broadcast(self, data: Any, root: int) -> None:
        """Copy an array from one rank into that of all others, in place."""

    @abstractmethod
    def reduce_sum(self, value: Any) -> Any:
        """Return the sum over all ranks, on every rank."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """Index of this rank."""

    @property
    @abstractmethod
    def num_ranks(self) -> int:
        """Number of ranks."""
