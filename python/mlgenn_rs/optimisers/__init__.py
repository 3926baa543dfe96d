"""Optimisers: how gradients change weights."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .adam import Adam
from .optimiser import Optimiser

default_optimisers = get_module_classes(globals(), Optimiser)

__all__ = ["Adam", "Optimiser", "default_optimisers"]
