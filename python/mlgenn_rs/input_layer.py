"""First layer of a sequential network."""

from __future__ import annotations

from typing import Any
from weakref import ref

from .neurons import Neuron
from .population import Population, Shape
from .sequential_network import SequentialNetwork


class InputLayer:
    """Population that data are presented to, in a :class:`SequentialNetwork`.

    Parameters are those of :class:`Population`.

    Attributes
    ----------
    population
        Weak reference to the population; call it.
    """

    def __init__(
        self,
        neuron: Neuron | str,
        shape: Shape = None,
        record_spikes: bool = False,
        record_spike_events: bool = False,
        name: str | None = None,
    ) -> None:
        population = Population(
            neuron, shape, record_spikes, record_spike_events, name, add_to_model=False
        )
        self.population = ref(population)
        SequentialNetwork._add_input_layer(self, population)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has, with the population itself."""
        return {"population": self.population()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Refer to it weakly again."""
        self.population = ref(state["population"])

    def __str__(self) -> str:
        """Return the name of the population."""
        return str(self.population())

    def __repr__(self) -> str:
        """Return the population."""
        return f"InputLayer({self.population()!r})"
