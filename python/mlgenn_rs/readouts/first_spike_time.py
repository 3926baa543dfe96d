"""Time of the first spike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .spike_readout import SpikeReadout

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class FirstSpikeTime(SpikeReadout):
    """Minus the time of each neuron's first spike in the example (ms), so that early is large.

    Neurons that do not spike give the lowest float32.
    """

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of the model that also notes the time of the first spike."""
        return self._add_to_reset(model, "TFirstSpike = fmax(-t, TFirstSpike);")

    @property
    def reset_vars(self) -> list[tuple[str, str, Any]]:
        """``(name, type, value)`` of what has to be reset before each example."""
        return [("TFirstSpike", "scalar", float(np.finfo(np.float32).min))]
