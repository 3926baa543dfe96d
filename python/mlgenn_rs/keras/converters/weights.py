"""Weights of Keras layers, with the batch normalisation that follows folded in."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .layer_graph import LayerGraph
from .layer_kind import WEIGHTED, get_kind, is_activation, unsupported

Floats: TypeAlias = "npt.NDArray[np.float32]"


def get_weights(layer: Any, graph: LayerGraph) -> tuple[Floats, Floats | None]:
    """Return copies of a layer's kernel, and of its bias unless that is zero.

    A batch normalisation behind the layer, as used for inference, scales both and adds to the
    bias; output channels are the last axis of the kernel.
    """
    arrays = [np.array(w, dtype=np.float64) for w in layer.get_weights()]
    kernel = arrays[0]
    bias = arrays[1] if layer.use_bias else np.zeros(kernel.shape[-1])
    batch_norm = graph.get_batch_norm(layer)
    if batch_norm is not None and is_activation(layer.activation, "linear"):
        check_batch_norm(batch_norm, graph)
        scale, shift = _get_scale_and_shift(batch_norm)
        kernel = kernel * scale
        bias = bias * scale + shift
    return kernel.astype(np.float32), bias.astype(np.float32) if np.any(bias) else None


def check_batch_norm(layer: Any, graph: LayerGraph) -> None:
    """Refuse a batch normalisation that cannot be folded.

    Raises
    ------
    NotImplementedError
        If it does not directly follow the weights of a layer, or normalises another axis.
    """
    source = graph.inbound[layer][0]
    is_linear = get_kind(source) in WEIGHTED and is_activation(source.activation, "linear")
    if not is_linear or len(graph.outbound[source]) > 1:
        raise unsupported(
            layer,
            "can only be folded into a Dense or Conv2D layer without activation right before it, "
            "whose output nothing else uses",
        )
    axis = layer.axis
    if axis not in (-1, len(graph.shape(layer)), [len(graph.shape(layer))]):
        raise unsupported(layer, f"axis must be -1 (the last), got {axis}")


def _get_scale_and_shift(layer: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    arrays = iter([np.array(w, dtype=np.float64) for w in layer.get_weights()])
    gamma = next(arrays) if layer.scale else 1.0
    beta = next(arrays) if layer.center else 0.0
    mean, variance = next(arrays), next(arrays)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale
