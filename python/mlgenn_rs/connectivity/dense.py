"""All-to-all connectivity."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import SynapseMatrixType
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue, is_value_array
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population


class Dense(Connectivity):
    """All-to-all connectivity.

    Parameters
    ----------
    weight
        Number, initialiser or array (sources, targets). With an array, both populations are 1-D
        and their shapes are inferred if they are not given.
    delay
        Timesteps: an integer, an initialiser or an array like ``weight``.
    """

    def __init__(self, weight: InitValue, delay: InitValue = 0) -> None:
        super().__init__(weight, delay)

    def connect(self, source: Population, target: Population) -> None:
        """Check or infer shapes from an array of weights.

        Raises
        ------
        NotImplementedError
            If the array is not 2-D.
        RuntimeError
            If a population has another shape.
        """
        if not is_value_array(self.weight):
            return
        if self.weight.ndim != 2:
            raise NotImplementedError(
                f"Dense: an array of weights must have the shape (sources, targets), got "
                f"{self.weight.shape}"
            )
        num_sources, num_targets = self.weight.shape
        for population, size in ((target, num_targets), (source, num_sources)):
            if population.shape is not None and tuple(population.shape) != (size,):
                raise RuntimeError(
                    f"Dense: weights of the shape {self.weight.shape} connect {num_sources} to "
                    f"{num_targets} neurons, but population '{population}' has the shape "
                    f"{population.shape}, not ({size},)"
                )
        source.shape = (num_sources,)
        target.shape = (num_targets,)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: DENSE."""
        best = self._get_best(supported_matrix_type, [SynapseMatrixType.DENSE])
        source: Any = connection.source()
        target: Any = connection.target()
        size = prod(source.shape) * prod(target.shape)
        for what, value in (("weight", self.weight), ("delay", self.delay)):
            if is_value_array(value) and np.size(value) != size:
                raise RuntimeError(
                    f"Dense: connection '{connection}' has {size} synapses, but {what} has "
                    f"{np.size(value)} elements"
                )
        return ConnectivitySnippet(None, best, self.weight, self.delay)
