"""Delays of connections: how long they can be, and the types that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.enums import SynapseMatrixType
from ..utils.value import is_value_array, is_value_constant, is_value_initializer

MAX_DELAY_SLOTS = 65535
"""Largest number of slots of a dendritic delay buffer."""


def get_delay_type(max_delay: int) -> str:
    """Return the type of a variable that holds delays of less than ``max_delay`` timesteps.

    Raises
    ------
    NotImplementedError
        If that is more than 65535 timesteps.
    """
    if max_delay < 256:
        return "uint8_t"
    if max_delay <= MAX_DELAY_SLOTS:
        return "uint16_t"
    raise NotImplementedError(
        f"delays are limited to {MAX_DELAY_SLOTS - 1} timesteps, got {max_delay - 1}; "
        "use a longer timestep or shorter delays"
    )


def get_conn_max_delay(conn: Any, delay: Any) -> int:
    """Return the number of slots that the dendritic delay buffer of a connection needs.

    That is one more than ``max_delay_steps`` of the connection or, without it, than the longest
    delay.

    Raises
    ------
    RuntimeError
        If delays come from an initialiser and the connection has no ``max_delay_steps``.
    """
    if conn.max_delay_steps is not None:
        return 1 + int(conn.max_delay_steps)
    if is_value_constant(delay):
        return 1 + round(float(delay))
    if is_value_array(delay):
        return 1 + round(float(np.max(delay, initial=0)))
    raise RuntimeError(
        f"connection {conn.name!r}: its delays come from an initialiser, so the longest one is not "
        "known; give the connection max_delay_steps"
    )


def check_delay(conn: Any, delay: Any) -> None:
    """Raise an error for a missing delay, or one that is negative, too long or not a number."""
    if delay is None:
        raise RuntimeError(f"connection {conn.name!r}: its connectivity has no delay")
    if (is_value_constant(delay) or is_value_array(delay)) and not (
        np.all(np.isfinite(delay)) and np.all(np.asarray(delay) >= 0)
    ):
        raise ValueError(
            f"connection {conn.name!r}: delays are numbers of timesteps, at least 0, got {delay!r}"
        )
    if is_value_array(delay) and conn.max_delay_steps is not None:
        longest = round(float(np.max(delay, initial=0)))
        if longest > conn.max_delay_steps:
            raise ValueError(
                f"connection {conn.name!r}: a delay of {longest} timesteps is longer than "
                f"max_delay_steps={conn.max_delay_steps}"
            )


def check_drawn_delays(conn: Any, genn_pop: Any) -> None:
    """Raise an error if delays that an initialiser has drawn are longer than is reserved.

    The dendritic delay buffer is a ring, so they would be other delays.  Delays that are trained
    are kept within their bounds anyway.

    Parameters
    ----------
    conn
        Connection.
    genn_pop
        Its synapse group in a network that is loaded.

    Raises
    ------
    ValueError
        If there is a delay of more than ``max_delay_steps`` of the connection.
    """
    if not is_value_initializer(conn.connectivity.delay) or "d" not in genn_pop.vars:
        return
    if genn_pop.matrix_type == SynapseMatrixType.SPARSE:
        genn_pop.pull_connectivity_from_device()
    delays = genn_pop.vars["d"]
    delays.pull_from_device()
    steps = np.asarray(delays.values)
    longest = int(np.max(steps, initial=0)) if steps.dtype.kind == "u" else 0
    if longest > conn.max_delay_steps:
        raise ValueError(
            f"connection {conn.name!r}: its initialiser has drawn a delay of {longest} timesteps, "
            f"which is longer than max_delay_steps={conn.max_delay_steps}"
        )
