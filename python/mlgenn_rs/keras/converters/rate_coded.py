"""What converters to rate-coded networks share: input neurons and compiler."""

from __future__ import annotations

from typing import Any

from ...compilers import InferenceCompiler
from ...neurons import BinarySpikeInput, IntegrateFireInput, Neuron, PoissonInput
from ...utils.checks import check_count
from .converter import Converter
from .enum import InputType


class RateCoded(Converter):
    """Base class of converters to networks that code activations as rates of spikes.

    Every layer responds one timestep after the one before, which has to be part of
    ``evaluate_timesteps``.  Neurons are reset to zero when they spike, so that rates fall short of
    activations; without biases this hardly changes which output is largest, with batch
    normalisation it costs some accuracy.  :class:`FewSpike` has no such error.

    Parameters
    ----------
    evaluate_timesteps
        Number of timesteps of an example.
    signed_input
        Whether inputs can be negative; ignored by ``InputType.IF``.
    input_type
        How inputs, about 0 to 1, become spikes: a member of :class:`InputType` or its value.
    """

    def __init__(
        self, evaluate_timesteps: int, signed_input: bool, input_type: InputType | str
    ) -> None:
        self.evaluate_timesteps = check_count(
            evaluate_timesteps, f"{type(self).__name__}: evaluate_timesteps"
        )
        self.signed_input = signed_input
        self.input_type = InputType(input_type)

    def create_input_neurons(self, pre_convert_output: Any) -> Neuron:
        """Create the neurons of an input layer."""
        if self.input_type is InputType.SPIKE:
            return BinarySpikeInput(signed_spikes=self.signed_input)
        if self.input_type is InputType.POISSON:
            return PoissonInput(signed_spikes=self.signed_input)
        return IntegrateFireInput()

    def create_compiler(self, **kwargs: Any) -> InferenceCompiler:
        """Create a compiler for inference, with its keyword arguments."""
        return InferenceCompiler(evaluate_timesteps=self.evaluate_timesteps, **kwargs)
