"""Spikes wherever data are not zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.model import NeuronModel
from .signed_spike_input import SignedSpikeInput

if TYPE_CHECKING:
    from ..population import Population


class BinarySpikeInput(SignedSpikeInput):
    """Spikes in every timestep while its input is positive.

    Parameters
    ----------
    signed_spikes
        Whether negative input gives negative spikes, which deliver the negative weight.
    input_frames, input_frame_timesteps
        Number of frames per example and timesteps that each is shown for.
    """

    def __init__(
        self,
        signed_spikes: bool = False,
        input_frames: int = 1,
        input_frame_timesteps: int = 1,
    ) -> None:
        super().__init__(signed_spikes, input_frames, input_frame_timesteps)

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values.

        The negative threshold condition reads variables of the model only, so that connections can
        evaluate it with references to them.
        """
        model = {"threshold_condition_code": "Input > 0.0"}
        if self.signed_spikes:
            model["negative_threshold_condition_code"] = "Input < 0.0"
        return self.create_input_model(
            NeuronModel(model, None), batch_size, population.shape or (), replace_input="Input"
        )
