"""What connectivity and initialisers hand to compilers."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any, NamedTuple

from ..engine import SynapseMatrixType


class ConnectivitySnippet(NamedTuple):
    """How a connection is stored and where its weights and delays come from."""

    snippet: Any
    """Engine initialiser of the connectivity; ``None`` if dense."""
    matrix_type: SynapseMatrixType
    """Storage of connectivity and weights."""
    weight: Any
    """Number, flat array in engine order or initialiser."""
    delay: Any
    """Number, flat array in engine order or initialiser (timesteps)."""
    pre_ind: Any = None
    """Presynaptic index of each synapse, if connectivity is explicit."""
    post_ind: Any = None
    """Postsynaptic index of each synapse, if connectivity is explicit."""
    trainable: bool = True
    """Whether learning rules may change the weights."""


class InitializerSnippet(NamedTuple):
    """Engine snippet that initialises a variable, with its values."""

    snippet: Any
    """Name of a built-in snippet, or a snippet of the engine."""
    param_vals: Mapping[str, Any] = {}
    """Values of the parameters."""
    egp_vals: Mapping[str, Any] = {}
    """Arrays that the code reads."""


class ConstantValueDescriptor:
    """Attribute that can only hold a number.

    Assigning anything else raises :class:`RuntimeError`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name of the attribute."""
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the number; the descriptor itself when accessed through the class."""
        return self if instance is None else getattr(instance, f"_{self.name}")

    def __set__(self, instance: Any, value: Any) -> None:
        """Store a number."""
        if not isinstance(value, Number):
            raise RuntimeError(
                f"{type(instance).__name__}.{self.name}: expected a number, got {value!r}"
            )
        setattr(instance, f"_{self.name}", value)
