"""Group of neurons of one type."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast
from weakref import ReferenceType

import numpy as np

from .network import Network
from .neurons import Neuron, default_neurons
from .utils.checks import check_name
from .utils.module import get_object

if TYPE_CHECKING:
    from .connection import Connection

Shape: TypeAlias = "int | Sequence[int] | None"


class Population:
    """Group of neurons of one type.

    Parameters
    ----------
    neuron
        Neuron model or its name, e.g. ``"leaky_integrate_fire"``.
    shape
        Number of neurons, or sizes of several dimensions; neurons are numbered in C order. Without
        it, the shape is inferred by connections.
    record_spikes
        Whether spikes can be recorded with ``SpikeRecorder``.
    record_spike_events
        Whether the engine records spike-like events.
    name
        Unique name (letters, digits and ``_``); without it, ``Pop<n>``.
    add_to_model
        Whether to add the population to the network that is being built.

    Raises
    ------
    RuntimeError
        If the neuron or shape is of the wrong kind, or no network is being built.
    TypeError
        If the name is no string.
    """

    _new_id: ClassVar[count[int]] = count()

    def __init__(
        self,
        neuron: Neuron | str,
        shape: Shape = None,
        record_spikes: bool = False,
        record_spike_events: bool = False,
        name: str | None = None,
        add_to_model: bool = True,
    ) -> None:
        self.neuron = neuron
        self.shape = shape
        self.record_spikes = record_spikes
        self.record_spike_events = record_spike_events
        self.name: str = (
            f"Pop{next(Population._new_id)}"
            if name is None
            else check_name(name, "Population: name")
        )
        self._incoming_connections: list[ReferenceType[Connection]] = []
        self._outgoing_connections: list[ReferenceType[Connection]] = []
        if add_to_model:
            Network._add_population(self)

    @property
    def incoming_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to the connections into this population; call them."""
        return self._incoming_connections

    @property
    def outgoing_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to the connections out of this population; call them."""
        return self._outgoing_connections

    @property
    def neuron(self) -> Neuron:
        """Neuron model; a copy of what was assigned, so change it here to have an effect."""
        return self._neuron

    @neuron.setter
    def neuron(self, n: Neuron | str | None) -> None:
        self._neuron = cast(Neuron, get_object(n, Neuron, "Neuron", default_neurons))

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Sizes of the dimensions; ``None`` until it is known."""
        return self._shape

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._shape = _as_shape(shape)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: everything but the connections, which enter themselves."""
        return {**vars(self), "_incoming_connections": [], "_outgoing_connections": []}

    def __str__(self) -> str:
        """Return the name, which is part of the names of checkpoint files."""
        return self.name

    def __repr__(self) -> str:
        """Return name, neuron and shape."""
        neuron = type(self.neuron).__name__
        return f"Population(name={self.name!r}, neuron={neuron}, shape={self.shape})"


def _as_shape(shape: Shape) -> tuple[int, ...] | None:
    if shape is None:
        return None
    sizes = (shape,) if isinstance(shape, int) else shape
    if (
        isinstance(sizes, Sequence)
        and len(sizes) > 0
        and all(isinstance(s, int | np.integer) and s > 0 for s in sizes)
    ):
        return tuple(int(s) for s in sizes)
    raise RuntimeError(
        f"Population: shape must be a positive integer or a sequence of them, got {shape!r} "
        f"({type(shape).__name__})"
    )
