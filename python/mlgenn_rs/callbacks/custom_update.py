"""Callbacks that run a group of custom updates at an event of the loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..utils.timestep_plan import TimestepPlan
from .callback import Callback

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork

Filter = Callable[[int], Any]
"""Function of the number of a batch, epoch or timestep that says whether to act on it."""


class CustomUpdate(Callback):
    """Base of the callbacks that run a group of custom updates.

    Parameters
    ----------
    name
        Name of the custom update group.
    filter_fn
        Function of the number of the batch, epoch or timestep; the group runs if the result is
        true.  ``None`` means always.
    """

    def __init__(self, name: str, filter_fn: Filter | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f"{type(self).__name__}: name must be the name of a custom update group, got "
                f"{name!r}"
            )
        if filter_fn is not None and not callable(filter_fn):
            raise TypeError(
                f"{type(self).__name__}: filter_fn must be None or a function of a number, got "
                f"{filter_fn!r}"
            )
        self.name = name
        self.filter_fn = filter_fn

    def set_params(self, compiled_network: CompiledNetwork, **kwargs: Any) -> None:
        """Take the network whose custom updates are run."""
        self._compiled_network = compiled_network

    def selects(self, number: int) -> bool:
        """Return whether the group runs in a batch, epoch or timestep."""
        return self.filter_fn is None or bool(self.filter_fn(number))

    def _run(self, number: int) -> None:
        if self.selects(number):
            self._compiled_network.custom_update(self.name)

    def _planned(self, plan: TimestepPlan) -> list[tuple[str, int | None]]:
        """Return the entries of a plan for the selected timesteps."""
        chosen = [i for i, timestep in enumerate(plan.timesteps) if self.selects(timestep)]
        if len(chosen) == plan.num_timesteps:
            return [(self.name, None)]
        return [(self.name, i) for i in chosen]


class CustomUpdateOnBatchBegin(CustomUpdate):
    """Runs a group of custom updates at the beginning of batches."""

    def on_batch_begin(self, batch: int) -> None:
        """Run the group if the batch is selected."""
        self._run(batch)


class CustomUpdateOnBatchEnd(CustomUpdate):
    """Runs a group of custom updates at the end of batches."""

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Run the group if the batch is selected."""
        self._run(batch)


class CustomUpdateOnEpochBegin(CustomUpdate):
    """Runs a group of custom updates at the beginning of epochs."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Run the group if the epoch is selected."""
        self._run(epoch)


class CustomUpdateOnEpochEnd(CustomUpdate):
    """Runs a group of custom updates at the end of epochs."""

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Run the group if the epoch is selected."""
        self._run(epoch)


class CustomUpdateOnTimestepBegin(CustomUpdate):
    """Runs a group of custom updates before timesteps.

    Unless some other callback needs every timestep in Python, ``filter_fn`` is evaluated for all
    timesteps of an example before they are simulated.
    """

    def on_timestep_begin(self, timestep: int) -> None:
        """Run the group if the timestep is selected."""
        self._run(timestep)

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Add the group to the plan of an example."""
        return plan.add_begin(self._planned(plan))


class CustomUpdateOnTimestepEnd(CustomUpdate):
    """Runs a group of custom updates after timesteps.

    Unless some other callback needs every timestep in Python, ``filter_fn`` is evaluated for all
    timesteps of an example before they are simulated.
    """

    def on_timestep_end(self, timestep: int) -> None:
        """Run the group if the timestep is selected."""
        self._run(timestep)

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Add the group to the plan of an example."""
        return plan.add_end(self._planned(plan))
