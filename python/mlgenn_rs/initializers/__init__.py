"""Initialisers: distributions from which weights and other values are drawn."""

from __future__ import annotations

from ..utils.module import get_module_classes
from .initializer import Initializer
from .normal import Normal
from .uniform import Uniform
from .wrapper import Wrapper

default_initializers = get_module_classes(globals(), Initializer)

__all__ = ["Initializer", "Normal", "Uniform", "Wrapper", "default_initializers"]
