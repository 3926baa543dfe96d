"""Communicators: training on several processes."""

from __future__ import annotations

from .communicator import Communicator
from .mpi import MPI

__all__ = ["MPI", "Communicator"]
