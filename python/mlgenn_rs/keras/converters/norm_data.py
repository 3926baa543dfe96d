"""Data that activations are measured with, and what they give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .layer_graph import LayerGraph
from .layer_kind import get_kind, has_framework_base, is_activation, is_framework_class


def get_inputs(norm_data: Any) -> Iterator[list[np.ndarray[Any, Any]]]:
    """Yield the data of all inputs, of each batch of a data set or of the first in a list of them.

    Raises
    ------
    TypeError
        If these are no batches ``(x, y)``.
    """
    for batch in _get_batches(norm_data):
        arrays = _to_arrays(batch[0]) if isinstance(batch, list | tuple) and batch else []
        if not arrays or any(array.ndim == 0 for array in arrays):
            raise _unfit(batch)
        yield arrays


def _get_batches(norm_data: Any) -> Iterable[Any]:
    if not isinstance(norm_data, Iterable):
        raise _unfit(norm_data)
    if not isinstance(norm_data, list | tuple):
        return norm_data
    if len(norm_data) == 0:
        raise ValueError("norm_data is empty; give a list with a data set, or None")
    first = norm_data[0]
    is_batch = isinstance(first, list | tuple) and len(first) == 2 and hasattr(first[0], "shape")
    if not is_batch and not isinstance(first, Iterable):
        raise _unfit(first)
    return norm_data if is_batch else first


def _unfit(given: Any) -> TypeError:
    return TypeError(
        "norm_data must give batches (x, y) of arrays, such as [[(x, None)]] for a single one, got "
        f"{type(given).__name__}"
    )


def _to_arrays(x: Any) -> list[np.ndarray[Any, Any]]:
    """Return arrays or tensors of any framework as arrays."""
    return [_to_array(part) for part in (x if isinstance(x, list | tuple) else [x])]


def _to_array(x: Any) -> np.ndarray[Any, Any]:
    for method in ("detach", "cpu", "numpy"):
        if not isinstance(x, np.ndarray) and hasattr(x, method):
            x = getattr(x, method)()
    return np.asarray(x)


def get_largest_outputs(
    model: Any, graph: LayerGraph, norm_data: Any
) -> tuple[dict[Any, float], float, float]:
    """Return the largest output of each layer, the largest input and the largest absolute input.

    None is less than zero.  Outputs are those for inference, of a layer with weights before its
    softmax, and behind the batch normalisation that is folded into it.  The data are read once.
    """
    layers = graph.layers[len(graph.inputs) :]
    tensors = [_get_measured_tensor(layer, graph) for layer in layers]
    base = next(c for c in type(model).__mro__ if c.__name__ == "Model" and is_framework_class(c))
    sub_model = base(model.inputs, tensors)
    largest = dict.fromkeys(layers, 0.0)
    largest_input = largest_absolute = 0.0
    for arrays in get_inputs(norm_data):
        outputs = sub_model.predict_on_batch(arrays if len(arrays) > 1 else arrays[0])
        if not isinstance(outputs, list | tuple):
            outputs = [outputs]
        for layer, output in zip(layers, outputs, strict=True):
            largest[layer] = max(largest[layer], float(np.max(output)))
        for array in arrays:
            largest_input = max(largest_input, float(np.max(array)))
            largest_absolute = max(largest_absolute, float(np.max(np.abs(array))))
    return largest, largest_input, largest_absolute


def _get_measured_tensor(layer: Any, graph: LayerGraph) -> Any:
    batch_norm = graph.get_batch_norm(layer)
    if batch_norm is not None:
        return graph.tensors[batch_norm]
    is_weighted = has_framework_base(layer, "Layer") and get_kind(layer) in ("Dense", "Conv2D")
    if not is_weighted or not is_activation(layer.activation, "softmax"):
        return graph.tensors[layer]
    config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_linear"}
    linear = type(layer).from_config(config)
    tensor = linear(graph.tensors[graph.inbound[layer][0]])
    linear.set_weights(layer.get_weights())
    return tensor
