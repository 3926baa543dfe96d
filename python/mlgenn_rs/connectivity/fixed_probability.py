"""Random connectivity with a fixed probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import init_sparse_connectivity
from ..utils.snippet import ConnectivitySnippet, ConstantValueDescriptor
from ..utils.value import InitValue, is_value_array
from .sparse_base import SparseBase

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population


class FixedProbability(SparseBase):
    """Connect every pair of neurons independently with the same probability.

    Parameters
    ----------
    p
        Probability, 0 to 1.
    weight
        Number or initialiser; an array only with explicit ``pre_ind`` and ``post_ind``.
    allow_self_connections
        Whether, within one population, neurons can be connected to themselves.
    delay
        Timesteps: an integer or initialiser; an array only with explicit indices.

    Raises
    ------
    RuntimeError
        If ``p`` is no number.
    ValueError
        If ``p`` is not between 0 and 1.
    """

    p = ConstantValueDescriptor()

    def __init__(
        self,
        p: float,
        weight: InitValue,
        allow_self_connections: bool = False,
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay)
        self.p = p
        self.allow_self_connections = allow_self_connections
        self._check_probability()

    def connect(self, source: Population, target: Population) -> None:
        """Do nothing: any shapes can be connected."""

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE or PROCEDURAL."""
        self._check_probability()
        random = self.pre_ind is None and self.post_ind is None
        if random and (is_value_array(self.weight) or is_value_array(self.delay)):
            raise RuntimeError(
                f"FixedProbability: connection '{connection}' has random pairs, so arrays of "
                f"weights or delays need explicit pre_ind and post_ind"
            )
        recurrent = connection.source() is connection.target()
        name = (
            "FixedProbabilityNoAutapse"
            if recurrent and not self.allow_self_connections
            else "FixedProbability"
        )
        return self._get_sparse_snippet(
            connection, supported_matrix_type, init_sparse_connectivity(name, {"prob": self.p})
        )

    def _check_probability(self) -> None:
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"FixedProbability: p must be between 0 and 1, got {self.p}")
