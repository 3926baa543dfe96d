"""Uniform distribution."""

from __future__ import annotations

from ..utils.checks import check_number
from ..utils.snippet import ConstantValueDescriptor, InitializerSnippet
from .initializer import Initializer


class Uniform(Initializer):
    """Draw uniformly between ``min`` and ``max``.

    Parameters
    ----------
    min
        Lower bound.
    max
        Upper bound.

    Raises
    ------
    ValueError
        If ``min`` is larger than ``max``, or something is not finite.
    """

    min = ConstantValueDescriptor()
    max = ConstantValueDescriptor()

    def __init__(self, min: float = 0.0, max: float = 1.0) -> None:
        self.min = min
        self.max = max
        check_number(min, "Uniform: min")
        check_number(max, "Uniform: max")
        if min > max:
            raise ValueError(f"Uniform: min must not be larger than max, got {min} and {max}")

    def get_snippet(self) -> InitializerSnippet:
        """Return the engine snippet."""
        return InitializerSnippet("Uniform", {"min": self.min, "max": self.max})

    def __repr__(self) -> str:
        """Return the parameters as text."""
        return f"(Uniform) Min: {self.min}, Max: {self.max}"
