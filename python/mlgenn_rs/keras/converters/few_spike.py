"""Conversion to few-spike neurons."""

from __future__ import annotations

from logging import getLogger
from typing import Any, NamedTuple

from ...compilers import FewSpikeCompiler
from ...network import Network
from ...neurons import FewSpikeRelu, FewSpikeReluInput
from ...population import Population
from ...utils.checks import check_count, check_positive
from ...utils.endpoints import get_source
from .converter import Converter
from .layer_graph import read_graph
from .norm_data import get_largest_outputs

logger = getLogger(__name__)


class PreConvertOutput(NamedTuple):
    """What is known about a model before conversion."""

    layer_alpha: dict[Any, float]
    """Range of each layer; empty without data."""
    input_alpha: float | None
    """Range of the input; ``None`` without data."""


class FewSpike(Converter):
    """Converts to few-spike neurons, which code an activation as a binary number.

    The output lacks the least significant spike of the layer before; a signed input has half as
    many spikes for each sign.

    Stoeckl, C. and Maass, W. (2021). Optimized spiking neurons can classify images with high
    accuracy through temporal coding with two spikes. Nature Machine Intelligence 3, 230-238.

    Parameters
    ----------
    k
        Number of timesteps that each layer works on an example.
    alpha
        Range of activations, where it is not measured.
    signed_input
        Whether inputs can be negative.
    norm_data
        List whose first element gives batches ``(x, y)``, labels unused, to measure ranges with.
    """

    def __init__(
        self,
        k: int = 10,
        alpha: float = 25,
        signed_input: bool = False,
        norm_data: Any = None,
    ) -> None:
        self.k = check_count(k, "FewSpike: k")
        self.alpha = check_positive(alpha, "FewSpike: alpha")
        self.signed_input = signed_input
        self.norm_data = norm_data

    def pre_convert(self, tf_model: Any) -> PreConvertOutput:
        """Measure the ranges of input and activations."""
        if self.norm_data is None:
            return PreConvertOutput({}, None)
        graph = read_graph(tf_model)
        largest, largest_input, largest_absolute = get_largest_outputs(
            tf_model, graph, self.norm_data
        )
        # What k spikes that stand for halves, quarters, ... of alpha can represent.
        unsigned_range = 1 - 2.0**-self.k
        if self.signed_input:
            signed_range = 2.0 ** (-self.k // 2) * (2 ** (self.k // 2) - 1)
            input_alpha = largest_absolute / signed_range
        else:
            input_alpha = largest_input / unsigned_range
        return PreConvertOutput(
            {layer: value / unsigned_range for layer, value in largest.items()}, input_alpha
        )

    def create_input_neurons(self, pre_convert_output: PreConvertOutput) -> FewSpikeReluInput:
        """Create the neurons of an input layer."""
        alpha = pre_convert_output.input_alpha
        if alpha is None:
            alpha = self.alpha
        elif alpha <= 0:
            logger.warning("input is always zero; alpha is set to %g", self.alpha)
            alpha = self.alpha
        return FewSpikeReluInput(self.k, alpha, self.signed_input)

    def create_neurons(
        self, tf_layer: Any, pre_convert_output: PreConvertOutput, is_output: bool
    ) -> FewSpikeRelu:
        """Create the neurons of a layer."""
        alpha = pre_convert_output.layer_alpha.get(tf_layer, 0.0)
        if alpha <= 0:
            if pre_convert_output.layer_alpha:
                logger.warning(
                    "layer %r is never active; alpha is set to %g", tf_layer.name, self.alpha
                )
            alpha = self.alpha
        return FewSpikeRelu(self.k, alpha, readout="var" if is_output else None)

    def post_convert(
        self,
        mlg_network: Network,
        mlg_network_inputs: list[Population],
        mlg_model_outputs: list[Population],
    ) -> None:
        """Give sources that share a target the same range, the largest of them.

        Raises
        ------
        NotImplementedError
            If a signed input and a hidden layer share a target.
        """
        group_of = {pop: {pop} for pop in mlg_network.populations}
        for target in mlg_network.populations:
            incoming = [c for ref in target.incoming_connections if (c := ref()) is not None]
            sources = [get_source(conn) for conn in incoming]
            is_signed = {getattr(s.neuron, "signed_input", False) for s in sources}
            if len(is_signed) > 1:
                raise NotImplementedError(
                    f"FewSpike: layer {target.name!r} adds a signed input to activations, which "
                    "are unsigned"
                )
            joined = set().union(*(group_of[source] for source in sources))
            for member in joined:
                group_of[member] = joined
        for pop, group in group_of.items():
            pop.neuron.alpha = max(member.neuron.alpha for member in group)  # type: ignore[attr-defined]

    def create_compiler(self, **kwargs: Any) -> FewSpikeCompiler:
        """Create a compiler for few-spike networks, with its keyword arguments."""
        return FewSpikeCompiler(k=self.k, **kwargs)
