"""Base class of optimisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..utils.model import CustomUpdateModel


class Optimiser(ABC):
    """Base class of optimisers."""

    @abstractmethod
    def set_step(self, genn_cu: Any, step: int) -> None:
        """Prepare a custom update for the next step.

        Parameters
        ----------
        genn_cu
            Custom update of the engine.
        step
            Index of the step, from 0.
        """

    @abstractmethod
    def get_model(
        self,
        gradient_ref: Any,
        var_ref: Any,
        zero_gradient: bool,
        clamp_var: tuple[float, float] | None = None,
    ) -> CustomUpdateModel:
        """Return the custom update that applies a gradient to a variable.

        Parameters
        ----------
        gradient_ref, var_ref
            References to gradient and variable.
        zero_gradient
            Whether to set the gradient to 0 afterwards.
        clamp_var
            Smallest and largest value of the variable.
        """
