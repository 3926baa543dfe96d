"""Helpers that look at networks: layers as populations, topological order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from ..connection import Connection
from ..input_layer import InputLayer
from ..layer import Layer
from ..population import Population

PopulationType: TypeAlias = "InputLayer | Layer | Population"
ConnectionType: TypeAlias = "Connection | Layer"


def get_underlying_pop(obj: PopulationType) -> Population:
    """Return a population itself, or the population of a layer.

    Raises
    ------
    RuntimeError
        If ``obj`` is neither, or its network no longer exists.
    """
    if isinstance(obj, Population):
        return obj
    if isinstance(obj, InputLayer | Layer):
        population = obj.population()
        if population is None:
            raise RuntimeError("the network of this layer no longer exists; keep it alive")
        return population
    raise RuntimeError(f"expected a Population, InputLayer or Layer, got {obj!r}")


def get_underlying_conn(obj: ConnectionType) -> Connection:
    """Return a connection itself, or the connection into a layer.

    Raises
    ------
    RuntimeError
        If ``obj`` is neither, is the first layer of its network, or its network no longer exists.
    """
    if isinstance(obj, Connection):
        return obj
    if isinstance(obj, Layer):
        if obj.connection is None:
            raise RuntimeError("the first layer of a network has no connection")
        connection = obj.connection()
        if connection is None:
            raise RuntimeError("the network of this layer no longer exists; keep it alive")
        return connection
    raise RuntimeError(f"expected a Connection or Layer, got {obj!r}")


def _populations(obj: PopulationType | Sequence[PopulationType]) -> list[Population]:
    return [get_underlying_pop(o) for o in (obj if isinstance(obj, Sequence) else [obj])]


def get_network_dag(
    inputs: PopulationType | Sequence[PopulationType],
    outputs: PopulationType | Sequence[PopulationType],
) -> list[Population]:
    """Sort the populations reachable from the inputs so that sources come before targets.

    A population follows once all its incoming connections come from sorted populations, so
    populations that take part in a cycle, or come after one, are left out.

    Raises
    ------
    RuntimeError
        If an output cannot be reached that way.
    """
    ready: list[Any] = list(dict.fromkeys(_populations(inputs)))
    order: list[Population] = []
    seen: set[Connection] = set()
    while ready:
        population = ready.pop(0)
        order.append(population)
        for reference in population.outgoing_connections:
            connection = reference()
            seen.add(connection)
            target = connection.target()
            if target not in order and target not in ready:
                if all(c() in seen for c in target.incoming_connections):
                    ready.append(target)
    for output in _populations(outputs):
        if output not in order:
            raise RuntimeError(
                f"population '{output}' cannot be reached from the inputs without passing "
                f"through a cycle or another input"
            )
    return order
