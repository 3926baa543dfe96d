"""Translation of the layers of a Keras model, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ...connectivity import AvgPool2D, AvgPoolConv2D, AvgPoolDense2D, Conv2D, Dense, OneToOne
from ...neurons import Neuron
from .flat import FlatDense, FlatOneToOne
from .layer_config import LayerConfig, SynapseConfig
from .layer_graph import LayerGraph
from .layer_kind import ACTIVATIONS, WEIGHTED, get_kind, is_activation, unsupported
from .weights import Floats, check_batch_norm, get_weights


class Hooks(Protocol):
    """Hooks of a converter that are called for every layer."""

    def create_neurons(self, tf_layer: Any, pre_convert_output: Any, is_output: bool) -> Neuron:
        """Create the neurons of a layer."""

    def validate_tf_layer(self, tf_layer: Any, config: Any) -> None:
        """Refuse unsuitable layers."""


class Walk:
    """Translates layers into configurations of populations and their connections.

    Parameters
    ----------
    graph
        Graph of the layers.
    hooks
        Converter whose hooks create neurons and check layers.
    pre_convert_output
        What the hooks are handed.

    Attributes
    ----------
    queue
        Configurations that become populations, in order.
    """

    def __init__(self, graph: LayerGraph, hooks: Hooks, pre_convert_output: Any) -> None:
        self.graph = graph
        self.queue: list[LayerConfig] = []
        self._hooks = hooks
        self._pre_convert_output = pre_convert_output
        self._results: dict[Any, list[LayerConfig]] = {}

    def add_input(self, layer: Any, neurons: Neuron) -> None:
        """Queue an input layer."""
        config = LayerConfig(
            layer, self.graph.shape(layer), is_input=True, has_activation=True, neurons=neurons
        )
        self._results[layer] = [config]
        self.queue.append(config)

    def visit(self, layer: Any) -> None:
        """Translate a layer whose sources were translated."""
        inbound = [c for source in self.graph.inbound[layer] for c in self._results[source]]
        kind = get_kind(layer)
        if kind == "Add":
            result = self._add(layer, inbound)
        elif kind == "Flatten":
            result = [config.flattened() for config in inbound]
        elif kind in WEIGHTED:
            result = [self._weighted(layer, inbound)]
        elif kind in ACTIVATIONS:
            result = [self._activation(layer, inbound)]
        elif kind in ("AveragePooling2D", "GlobalAveragePooling2D"):
            result = [self._pooling(layer, inbound)]
        else:
            if kind == "BatchNormalization":
                check_batch_norm(layer, self.graph)
            result = inbound
        self._results[layer] = result

    def _create_config(self, layer: Any, has_activation: bool, has_neurons: bool) -> LayerConfig:
        """Call the hooks in the order that converters rely on."""
        config = LayerConfig(
            layer,
            self.graph.shape(layer),
            is_output=layer in self.graph.outputs,
            has_activation=has_activation,
            is_normalised=self.graph.get_batch_norm(layer) is not None,
        )
        if has_neurons:
            config.neurons = self._hooks.create_neurons(
                layer, self._pre_convert_output, config.is_output
            )
        self._hooks.validate_tf_layer(layer, config)
        return config

    def _add(self, layer: Any, inbound: list[LayerConfig]) -> list[LayerConfig]:
        if layer in self.graph.outputs:
            raise unsupported(layer, "cannot be an output; add an activation layer behind it")
        shapes = {self.graph.shape(source) for source in self.graph.inbound[layer]}
        if len(shapes) > 1:
            raise unsupported(layer, f"all inputs must have the same shape, got {sorted(shapes)}")
        return inbound

    def _weighted(self, layer: Any, inbound: list[LayerConfig]) -> LayerConfig:
        linear = is_activation(layer.activation, "linear")
        config = self._create_config(layer, not linear, True)
        weight, bias = get_weights(layer, self.graph)
        connect = self._connect_dense if get_kind(layer) == "Dense" else _connect_conv
        for source in inbound:
            config.synapses += _connect_or_fuse(layer, source, weight, bias, connect)
            bias = None  # Several sources share weights; the bias counts once.
        if config.has_activation or config.is_output:
            self.queue.append(config)
        return config

    def _connect_dense(
        self, layer: Any, source: LayerConfig, weight: Floats, pool: dict[str, Any]
    ) -> tuple[type, dict[str, Any]]:
        if len(self.graph.input_shape(layer)) > 1:
            raise unsupported(layer, "needs a Flatten layer before it")
        if pool:
            return AvgPoolDense2D, {"weight": weight, **pool}
        return (Dense if len(source.shape) == 1 else FlatDense), {"weight": weight}

    def _activation(self, layer: Any, inbound: list[LayerConfig]) -> LayerConfig:
        config = self._create_config(layer, True, True)
        for source in inbound:
            if source.has_activation:
                one_to_one = OneToOne if source.shape == config.shape else FlatOneToOne
                config.synapses.append(SynapseConfig(one_to_one, {"weight": 1.0}, source))
            else:
                config.synapses += source.synapses
        self.queue.append(config)
        return config

    def _pooling(self, layer: Any, inbound: list[LayerConfig]) -> LayerConfig:
        config = self._create_config(layer, False, False)
        if config.is_output:
            raise unsupported(layer, "cannot be an output; add an activation layer behind it")
        if get_kind(layer) == "AveragePooling2D":
            params = {"pool_size": layer.pool_size, "pool_strides": layer.strides}
        else:
            size = self.graph.input_shape(layer)[:2]
            if None in size:
                raise unsupported(layer, "the height and width of its input must be known")
            params = {"pool_size": size, "pool_strides": None}
            if not layer.keepdims:
                params["flatten"] = True
        for source in inbound:
            if not source.has_activation:
                raise unsupported(
                    layer, "cannot follow a layer without activation, or another pooling layer"
                )
            config.synapses.append(SynapseConfig(AvgPool2D, dict(params), source))
        return config


Connect = Callable[[Any, LayerConfig, Floats, dict[str, Any]], tuple[type, dict[str, Any]]]


def _connect_or_fuse(
    layer: Any, source: LayerConfig, weight: Floats, bias: Floats | None, connect: Connect
) -> list[SynapseConfig]:
    """Return the connections of a weighted layer: pooling before it is fused with it."""
    if source.has_activation:
        return [SynapseConfig(*connect(layer, source, weight, {}), source, bias)]
    entries = []
    for synapse in source.synapses:
        if synapse.type is not AvgPool2D:
            raise unsupported(layer, f"{source.tf_layer.name!r} before it needs an activation")
        pool = {key: synapse.params[key] for key in ("pool_size", "pool_strides")}
        kind, params = connect(layer, synapse.source, weight, pool)
        entries.append(SynapseConfig(kind, params, synapse.source, bias))
        bias = None
    return entries


def _connect_conv(
    layer: Any, source: LayerConfig, weight: Floats, pool: dict[str, Any]
) -> tuple[type, dict[str, Any]]:
    params = {
        "filters": layer.filters,
        "conv_size": layer.kernel_size,
        "conv_strides": layer.strides,
        "conv_padding": layer.padding,
        "weight": weight,
        **pool,
    }
    return (AvgPoolConv2D if pool else Conv2D), params


def total_bias(config: LayerConfig) -> Floats | None:
    """Return the sum of the biases of all connections; ``None`` if there is none.

    The result has one element per channel, or per neuron.
    """
    biases = [s.bias for s in config.synapses if s.bias is not None]
    if not biases:
        return None
    # Channels are the last axis; a Dense branch may have been added to a flattened convolution.
    size = max(len(bias) for bias in biases)
    total = np.zeros(size, dtype=np.float32)
    for bias in biases:
        total += np.tile(bias, size // len(bias))
    return total
