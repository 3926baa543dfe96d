"""What is only known once a network is complete: ends of connections, shapes of populations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

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


def check_parts(parts: Iterable[Any], known: Collection[Any], what: str) -> None:
    """Raise ``RuntimeError`` unless all populations or connections are known to a network.

    ``what`` says who names them.
    """
    for part in parts:
        if part not in known:
            raise RuntimeError(
                f"{what}: {type(part).__name__} {part.name!r} is not part of the network"
            )


def find_group(groups: Mapping[Any, Any], owner: Any) -> Any:
    """Return the engine group of a population or connection of a compiled network.

    Raises
    ------
    RuntimeError
        If the network that was compiled does not contain it.
    """
    if owner not in groups:
        names = ", ".join(repr(str(known)) for known in groups) or "nothing"
        raise RuntimeError(
            f"{type(owner).__name__.lower()} {owner.name!r} is not part of the compiled network, "
            f"which has {names}"
        )
    return groups[owner]


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
    return pop.shape


def _alive(pop: Population | None, conn: Connection) -> Population:
    if pop is None:
        raise RuntimeError(
            f"connection {conn.name!r}: a population that it connects no longer exists; keep the "
            "network alive"
        )
    return pop
