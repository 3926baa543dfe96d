"""Connectivity that compares numbers of neurons instead of shapes.

Flattening does not reorder neurons, so that populations keep their shape on both sides of it.
"""

from __future__ import annotations

from math import prod

from ...connectivity import Dense, OneToOne
from ...population import Population
from ...utils.value import is_value_array


class FlatDense(Dense):
    """All-to-all connectivity from a population of any shape."""

    def connect(self, source: Population, target: Population) -> None:
        """Check the numbers of neurons."""
        assert is_value_array(self.weight)
        _check("Dense", source, self.weight.shape[0])
        _check("Dense", target, self.weight.shape[1])


class FlatOneToOne(OneToOne):
    """Diagonal connectivity between populations of different shapes."""

    def connect(self, source: Population, target: Population) -> None:
        """Check the numbers of neurons."""
        _check("OneToOne", target, prod(source.shape or ()))


def _check(name: str, population: Population, size: int) -> None:
    if prod(population.shape or ()) != size:
        raise RuntimeError(
            f"{name}: population {population.name!r} must have {size} neurons, but has the shape "
            f"{population.shape}"
        )
