"""Base class of connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import SynapseMatrixType
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue, ValueDescriptor, is_value_array

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population


class Connectivity(ABC):
    """Base class of connectivity.

    Parameters
    ----------
    weight
        Weights: a number, an initialiser or an array.
    delay
        Delays in timesteps: an integer for all synapses, an initialiser or an array.

    Raises
    ------
    RuntimeError
        If weights and delays are arrays of different shapes.
    """

    weight = ValueDescriptor("g")
    delay = ValueDescriptor("d")

    def __init__(self, weight: InitValue, delay: InitValue) -> None:
        self.weight = weight
        self.delay = delay
        both = is_value_array(self.weight) and is_value_array(self.delay)
        if both and np.shape(self.weight) != np.shape(self.delay):
            raise RuntimeError(
                f"{type(self).__name__}: weights and delays must have the same shape, got "
                f"{np.shape(self.weight)} and {np.shape(self.delay)}"
            )

    @abstractmethod
    def connect(self, source: Population, target: Population) -> None:
        """Check the shapes of two populations, or infer them.

        Parameters
        ----------
        source
            Source of the connection.
        target
            Target of the connection.

        Raises
        ------
        RuntimeError
            If shapes do not fit.
        """

    @abstractmethod
    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored and initialised.

        Parameters
        ----------
        connection
            Connection that the connectivity belongs to.
        supported_matrix_type
            The compiler's storage preferences; its method ``get_best`` chooses from a list.

        Raises
        ------
        NotImplementedError
            If the compiler supports none of the possible kinds of storage.
        """

    def __repr__(self) -> str:
        """Return class, weights and delays; arrays by their shape."""
        weight, delay = (
            f"array{v.shape}" if isinstance(v, np.ndarray) else repr(v)
            for v in (self.weight, self.delay)
        )
        return f"{type(self).__name__}(weight={weight}, delay={delay})"

    def _get_best(
        self, supported_matrix_type: Any, options: Sequence[SynapseMatrixType]
    ) -> SynapseMatrixType:
        """Return the kind of storage that the compiler prefers."""
        best: SynapseMatrixType | None = supported_matrix_type.get_best(list(options))
        if best is None:
            raise NotImplementedError(
                f"the compiler supports none of the kinds of storage of {type(self).__name__}: "
                f"{', '.join(o.name for o in options)}"
            )
        return best
