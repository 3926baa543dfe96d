"""Schedules of optimiser parameters, such as a decaying learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .callback import Callback

if TYPE_CHECKING:
    from ..compilers.compiled_training_network import CompiledTrainingNetwork


class OptimiserParamSchedule(Callback):
    """Sets a parameter of every optimiser at the beginning of each epoch.

    Parameters
    ----------
    param_name
        Attribute of the optimisers, such as ``"alpha"``.
    func
        Function of the epoch and the current value that returns the new value.
    """

    def __init__(self, param_name: str, func: Callable[[int, float], float]) -> None:
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

    def set_params(self, compiled_network: CompiledTrainingNetwork, **kwargs: Any) -> None:
        """Take the network whose optimisers are scheduled."""
        self._compiled_network = compiled_network

    def on_epoch_begin(self, epoch: int) -> None:
        """Set the parameter of every optimiser."""
        for optimiser, _ in self._compiled_network.optimisers:
            current = getattr(optimiser, self.param_name)
            setattr(optimiser, self.param_name, self.func(epoch, current))
