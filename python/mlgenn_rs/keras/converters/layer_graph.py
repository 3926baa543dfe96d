"""Graph of the layers of a Keras model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .layer_kind import TRANSPARENT, check_layer, get_kind, has_framework_base, unsupported


@dataclass
class LayerGraph:
    """Graph of the layers of a Keras model.

    Attributes
    ----------
    layers
        In topological order, layers that are ready in the order of the model.
    inputs
        Input layers in the order of the model.
    outputs
        Layers that the outputs of the model are read from, transparent layers skipped, in the order
        of the model.
    inbound, outbound
        Sources in the order of arguments, and consumers, of each layer.
    tensors
        Symbolic output of each layer.
    """

    layers: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    inbound: dict[Any, list[Any]] = field(default_factory=dict)
    outbound: dict[Any, list[Any]] = field(default_factory=dict)
    tensors: dict[Any, Any] = field(default_factory=dict)

    def shape(self, layer: Any) -> tuple[int, ...]:
        """Return the shape of a layer's output without the batch axis."""
        return tuple(self.tensors[layer].shape)[1:]

    def input_shape(self, layer: Any) -> tuple[int, ...]:
        """Return the shape of a layer's first input without the batch axis."""
        return self.shape(self.inbound[layer][0])

    def get_batch_norm(self, layer: Any) -> Any | None:
        """Return the batch normalisation that follows a layer and nothing else does."""
        consumers = self.outbound[layer]
        if len(consumers) == 1 and get_kind(consumers[0]) == "BatchNormalization":
            return consumers[0]
        return None


def read_graph(model: Any) -> LayerGraph:
    """Read the graph of a functional or sequential model, of any version of Keras.

    Only what leads to the outputs of this model counts: its layers may be part of others, too.

    Raises
    ------
    ValueError
        If a sequential model is not built, or the shape of an input is not known.
    NotImplementedError
        If the model has no graph, or has layers that cannot be converted.
    TypeError
        If it is no Keras model.
    """
    inputs, outputs = _get_ends(model)
    graph = LayerGraph()
    graph.inputs = [_read_input(tensor) for tensor in inputs]
    graph.tensors = dict(zip(graph.inputs, inputs, strict=True))
    graph.inbound = {layer: [] for layer in graph.inputs}
    _read_inbound(graph, outputs)
    graph.outbound = {layer: [] for layer in graph.inbound}
    for layer, sources in graph.inbound.items():
        for source in sources:
            graph.outbound[source].append(layer)
    _sort(graph, model)
    for tensor in outputs:
        layer = tensor._keras_history[0]
        while get_kind(layer) in TRANSPARENT:
            layer = graph.inbound[layer][0]
        if layer not in graph.outputs:
            graph.outputs.append(layer)
    for layer in graph.inputs:
        if layer in graph.outputs or not graph.outbound[layer]:
            raise unsupported(layer, "an input layer as output cannot be converted")
    return graph


def _get_ends(model: Any) -> tuple[list[Any], list[Any]]:
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs = outputs = None
    if inputs and outputs:
        return list(inputs), list(outputs)
    if has_framework_base(model, "Sequential"):
        raise ValueError(
            f"sequential model {model.name!r} is not built: start it with an Input layer, or call "
            "its build method with the shape of the input"
        )
    if has_framework_base(model, "Model"):
        raise NotImplementedError(
            f"model {model.name!r} of class {type(model).__name__} has no graph of layers; only "
            "functional and sequential models can be converted"
        )
    raise TypeError(f"expected a Keras model, got {type(model).__name__}")


def _read_input(tensor: Any) -> Any:
    layer, node, _ = tensor._keras_history
    if get_kind(layer) != "InputLayer" or len(_output_tensors(layer._inbound_nodes[node])) != 1:
        raise unsupported(layer, "expected an input layer with one tensor")
    shape = tuple(tensor.shape)[1:]
    if None in shape:
        raise ValueError(f"input layer {layer.name!r}: all sizes must be known, got {shape}")
    return layer


def _output_tensors(node: Any) -> list[Any]:
    outputs = getattr(node, "output_tensors", None)
    if outputs is None:
        outputs = node.outputs
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _input_tensors(node: Any) -> list[Any]:
    tensors = getattr(node, "input_tensors", None)
    if getattr(node, "keras_inputs", None) is not None:
        tensors = node.keras_inputs
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _read_inbound(graph: LayerGraph, outputs: list[Any]) -> None:
    nodes: dict[Any, int] = {}
    pending = list(outputs)
    while pending:
        tensor = pending.pop()
        layer, node, _ = tensor._keras_history
        if layer in graph.inputs:
            continue
        if nodes.setdefault(layer, node) != node:
            raise unsupported(layer, "layers that are used more than once cannot be converted")
        if layer in graph.inbound:
            continue
        check_layer(layer)
        tensors = _input_tensors(layer._inbound_nodes[node])
        if (len(tensors) > 1) != (get_kind(layer) == "Add"):
            raise unsupported(layer, f"cannot be converted with {len(tensors)} inputs")
        graph.tensors[layer] = tensor
        graph.inbound[layer] = [t._keras_history[0] for t in tensors]
        pending += tensors


def _sort(graph: LayerGraph, model: Any) -> None:
    """Sort layers so that sources come first, otherwise in the order of the model."""
    rank = {layer: i for i, layer in enumerate(model.layers)}
    # Operations that are no layers follow, in the order in which they were found.
    order = {layer: rank.get(layer, len(rank) + i) for i, layer in enumerate(graph.inbound)}
    waiting = sorted((x for x in graph.inbound if x not in graph.inputs), key=order.__getitem__)
    graph.layers = list(graph.inputs)
    visited = set(graph.inputs)
    while waiting:
        layer = next(x for x in waiting if visited.issuperset(graph.inbound[x]))
        waiting.remove(layer)
        visited.add(layer)
        graph.layers.append(layer)
