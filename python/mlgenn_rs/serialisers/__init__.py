"""Serialisers: where checkpoints are stored."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .memory import Memory
from .numpy import Numpy
from .serialiser import Serialiser

default_serialisers = get_module_classes(globals(), Serialiser)

__all__ = ["Memory", "Numpy", "Serialiser", "default_serialisers"]
