"""Synapses from one population to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

import numpy as np

from .connectivity import Connectivity, default_connectivity
from .network import Network
from .synapses import Synapse, default_synapses
from .utils.checks import check_name
from .utils.module import get_given_object

if TYPE_CHECKING:
    from .population import Population


class Connection:
    """Synapses from one population to another.

    Parameters
    ----------
    source, target
        Populations; the connection only refers to them weakly.
    connectivity
        Which neurons are connected, with weights and delays. It checks the shapes of the
        populations, or infers them.
    synapse
        How arriving weights become current.
    name
        Unique name (letters, digits and ``_``); without it, ``Conn_<source>_<target>``, so give
        names to parallel connections.
    max_delay_steps
        Longest delay (timesteps); needed if delays are learned or come from an initialiser.
    add_to_model
        Whether to add the connection to the network that is being built.

    Raises
    ------
    RuntimeError
        If connectivity, synapse or shapes do not fit, or no network is being built.
    TypeError, ValueError
        If ``source`` or ``target`` is no population, the name no string, or ``max_delay_steps`` no
        number of timesteps.
    """

    def __init__(
        self,
        source: Population,
        target: Population,
        connectivity: Connectivity | str,
        synapse: Synapse | str = "delta",
        name: str | None = None,
        max_delay_steps: int | None = None,
        add_to_model: bool = True,
    ) -> None:
        from .population import Population

        ends: list[tuple[str, Any]] = [("source", source), ("target", target)]
        for role, pop in ends:
            if not isinstance(pop, Population):
                hint = "; use its population()" if hasattr(pop, "population") else ""
                raise TypeError(f"Connection: {role} must be a Population, got {pop!r}{hint}")
        self._source = ref(source)
        self._target = ref(target)
        self.max_delay_steps = _check_max_delay(max_delay_steps)
        self.connectivity = connectivity
        self.synapse = synapse
        self.name: str = (
            f"Conn_{source.name}_{target.name}"
            if name is None
            else check_name(name, "Connection: name")
        )
        self.connectivity.connect(source, target)
        if add_to_model:
            Network._add_connection(self)
        source._outgoing_connections.append(ref(self))
        target._incoming_connections.append(ref(self))

    @property
    def source(self) -> ReferenceType[Population]:
        """Weak reference to the source; call it."""
        return self._source

    @property
    def target(self) -> ReferenceType[Population]:
        """Weak reference to the target; call it."""
        return self._target

    @property
    def connectivity(self) -> Connectivity:
        """Connectivity; a copy of what was assigned, so change it here to have an effect."""
        return self._connectivity

    @connectivity.setter
    def connectivity(self, connectivity: Connectivity | str) -> None:
        self._connectivity = get_given_object(
            connectivity, Connectivity, "Connectivity", default_connectivity
        )

    @property
    def synapse(self) -> Synapse:
        """Synapse model; a copy of what was assigned, so change it here to have an effect."""
        return self._synapse

    @synapse.setter
    def synapse(self, synapse: Synapse | str) -> None:
        self._synapse = get_given_object(synapse, Synapse, "Synapse", default_synapses)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has, with the populations themselves."""
        return {**vars(self), "_source": self._source(), "_target": self._target()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Refer to the populations weakly again, and enter the connection into their lists."""
        vars(self).update(state)
        self._source, self._target = ref(state["_source"]), ref(state["_target"])
        state["_source"]._outgoing_connections.append(ref(self))
        state["_target"]._incoming_connections.append(ref(self))

    def __str__(self) -> str:
        """Return the name, which is part of the names of checkpoint files."""
        return self.name

    def __repr__(self) -> str:
        """Return name and connectivity."""
        return f"Connection(name={self.name!r}, connectivity={type(self.connectivity).__name__})"


def _check_max_delay(steps: int | None) -> int | None:
    if steps is None:
        return None
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer):
        raise TypeError(f"Connection: max_delay_steps must be a whole number, got {steps!r}")
    if steps < 0:
        raise ValueError(f"Connection: max_delay_steps must not be negative, got {steps}")
    return int(steps)
