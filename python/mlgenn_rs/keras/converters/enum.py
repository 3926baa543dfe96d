"""How rate-coded networks encode their input."""

from __future__ import annotations

from enum import Enum


class InputType(Enum):
    """How rate-coded networks encode their input."""

    SPIKE = "spike"
    """A spike in every timestep while the input is not zero."""
    POISSON = "poisson"
    """Poisson spikes, at a rate given by the input."""
    IF = "if"
    """Integrate-and-fire neurons that accumulate the input."""
