"""Neurons with a bias, which folding batch normalisation leaves."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from ...neurons import FewSpikeRelu, IntegrateFire, Neuron
from ...population import Population
from ...utils.model import NeuronModel
from ...utils.value import InitValue, ValueDescriptor


class BiasedIntegrateFire(IntegrateFire):
    """:class:`IntegrateFire` with a constant input current.

    Parameters
    ----------
    neuron
        Neuron whose values are taken over.
    bias
        Value that is added to ``v`` in every timestep, divided by ``bias_scale``: one per neuron.

    Attributes
    ----------
    bias_scale
        Activation of the source that a spike in every timestep stands for.
    """

    bias = ValueDescriptor("Bias")

    def __init__(self, neuron: IntegrateFire, bias: InitValue) -> None:
        super().__init__(neuron.v_thresh, neuron.v_reset, neuron.v, neuron.readout)
        self.bias = bias
        self.bias_scale = 1.0

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        model = super().get_model(population, dt, batch_size)
        model.add_param("Bias", "scalar", np.asarray(self.bias) / self.bias_scale)
        model.append_sim_code("V += Bias;")
        return model


class BiasedFewSpikeRelu(FewSpikeRelu):
    """:class:`FewSpikeRelu` that adds a constant to its input.

    Parameters
    ----------
    neuron
        Neuron whose values are taken over.
    bias
        The constants, one per neuron.
    """

    bias = ValueDescriptor("Bias")

    def __init__(self, neuron: FewSpikeRelu, bias: InitValue) -> None:
        super().__init__(neuron.k, neuron.alpha, neuron.readout)
        self.bias = bias

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values: sums start from the bias instead of zero."""
        model = super().get_model(population, dt, batch_size)
        model.add_param("Bias", "scalar", self.bias)
        model.append_sim_code("if (pipeTimestep == 0) { Fx = Bias; }")
        model.var_vals["Fx"] = self.bias
        return model


def add_bias(
    neuron: Neuron, bias: npt.NDArray[np.float32], shape: tuple[int, ...], name: str
) -> Neuron:
    """Return a neuron with a bias per channel, for a population of a shape.

    Raises
    ------
    NotImplementedError
        If there is no such neuron with a bias.
    """
    values = np.tile(bias, prod(shape) // len(bias))
    if type(neuron) is IntegrateFire:
        return BiasedIntegrateFire(neuron, values)
    if type(neuron) is FewSpikeRelu:
        return BiasedFewSpikeRelu(neuron, values)
    raise NotImplementedError(
        f"layer {name!r}: {type(neuron).__name__} neurons cannot take the bias that a "
        "BatchNormalization or a bias of the layer needs; use IntegrateFire or FewSpikeRelu"
    )


def scale_biases(populations: list[Population]) -> None:
    """Make biases of rate-coded populations follow the thresholds of their sources.

    A spike of a neuron stands for the product of the thresholds on the way from the input.

    Parameters
    ----------
    populations
        Populations, sources before targets.
    """
    scales: dict[Population, float] = {}
    for population in populations:
        connections = [c for ref in population.incoming_connections if (c := ref()) is not None]
        sources = [s for c in connections if (s := c.source()) is not None]
        scale = max((scales[s] for s in sources), default=1.0)
        neuron = population.neuron
        if isinstance(neuron, BiasedIntegrateFire):
            neuron.bias_scale = scale
        if isinstance(neuron, IntegrateFire) and sources:
            scale *= float(np.max(neuron.v_thresh))
        scales[population] = scale
