"""What is only known once a network is complete: ends of connections, shapes of populations."""

from __future__ import annotations

from ..connection import Connection
from ..population import Population


def get_source(conn: Connection) -> Population:
    """Return the population that a connection starts from.

    Raises
    ------
    RuntimeError
        If it no longer exists.
    """
    return _alive(conn.source(), conn)


def get_target(conn: Connection) -> Population:
    """Return the population that a connection leads to.

    Raises
    ------
    RuntimeError
        If it no longer exists.
    """
    return _alive(conn.target(), conn)


def get_shape(pop: Population) -> tuple[int, ...]:
    """Return the shape of a population.

    Raises
    ------
    RuntimeError
        If it is not known.
    """
    if pop.shape is None:
        raise RuntimeError(
            f"population {pop.name!r} has no shape; give it one, or connect it with "
            "connectivity whose weights determine it"
        )
    return tuple(pop.shape)


def _alive(pop: Population | None, conn: Connection) -> Population:
    if pop is None:
        raise RuntimeError(
            f"connection {conn.name!r}: a population that it connects no longer exists; keep the "
            "network alive"
        )
    return pop
