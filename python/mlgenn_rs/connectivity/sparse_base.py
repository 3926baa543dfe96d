"""Base class of connectivity that a list of pairs can replace."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import SynapseMatrixType
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue, ValueDescriptor, is_value_array
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection


class SparseBase(Connectivity):
    """Connectivity that a list of pairs can replace.

    Assign arrays to ``pre_ind`` and ``post_ind`` of ``connection.connectivity``: synapse i then
    connects ``pre_ind[i]`` to ``post_ind[i]``, and arrays of weights and delays are in that order.

    Parameters
    ----------
    weight, delay
        As for :class:`Connectivity`.
    """

    pre_ind = ValueDescriptor("pre_ind")
    post_ind = ValueDescriptor("post_ind")

    def __init__(self, weight: InitValue, delay: InitValue) -> None:
        super().__init__(weight, delay)
        self.pre_ind = None
        self.post_ind = None

    def _get_sparse_snippet(
        self, connection: Connection, supported_matrix_type: Any, snippet: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored, with a snippet unless pairs were given."""
        if self.pre_ind is not None or self.post_ind is not None:
            best = self._get_best(supported_matrix_type, [SynapseMatrixType.SPARSE])
            pre_ind, post_ind = self._get_indices(connection)
            return ConnectivitySnippet(
                None, best, self.weight, self.delay, pre_ind=pre_ind, post_ind=post_ind
            )
        options = [SynapseMatrixType.SPARSE]
        if not is_value_array(self.weight) and not is_value_array(self.delay):
            options.append(SynapseMatrixType.PROCEDURAL)
        best = self._get_best(supported_matrix_type, options)
        return ConnectivitySnippet(snippet, best, self.weight, self.delay)

    def _get_indices(self, connection: Connection) -> tuple[Any, Any]:
        what = f"{type(self).__name__}: connection '{connection}'"
        if not (is_value_array(self.pre_ind) and is_value_array(self.post_ind)):
            raise RuntimeError(f"{what}: both pre_ind and post_ind must be arrays")
        if self.pre_ind.shape != self.post_ind.shape or self.pre_ind.ndim != 1:
            raise RuntimeError(
                f"{what}: pre_ind and post_ind must be 1-D and of the same length, got shapes "
                f"{self.pre_ind.shape} and {self.post_ind.shape}"
            )
        source: Any = connection.source()
        target: Any = connection.target()
        for name, indices, population in (
            ("pre_ind", self.pre_ind, source),
            ("post_ind", self.post_ind, target),
        ):
            if indices.size == 0:
                continue
            size = prod(population.shape)
            if indices.dtype.kind not in "iu":
                raise RuntimeError(f"{what}: {name} must hold integers, not {indices.dtype}")
            if np.amin(indices) < 0 or np.amax(indices) >= size:
                raise RuntimeError(
                    f"{what}: {name} must be between 0 and {size - 1} (population "
                    f"'{population}'), got {np.amin(indices)} to {np.amax(indices)}"
                )
        self._check_sizes(connection, len(self.pre_ind))
        return self.pre_ind, self.post_ind

    def _check_sizes(self, connection: Connection, num_synapses: int) -> None:
        for name, value in (("weight", self.weight), ("delay", self.delay)):
            if is_value_array(value) and np.size(value) != num_synapses:
                raise RuntimeError(
                    f"{type(self).__name__}: connection '{connection}' has {num_synapses} "
                    f"synapses, but {name} has {np.size(value)} elements"
                )
