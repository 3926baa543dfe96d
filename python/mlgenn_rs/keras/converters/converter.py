"""Base class of converters."""

from __future__ import annotations

from itertools import count
from typing import Any

from ...compilers import InferenceCompiler
from ...compilers.compiler import Compiler
from ...connection import Connection
from ...network import Network
from ...neurons import Neuron
from ...population import Population
from .biased import add_bias
from .layer_config import LayerConfig
from .layer_graph import read_graph
from .layer_kind import SUPPORTED, get_kind, is_activation, unsupported
from .walk import Walk, total_bias


class Converter:
    """Converts Keras models into spiking networks; subclasses override hooks.

    Hooks are called in the order ``pre_convert``, ``create_input_neurons`` of every input, for
    every other layer ``create_neurons`` and ``validate_tf_layer``, and ``post_convert``.  What is
    found out about a model travels in what ``pre_convert`` returns, so that one converter can
    convert any number of models.

    Batch normalisation is folded into the weights before it; what it adds becomes a bias of the
    neurons.
    """

    def convert(
        self, tf_model: Any
    ) -> tuple[Network, list[Population], list[Population], dict[Any, Population]]:
        """Convert a functional or sequential Keras model.

        Parameters
        ----------
        tf_model
            The model, of Keras 3 or ``tf_keras``.  Its weights are copied.

        Returns
        -------
        tuple
            Network, input populations and output populations in the order of the model, and the
            population of each layer that has one.  Populations are named after their layers.

        Raises
        ------
        NotImplementedError
            If a layer is not supported; the message names it.
        ValueError
            If a sequential model is not built, or sizes of its input are not known.
        """
        graph = read_graph(tf_model)
        pre_convert_output = self.pre_convert(tf_model)
        walk = Walk(graph, self, pre_convert_output)
        for layer in graph.inputs:
            walk.add_input(layer, self.create_input_neurons(pre_convert_output))
        for layer in graph.layers[len(graph.inputs) :]:
            walk.visit(layer)
        network, populations = _build(walk.queue)
        inputs = [populations[layer] for layer in graph.inputs]
        outputs = [populations[layer] for layer in graph.outputs]
        self.post_convert(network, inputs, outputs)
        return network, inputs, outputs, populations

    def pre_convert(self, tf_model: Any) -> Any:
        """Return what is to be known about a model, which other hooks are handed."""
        return None

    def create_input_neurons(self, pre_convert_output: Any) -> Neuron:
        """Create the neurons of an input layer."""
        raise NotImplementedError(f"{type(self).__name__} must override create_input_neurons")

    def create_neurons(self, tf_layer: Any, pre_convert_output: Any, is_output: bool) -> Neuron:
        """Create the neurons of a layer with weights or of an activation layer."""
        raise NotImplementedError(f"{type(self).__name__} must override create_neurons")

    def validate_tf_layer(self, tf_layer: Any, config: LayerConfig) -> None:
        """Refuse layers that neurons like rectified linear units cannot stand for.

        Raises
        ------
        NotImplementedError
            For a bias (unless batch normalisation follows), activations other than ReLU (and
            softmax for outputs), and padded pooling.
        """
        kind = get_kind(tf_layer)
        if kind in ("Dense", "Conv2D"):
            _validate_weighted(tf_layer, config)
        elif kind == "Activation":
            allowed = ("relu", "softmax") if config.is_output else ("relu",)
            _check_activation(tf_layer, allowed)
        elif kind == "Softmax":
            if not config.is_output:
                raise unsupported(tf_layer, "softmax is only supported for outputs")
        elif kind == "AveragePooling2D":
            if tf_layer.padding != "valid":
                raise unsupported(tf_layer, f"padding must be valid, got {tf_layer.padding!r}")
        elif kind not in ("ReLU", "GlobalAveragePooling2D"):
            raise unsupported(tf_layer, f"cannot be converted; supported: {', '.join(SUPPORTED)}")

    def post_convert(
        self,
        mlg_network: Network,
        mlg_network_inputs: list[Population],
        mlg_model_outputs: list[Population],
    ) -> None:
        """Change neurons of the finished network."""

    def create_compiler(self, **kwargs: Any) -> Compiler:
        """Create a compiler that suits the network, with keyword arguments of its own."""
        return InferenceCompiler(**kwargs)


def _validate_weighted(layer: Any, config: LayerConfig) -> None:
    if layer.use_bias and not config.is_normalised:
        raise unsupported(layer, "biases cannot be converted; create it with use_bias=False")
    if config.is_output:
        _check_activation(layer, ("relu", "softmax"))
    elif config.has_activation:
        _check_activation(layer, ("relu",))


def _check_activation(layer: Any, allowed: tuple[str, ...]) -> None:
    if not any(is_activation(layer.activation, name) for name in allowed):
        name = getattr(layer.activation, "__name__", repr(layer.activation))
        raise unsupported(layer, f"activation must be {' or '.join(allowed)}, got {name}")


def _build(queue: list[LayerConfig]) -> tuple[Network, dict[Any, Population]]:
    """Create the populations, then connections."""
    network = Network()
    populations: dict[Any, Population] = {}
    with network:
        for config in queue:
            neurons, bias = config.neurons, total_bias(config)
            assert neurons is not None
            name = config.tf_layer.name
            if bias is not None:
                neurons = add_bias(neurons, bias, config.shape, name)
            populations[config.tf_layer] = Population(neurons, config.shape, name=name)
        names: set[str] = set()
        for config in queue:
            target = populations[config.tf_layer]
            for synapse in config.synapses:
                source = populations[synapse.source.tf_layer]
                name = _unique(f"Conn_{source.name}_{target.name}", names)
                Connection(source, target, synapse.type(**synapse.params), name=name)
    return network, populations


def _unique(name: str, names: set[str]) -> str:
    """Return a name, numbered if it was given before."""
    candidates = (f"{name}_{i}" for i in count(2))
    unique = name
    while unique in names:
        unique = next(candidates)
    names.add(unique)
    return unique
