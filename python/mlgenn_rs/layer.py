"""Population of a sequential network with the connection from the layer before."""

from __future__ import annotations

from typing import Any
from weakref import ReferenceType, ref

from .connection import Connection
from .connectivity import Connectivity
from .neurons import Neuron
from .population import Population, Shape
from .sequential_network import SequentialNetwork
from .synapses import Synapse


class Layer:
    """Population and its connection from the previous layer, in a :class:`SequentialNetwork`.

    Parameters
    ----------
    connectivity, synapse, max_delay_steps
        As for :class:`Connection`; ignored if there is no previous layer.
    neuron, shape, record_spikes, record_spike_events, name
        As for :class:`Population`.

    Attributes
    ----------
    population
        Weak reference to the population; call it.
    connection
        Weak reference to the connection; ``None`` for the first layer of a network.
    """

    def __init__(
        self,
        connectivity: Connectivity | str,
        neuron: Neuron | str,
        shape: Shape = None,
        synapse: Synapse | str = "delta",
        record_spikes: bool = False,
        record_spike_events: bool = False,
        max_delay_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        population = Population(
            neuron, shape, record_spikes, record_spike_events, name, add_to_model=False
        )
        self.population = ref(population)
        previous = SequentialNetwork.get_prev_layer()
        connection: Connection | None = None
        self.connection: ReferenceType[Connection] | None = None
        if previous is not None:
            source: Any = previous.population()
            connection = Connection(
                source,
                population,
                connectivity,
                synapse,
                max_delay_steps=max_delay_steps,
                add_to_model=False,
            )
            self.connection = ref(connection)
        SequentialNetwork._add_layer(self, population, connection)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has, with population and connection themselves."""
        connection = None if self.connection is None else self.connection()
        return {"population": self.population(), "connection": connection}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Refer to them weakly again."""
        self.population = ref(state["population"])
        self.connection = None if state["connection"] is None else ref(state["connection"])

    def __str__(self) -> str:
        """Return the name of the population."""
        return str(self.population())

    def __repr__(self) -> str:
        """Return the population."""
        return f"Layer({self.population()!r})"
