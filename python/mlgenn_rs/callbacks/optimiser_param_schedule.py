"""Schedules of optimiser parameters, such as a decaying learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .callback import Callback

if TYPE_CHECKING:
    from ..compilers.compiled_training_network import CompiledTrainingNetwork
    from ..optimisers import Optimiser


class OptimiserParamSchedule(Callback):
    """Sets a parameter of optimisers at the beginning of each epoch.

    Parameters
    ----------
    param_name
        Attribute of the optimisers, such as ``"alpha"``.
    func
        Function of the epoch and the current value that returns the new value.
    optimiser
        The optimiser whose parameter is set, as it was given to the compiler; ``None`` for all
        that the network has.

    Raises
    ------
    RuntimeError
        On use, if the network was not compiled with that optimiser or with none at all, or an
        optimiser has no such parameter.
    """

    def __init__(
        self,
        param_name: str,
        func: Callable[[int, float], float],
        *,
        optimiser: Optimiser | None = None,
    ) -> None:
        if not isinstance(param_name, str):
            raise TypeError(
                "OptimiserParamSchedule: param_name must be the name of an attribute, got "
                f"{param_name!r}"
            )
        if not callable(func):
            raise TypeError(
                "OptimiserParamSchedule: func must be a function of epoch and current value, got "
                f"{func!r}"
            )
        self.param_name = param_name
        self.func = func
        self.optimiser = optimiser

    def set_params(self, compiled_network: CompiledTrainingNetwork, **kwargs: Any) -> None:
        """Find the optimisers."""
        if not hasattr(compiled_network, "optimisers"):
            raise RuntimeError(
                "OptimiserParamSchedule: the network has no optimisers; it was compiled with a "
                "compiler that does not train"
            )
        optimisers = [optimiser for optimiser, _ in compiled_network.optimisers]
        if self.optimiser is not None:
            original = self.optimiser.original
            optimisers = [used for used in optimisers if used.original is original]
            if not optimisers:
                raise RuntimeError(
                    "OptimiserParamSchedule: the network was not compiled with the optimiser "
                    f"{self.optimiser!r}; give the object that the compiler was given"
                )
        for optimiser in optimisers:
            if not hasattr(optimiser, self.param_name):
                raise RuntimeError(
                    f"OptimiserParamSchedule: {optimiser!r} has no parameter {self.param_name!r}; "
                    "choose an optimiser that has one with the argument optimiser"
                )
        self._optimisers = optimisers

    def on_epoch_begin(self, epoch: int) -> None:
        """Set the parameter of the optimisers."""
        for optimiser in self._optimisers:
            current = getattr(optimiser, self.param_name)
            setattr(optimiser, self.param_name, self.func(epoch, current))
