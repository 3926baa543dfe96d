"""Custom updates that callbacks run one directly after the other, in one call of the engine.

The engine then goes over synapses once for the sum of gradients over the batch and the optimiser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .custom_update import CustomUpdateOnBatchEnd

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork


class JoinedUpdates:
    """Stands for callbacks that follow each other and run custom updates at the end of batches.

    Parameters
    ----------
    callbacks
        The callbacks; the same filter says whether each of them acts.
    compiled_network
        The network whose custom updates they run.
    """

    def __init__(
        self, callbacks: Sequence[CustomUpdateOnBatchEnd], compiled_network: CompiledNetwork
    ) -> None:
        self._callbacks = list(callbacks)
        self._compiled_network = compiled_network

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Run the groups if the batch is selected."""
        names = [callback.name for callback in self._callbacks if callback.selects(batch)]
        if names:
            self._compiled_network.custom_update(*names)


def join_updates(callbacks: Iterable[Any], compiled_network: Any) -> list[Any]:
    """Return what acts for callbacks at the end of batches, in the same order.

    Those that run custom updates with the same filter and have no other callback between them are
    joined.  Subclasses, which may do something else, are left alone.

    Parameters
    ----------
    callbacks
        Callbacks with a method ``on_batch_end``, in order.
    compiled_network
        The network that they were given.
    """
    acting: list[Any] = []
    for (is_update, _), group in groupby(callbacks, _kind):
        together = list(group)
        if is_update and len(together) > 1:
            acting.append(JoinedUpdates(together, compiled_network))
        else:
            acting += together
    return acting


def _kind(callback: Any) -> tuple[bool, int]:
    """Return whether a callback only runs custom updates, and which filter it has."""
    is_update = type(callback) is CustomUpdateOnBatchEnd and "on_batch_end" not in vars(callback)
    return is_update, id(callback.filter_fn) if is_update else 0
