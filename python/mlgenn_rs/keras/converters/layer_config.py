"""What a Keras layer becomes, while a model is being converted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...connectivity import AvgPool2D, AvgPoolConv2D, Connectivity, Conv2D
from ...neurons import Neuron


@dataclass
class SynapseConfig:
    """Connection to be made.

    Attributes
    ----------
    type
        Class of the connectivity.
    params
        Keyword arguments of its constructor.
    source
        Where it comes from.
    bias
        What the weights lack, per output channel; ``None`` if nothing.
    """

    type: type[Connectivity]
    params: dict[str, Any]
    source: LayerConfig
    bias: npt.NDArray[np.float32] | None = None

    def flattened(self) -> SynapseConfig:
        """Return this, or a copy that leads to a 1-D population."""
        if not issubclass(self.type, AvgPool2D | Conv2D | AvgPoolConv2D):
            return self
        return SynapseConfig(self.type, {**self.params, "flatten": True}, self.source, self.bias)


@dataclass(eq=False)
class LayerConfig:
    """What a Keras layer becomes.

    Attributes
    ----------
    tf_layer
        The layer.
    shape
        Shape of its output without the batch axis.
    is_input, is_output
        Whether the model gets its input or gives its output there.
    has_activation
        Whether the layer ends in an activation, and so becomes a population in any case.
    is_normalised
        Whether a batch normalisation follows that is folded into the layer, with its bias.
    neurons
        Neurons of the population; ``None`` for pooling.
    synapses
        Connections to be made; still empty when a layer is validated.
    """

    tf_layer: Any
    shape: tuple[int, ...]
    is_input: bool = False
    is_output: bool = False
    has_activation: bool = False
    is_normalised: bool = False
    neurons: Neuron | None = None
    synapses: list[SynapseConfig] = field(default_factory=list)

    def flattened(self) -> LayerConfig:
        """Return this, or a copy whose pending connections lead to a 1-D population."""
        if self.has_activation:
            return self
        copy = LayerConfig(self.tf_layer, self.shape, is_output=self.is_output)
        copy.synapses = [synapse.flattened() for synapse in self.synapses]
        return copy
