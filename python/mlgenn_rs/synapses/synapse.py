"""Base class of synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..connection import Connection
    from ..utils.model import SynapseModel


class Synapse(ABC):
    """Base class of synapses."""

    @abstractmethod
    def get_model(self, connection: Connection, dt: float, batch_size: int) -> SynapseModel:
        """Return the engine model with values.

        Parameters
        ----------
        connection
            Connection that the synapse belongs to.
        dt
            Timestep (ms).
        batch_size
            Number of examples simulated at once.
        """

    def __repr__(self) -> str:
        """Return class and attributes."""
        values = ", ".join(f"{k.lstrip('_')}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({values})"
