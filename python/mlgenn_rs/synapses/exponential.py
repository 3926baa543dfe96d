"""Exponentially decaying current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..utils.decorators import network_default_params
from ..utils.model import SynapseModel
from ..utils.value import InitValue, PositiveValueDescriptor
from .synapse import Synapse

if TYPE_CHECKING:
    from ..connection import Connection


class Exponential(Synapse):
    """Current that jumps by every arriving weight and decays exponentially.

    The current is used before it decays.

    Parameters
    ----------
    tau
        Time constant (ms); a number or one per target neuron.
    scale_i
        Whether to scale the current by ``(tau / dt) * (1 - exp(-dt / tau))``.
    """

    tau = PositiveValueDescriptor(
        ("ExpDecay", lambda val, dt: np.exp(-dt / val)),
        ("IScale", lambda val, dt: (val / dt) * (1.0 - np.exp(-dt / val))),
        learned="TauSyn",
    )

    @network_default_params
    def __init__(self, tau: InitValue = 5.0, scale_i: bool = False) -> None:
        super().__init__()
        self.tau = tau
        self.scale_i = scale_i

    def get_model(self, connection: Connection, dt: float, batch_size: int) -> SynapseModel:
        """Return the engine model with values."""
        params = [("ExpDecay", "scalar")]
        current = "inSyn"
        if self.scale_i:
            params.append(("IScale", "scalar"))
            current = "inSyn * IScale"
        model = {
            "params": params,
            "sim_code": f"injectCurrent({current});\ninSyn *= ExpDecay;",
        }
        return SynapseModel.from_val_descriptors(model, self, dt)
