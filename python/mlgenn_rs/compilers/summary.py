"""Summary of a compiled network: populations, connections, parameters, bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import prod
from typing import Any

import numpy as np

from ..connection import Connection
from ..population import Population
from ..utils.endpoints import get_shape, get_source, get_target
from ..utils.value import is_value_array, is_value_constant


@dataclass(frozen=True)
class Table:
    """Table with a title; the first row holds the names of columns."""

    title: str
    rows: Sequence[tuple[str, ...]]

    def __str__(self) -> str:
        """Return the table as plain text."""
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in self.rows
        ]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([self.title, lines[0], rule, *lines[1:]])

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        head, *body = (
            "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
            for row, tag in zip(self.rows, ["th", *["td"] * len(self.rows)], strict=False)
        )
        rows = "".join(f"<tr>{cells}</tr>" for cells in body)
        return (
            f"<table><caption>{escape(self.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


@dataclass(frozen=True)
class Summary:
    """Tables of populations and connections, and totals; shown as text or in a notebook.

    Attributes
    ----------
    num_neurons
        Number of neurons.
    num_parameters
        Number of weights and delays that are given as arrays, the elements of a kernel counted once
        however many synapses share them, or drawn from a distribution; constants do not count.
    num_bytes
        Memory that loading allocates.
    """

    populations: Table
    connections: Table
    num_neurons: int
    num_parameters: int
    num_bytes: int

    def __str__(self) -> str:
        """Return the summary as plain text."""
        return f"{self.populations}\n\n{self.connections}\n\n{self._totals()}"

    def __repr__(self) -> str:
        """Return the summary as plain text, so that an interactive session shows it."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the summary for a notebook."""
        tables = self.populations._repr_html_() + self.connections._repr_html_()
        return f"{tables}<p>{escape(self._totals())}</p>"

    def _totals(self) -> str:
        return (
            f"{self.num_neurons:,} neurons, {self.num_parameters:,} parameters, "
            f"{format_bytes(self.num_bytes)}"
        )


def summarise(
    populations: Mapping[Population, Any],
    connections: Mapping[Connection, Any],
    memory_plan: Sequence[Mapping[str, Any]],
) -> Summary:
    """Return the summary of a network.

    Parameters
    ----------
    populations, connections
        Groups of the engine.
    memory_plan
        What loading allocates.
    """
    pop_rows = [("population", "neuron", "shape", "neurons", "bytes")]
    num_neurons = 0
    for pop, group in populations.items():
        num_neurons += group.num_neurons
        num_bytes = sum(item["bytes"] for item in _of_group(memory_plan, "neuron", group.name))
        pop_rows.append(
            (
                pop.name,
                type(pop.neuron).__name__,
                str(get_shape(pop)),
                f"{group.num_neurons:,}",
                format_bytes(num_bytes),
            )
        )
    conn_rows = [("connection", "from, to", "connectivity", "storage", "parameters", "bytes")]
    total = 0
    for conn, group in connections.items():
        items = _of_group(memory_plan, "syn", group.name)
        parameters = sum(
            _count_parameters(value, name, items)
            for name, value in (("g", conn.connectivity.weight), ("d", conn.connectivity.delay))
        )
        total += parameters
        conn_rows.append(
            (
                conn.name,
                f"{get_source(conn).name}, {get_target(conn).name}",
                type(conn.connectivity).__name__,
                group.matrix_type.name,
                f"{parameters:,}",
                format_bytes(sum(item["bytes"] for item in items)),
            )
        )
    return Summary(
        Table("Populations", pop_rows),
        Table("Connections", conn_rows),
        num_neurons,
        total,
        sum(item["bytes"] for item in memory_plan),
    )


def format_bytes(num_bytes: int) -> str:
    """Return a number of bytes with a suitable unit."""
    size = float(num_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _of_group(
    memory_plan: Sequence[Mapping[str, Any]], kind: str, name: str
) -> list[Mapping[str, Any]]:
    return [item for item in memory_plan if item["path"].startswith(f"{kind}.{name}.")]


def _count_parameters(value: Any, name: str, items: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of elements of an array, or of what an initialiser draws."""
    if is_value_array(value):
        return int(np.size(value))
    if is_value_constant(value):
        return 0
    return sum(prod(item["shape"]) for item in items if item["path"].endswith(f".vars.{name}"))
