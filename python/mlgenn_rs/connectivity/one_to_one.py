"""Diagonal connectivity."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..engine import init_sparse_connectivity
from ..utils.connectivity import update_target_shape
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue
from .sparse_base import SparseBase

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population


class OneToOne(SparseBase):
    """Connect neuron i to neuron i.

    Parameters
    ----------
    weight
        Number, initialiser or array with one element per neuron.
    delay
        Timesteps: an integer, an initialiser or an array like ``weight``.
    """

    def __init__(self, weight: InitValue, delay: InitValue = 0) -> None:
        super().__init__(weight, delay)

    def connect(self, source: Population, target: Population) -> None:
        """Give the target the shape of the source, or check that it has it."""
        if source.shape is None:
            raise RuntimeError(f"OneToOne: give population '{source}' a shape")
        update_target_shape(target, tuple(source.shape), False)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE or PROCEDURAL."""
        if self.pre_ind is None and self.post_ind is None:
            source: Any = connection.source()
            self._check_sizes(connection, prod(source.shape))
        return self._get_sparse_snippet(
            connection, supported_matrix_type, init_sparse_connectivity("OneToOne", {})
        )
