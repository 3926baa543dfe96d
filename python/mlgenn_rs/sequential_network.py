"""Network of layers, each connected to the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .network import Network

if TYPE_CHECKING:
    from .connection import Connection
    from .input_layer import InputLayer
    from .layer import Layer
    from .population import Population


class SequentialNetwork(Network):
    """Network whose layers are connected in order of creation.

    Parameters
    ----------
    default_params
        As for :class:`Network`.

    Attributes
    ----------
    layers
        In order of creation. Plain populations and connections can be added as well.
    """

    def __init__(self, default_params: Mapping[type, Mapping[str, Any]] | None = None) -> None:
        super().__init__(default_params)
        self.layers: list[InputLayer | Layer] = []

    @staticmethod
    def get_prev_layer() -> InputLayer | Layer | None:
        """Return the last layer of the network that is being built."""
        layers = SequentialNetwork._get_layers("A layer")
        return layers[-1] if layers else None

    @staticmethod
    def _add_input_layer(layer: InputLayer, population: Population) -> None:
        SequentialNetwork._get_layers("an InputLayer").append(layer)
        Network._add_population(population)

    @staticmethod
    def _add_layer(layer: Layer, population: Population, connection: Connection | None) -> None:
        SequentialNetwork._get_layers("a Layer").append(layer)
        Network._add_population(population)
        if connection is not None:
            Network._add_connection(connection)

    @staticmethod
    def _get_layers(what: str) -> list[InputLayer | Layer]:
        context = Network._get_context(what)
        if not isinstance(context, SequentialNetwork):
            raise AttributeError(
                f"{what} needs a SequentialNetwork, but the network that is being built is a "
                f"{type(context).__name__}"
            )
        return context.layers
