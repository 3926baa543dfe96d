"""Seconds spent in each part of a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgenn_rs._core import Simulation


class Timers:
    """Timers of a network: zero unless ``timing_enabled`` was set before building."""

    @property
    def simulation(self) -> Simulation:
        """The loaded simulation."""
        raise NotImplementedError

    def _seconds(self, name: str) -> float:
        return self.simulation.times().get(name, 0.0)

    @property
    def neuron_update_time(self) -> float:
        """Seconds spent in neuron updates."""
        return self._seconds("neuron_update_time")

    @property
    def presynaptic_update_time(self) -> float:
        """Seconds spent in delivering presynaptic spikes and events."""
        return self._seconds("presynaptic_update_time")

    @property
    def postsynaptic_update_time(self) -> float:
        """Seconds spent in delivering postsynaptic spikes and events."""
        return self._seconds("postsynaptic_update_time")

    @property
    def synapse_dynamics_time(self) -> float:
        """Seconds spent in synapse dynamics."""
        return self._seconds("synapse_dynamics_time")

    @property
    def init_time(self) -> float:
        """Seconds spent in initialisation."""
        return self._seconds("init_time")

    @property
    def init_sparse_time(self) -> float:
        """Seconds spent in initialising variables of sparse synapses, and in column maps."""
        return self._seconds("init_sparse_time")

    def get_custom_update_time(self, group: str) -> float:
        """Return the seconds spent in a custom update group."""
        return self._seconds(f"custom_update_time.{group}")

    def get_custom_update_transpose_time(self, group: str) -> float:
        """Return the seconds spent in the transposes of a custom update group."""
        return self._seconds(f"custom_update_transpose_time.{group}")

    def get_custom_update_remap_time(self, group: str) -> float:
        """Return the seconds spent in rebuilding column maps for a custom update group."""
        return self._seconds(f"custom_update_remap_time.{group}")

    def get_custom_update_host_time(self, group: str) -> float:
        """Return the seconds spent in host code of a custom update group."""
        return self._seconds(f"custom_update_host_time.{group}")
