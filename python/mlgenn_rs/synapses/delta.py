"""Instantaneous current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.model import SynapseModel
from .synapse import Synapse

if TYPE_CHECKING:
    from ..connection import Connection


class Delta(Synapse):
    """The weight that arrives in a timestep is the current of that timestep."""

    def get_model(self, connection: Connection, dt: float, batch_size: int) -> SynapseModel:
        """Return the engine model with values."""
        return SynapseModel({"sim_code": "injectCurrent(inSyn);\ninSyn = 0.0;"})
