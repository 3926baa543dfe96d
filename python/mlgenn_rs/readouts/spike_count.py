"""Number of spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .spike_readout import SpikeReadout

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class SpikeCount(SpikeReadout):
    """Number of spikes of each neuron in the example."""

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of the model that also counts spikes."""
        return self._add_to_reset(model, "Scount++;")

    @property
    def reset_vars(self) -> list[tuple[str, str, Any]]:
        """``(name, type, value)`` of what has to be reset before each example."""
        return [("Scount", "unsigned int", 0)]
