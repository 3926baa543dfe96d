"""Normal distribution."""

from __future__ import annotations

from ..utils.checks import check_number
from ..utils.snippet import ConstantValueDescriptor, InitializerSnippet
from .initializer import Initializer


class Normal(Initializer):
    """Draw from N(``mean``, ``sd``²), not truncated.

    Parameters
    ----------
    mean
        Mean.
    sd
        Standard deviation.

    Raises
    ------
    ValueError
        If ``sd`` is negative, or something is not finite.
    """

    mean = ConstantValueDescriptor()
    sd = ConstantValueDescriptor()

    def __init__(self, mean: float = 0.0, sd: float = 1.0) -> None:
        self.mean = mean
        self.sd = sd
        check_number(mean, "Normal: mean")
        check_number(sd, "Normal: sd")
        if sd < 0.0:
            raise ValueError(f"Normal: sd must not be negative, got {sd}")

    def get_snippet(self) -> InitializerSnippet:
        """Return the engine snippet."""
        return InitializerSnippet("Normal", {"mean": self.mean, "sd": self.sd})

    def __repr__(self) -> str:
        """Return the parameters as text."""
        return f"(Normal) Mean: {self.mean}, Standard Deviation: {self.sd}"
