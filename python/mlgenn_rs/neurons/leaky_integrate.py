"""Leaky integrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..utils.decorators import network_default_params
from ..utils.model import NeuronModel
from ..utils.value import InitValue, PositiveValueDescriptor, ValueDescriptor
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population
    from ..readouts import Readout


class LeakyIntegrate(Neuron):
    """Leaky integrator that does not spike, usually an output.

    Every timestep ``v`` becomes ``exp(-dt / tau_mem) * v`` plus the input current plus ``bias``.

    Parameters
    ----------
    v
        Initial value.
    bias
        Added every timestep, never scaled.
    tau_mem
        Membrane time constant (ms); a number or one per neuron.
    scale_i
        Whether the input current is scaled by ``1 - exp(-dt / tau_mem)``.
    readout
        How the output is read.
    """

    v = ValueDescriptor("V")
    bias = ValueDescriptor("Bias")
    tau_mem = PositiveValueDescriptor(
        ("Alpha", lambda val, dt: np.exp(-dt / val)), learned="TauMem"
    )

    @network_default_params
    def __init__(
        self,
        v: InitValue = 0.0,
        bias: InitValue = 0.0,
        tau_mem: InitValue = 20.0,
        scale_i: bool = False,
        readout: Readout | str | None = None,
    ) -> None:
        super().__init__(readout=readout)
        self.v = v
        self.bias = bias
        self.tau_mem = tau_mem
        self.scale_i = scale_i

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        current = "((1.0 - Alpha) * Isyn)" if self.scale_i else "Isyn"
        model = {
            "vars": [("V", "scalar")],
            "params": [("Alpha", "scalar"), ("Bias", "scalar")],
            "sim_code": f"V = (Alpha * V) + {current} + Bias;",
        }
        return NeuronModel.from_val_descriptors(model, "V", self, dt)
