"""Integrate-and-fire neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..utils.model import NeuronModel
from ..utils.value import InitValue, ValueDescriptor
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population
    from ..readouts import Readout


class IntegrateFire(Neuron):
    """Integrate-and-fire neuron without leak.

    Every timestep ``v`` grows by the input current; when it reaches ``v_thresh`` the neuron spikes
    and ``v`` is set to ``v_reset``.

    Parameters
    ----------
    v_thresh
        Threshold.
    v_reset
        Value after a spike.
    v
        Initial value.
    readout
        How the output is read.
    """

    v_thresh = ValueDescriptor("Vthresh")
    v_reset = ValueDescriptor("Vreset")
    v = ValueDescriptor("V")

    def __init__(
        self,
        v_thresh: InitValue = 1.0,
        v_reset: InitValue = 0.0,
        v: InitValue = 0.0,
        readout: Readout | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(readout=readout, **kwargs)
        self.v_thresh = v_thresh
        self.v_reset = v_reset
        self.v = v

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        model = {
            "vars": [("V", "scalar")],
            "params": [("Vthresh", "scalar"), ("Vreset", "scalar")],
            "sim_code": "V += Isyn;",
            "threshold_condition_code": "V >= Vthresh",
            "reset_code": "V = Vreset;",
        }
        return NeuronModel.from_val_descriptors(model, "V", self, dt)
