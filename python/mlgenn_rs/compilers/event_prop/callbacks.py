"""Callbacks that the EventProp compiler registers itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...callbacks import Callback
from .settings import Settings
from .spike_tape import LOST_SPIKES_VAR

if TYPE_CHECKING:
    from ..compiled_network import CompiledNetwork

logger = logging.getLogger(__name__)


class UpdateTrial(Callback):
    """Tells an output population the number of the batch.

    In the first batch of an epoch there is no example in the backward pass yet, so the loss must
    not act.

    Parameters
    ----------
    genn_pop
        Neuron group of the population.
    """

    def __init__(self, genn_pop: Any) -> None:
        self._genn_pop = genn_pop

    def on_batch_begin(self, batch: int) -> None:
        """Set the dynamic parameter ``Trial``."""
        self._genn_pop.set_dynamic_param_value("Trial", batch)


class CheckSpikeTapes(Callback):
    """Reports spikes that did not fit into ``max_spikes`` slots and hence have no gradient.

    Parameters
    ----------
    genn_pops
        Neuron groups of the spiking populations.
    settings
        How many slots there are, and for how many examples, for the message.
    strict
        Raise ``RuntimeError`` after the batch, instead of logging a warning after the epoch.
    """

    def __init__(self, genn_pops: list[Any], settings: Settings, strict: bool) -> None:
        self._genn_pops = genn_pops
        self._max_spikes = settings.max_spikes
        self._examples = "an example" if settings.same_batch else "two successive examples"
        self._strict = strict

    def set_params(self, compiled_network: CompiledNetwork, **kwargs: Any) -> None:
        """Start with nothing to report: what was lost before was reported then."""
        self._reported = {genn_pop.name: _count_lost(genn_pop) for genn_pop in self._genn_pops}

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Raise if spikes were lost."""
        if self._strict:
            for message in self._messages():
                raise RuntimeError(message)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Warn if spikes were lost."""
        if not self._strict:
            for message in self._messages():
                logger.warning("%s", message)

    def _messages(self) -> list[str]:
        messages = []
        for genn_pop in self._genn_pops:
            lost = _count_lost(genn_pop)
            new = lost - self._reported[genn_pop.name]
            self._reported[genn_pop.name] = lost
            if new > 0:
                messages.append(
                    f"population {genn_pop.name!r}: {new} spikes did not fit into the "
                    f"max_spikes={self._max_spikes} slots that a neuron has for {self._examples}, "
                    "and do not contribute to gradients; increase max_spikes of the "
                    "EventPropCompiler"
                )
        return messages


def _count_lost(genn_pop: Any) -> int:
    """Return how many spikes of a population did not fit since the network was loaded."""
    variable = genn_pop.vars[LOST_SPIKES_VAR]
    variable.pull_from_device()
    return int(variable.view.sum(dtype="uint64"))
