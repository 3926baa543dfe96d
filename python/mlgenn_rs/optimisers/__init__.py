"""Optimisers: how gradients change weights."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .adam import Adam
from .optimiser import Optimiser
from .sgd import SGD

default_optimisers = get_module_classes(globals(), Optimiser)
# An abbreviation is one word
default_optimisers["sgd"] = default_optimisers.pop("s_g_d")

__all__ = ["SGD", "Adam", "Optimiser", "default_optimisers"]
