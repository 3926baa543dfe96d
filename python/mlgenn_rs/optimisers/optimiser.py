"""Base class of optimisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..engine import VarAccessMode
from ..utils.checks import check_positive

if TYPE_CHECKING:
    from ..utils.model import CustomUpdateModel


class Optimiser(ABC):
    """Base class of optimisers.

    Parameters
    ----------
    clip_norm
        Largest Euclidean norm of gradients, summed over batch and ranks: if it is larger, all are
        multiplied by the same factor before they are used.  ``None`` for no limit.
    clip_each
        Limit the norm of the gradient of each variable on its own, instead of the norm of all
        gradients that the optimiser uses.
    """

    clip_norm: float | None = None
    clip_each: bool = False

    def __init__(self, *, clip_norm: float | None = None, clip_each: bool = False) -> None:
        if clip_norm is not None:
            clip_norm = check_positive(clip_norm, f"{type(self).__name__}: clip_norm")
        self.clip_norm = clip_norm
        self.clip_each = bool(clip_each)

    def __copy__(self) -> Optimiser:
        """Return a copy that knows what it is a copy of."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__, _original=self.original)
        return copied

    @property
    def original(self) -> Optimiser:
        """The optimiser that this one was copied from, over any number of copies, or itself."""
        original: Optimiser = self.__dict__.get("_original", self)
        return original

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


def finish_model(
    model: CustomUpdateModel, zero_gradient: bool, clamp_var: tuple[float, float] | None
) -> None:
    """Append to an update of ``Variable`` by ``Gradient`` what all optimisers do afterwards."""
    if zero_gradient:
        model.set_var_ref_access_mode("Gradient", VarAccessMode.READ_WRITE)
        model.append_update_code("Gradient = 0.0;")
    if clamp_var is not None:
        model.add_param("VariableMin", "scalar", clamp_var[0])
        model.add_param("VariableMax", "scalar", clamp_var[1])
        model.append_update_code("Variable = fmax(VariableMin, fmin(VariableMax, Variable));")
