"""Conversion to integrate-and-fire neurons with thresholds balanced on data."""

from __future__ import annotations

from logging import getLogger
from typing import Any, NamedTuple

import numpy as np

from ...network import Network
from ...neurons import IntegrateFire
from ...population import Population
from ...utils.network import get_network_dag
from .biased import scale_biases
from .enum import InputType
from .layer_graph import LayerGraph, read_graph
from .layer_kind import WEIGHTED, get_kind
from .norm_data import get_largest_outputs
from .rate_coded import RateCoded
from .weights import get_weights

logger = getLogger(__name__)


class PreConvertOutput(NamedTuple):
    """What is known about a model before conversion."""

    thresholds: dict[Any, float]
    """Threshold of each layer."""


class DataNorm(RateCoded):
    """Converts to integrate-and-fire neurons whose thresholds balance weights and activations.

    Thresholds are chosen along the chain of layers behind the input; from the first layer with
    several consumers on they are 1.

    Diehl, P. U., Neil, D., Binas, J., Cook, M., Liu, S.-C. and Pfeiffer, M. (2015).
    Fast-classifying, high-accuracy spiking deep networks through weight and threshold balancing.
    IJCNN.

    Parameters
    ----------
    evaluate_timesteps
        Number of timesteps of an example.
    signed_input
        Whether inputs can be negative; ignored by ``InputType.IF``.
    norm_data
        List whose first element gives batches ``(x, y)``, labels unused; without it, thresholds
        are 1.
    input_type
        How inputs, about 0 to 1, become spikes: a member of :class:`InputType` or its value.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        signed_input: bool = False,
        norm_data: Any = None,
        input_type: InputType | str = InputType.POISSON,
    ) -> None:
        super().__init__(evaluate_timesteps, signed_input, input_type)
        self.norm_data = norm_data

    def pre_convert(self, tf_model: Any) -> PreConvertOutput:
        """Measure activations and choose thresholds.

        Raises
        ------
        NotImplementedError
            If the model has several inputs.
        """
        graph = read_graph(tf_model)
        if len(graph.inputs) != 1:
            raise NotImplementedError(
                f"DataNorm: the model must have one input, got {len(graph.inputs)}"
            )
        thresholds = dict.fromkeys(graph.layers, 1.0)
        if self.norm_data is not None:
            largest, _, _ = get_largest_outputs(tf_model, graph, self.norm_data)
            thresholds.update(_get_thresholds(graph, largest))
        return PreConvertOutput(thresholds)

    def create_neurons(
        self, tf_layer: Any, pre_convert_output: PreConvertOutput, is_output: bool
    ) -> IntegrateFire:
        """Create the neurons of a layer."""
        return IntegrateFire(
            v_thresh=pre_convert_output.thresholds[tf_layer],
            readout="spike_count" if is_output else None,
        )

    def post_convert(
        self,
        mlg_network: Network,
        mlg_network_inputs: list[Population],
        mlg_model_outputs: list[Population],
    ) -> None:
        """Adapt biases to thresholds."""
        scale_biases(get_network_dag(mlg_network_inputs, mlg_model_outputs))


def _get_thresholds(graph: LayerGraph, largest: dict[Any, float]) -> dict[Any, float]:
    thresholds: dict[Any, float] = {}
    layer = graph.inputs[0]
    scale, threshold = 1.0, 1.0
    while len(graph.outbound[layer]) == 1:
        layer = graph.outbound[layer][0]
        if len(graph.outbound[layer]) > 1:
            break
        if get_kind(layer) in WEIGHTED:
            weight, _ = get_weights(layer, graph)
            layer_scale = max(largest[layer], float(np.max(weight)))
            if layer_scale <= 0:
                logger.warning("layer %r is never active; its scale is set to 1", layer.name)
                layer_scale = 1.0
            threshold = layer_scale / scale
            scale = layer_scale
        thresholds[layer] = threshold
    return thresholds
