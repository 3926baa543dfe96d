"""Integrate-and-fire neuron driven by data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.model import NeuronModel
from ..utils.value import InitValue
from .input import InputBase
from .integrate_fire import IntegrateFire

if TYPE_CHECKING:
    from ..population import Population


class IntegrateFireInput(IntegrateFire, InputBase):
    """:class:`IntegrateFire` whose input current is the data; synaptic input has no effect.

    Parameters
    ----------
    v_thresh, v_reset, v
        As for :class:`IntegrateFire`.
    input_frames, input_frame_timesteps
        Number of frames per example and timesteps that each is shown for.
    """

    def __init__(
        self,
        v_thresh: InitValue = 1.0,
        v_reset: InitValue = 0.0,
        v: InitValue = 0.0,
        input_frames: int = 1,
        input_frame_timesteps: int = 1,
    ) -> None:
        super().__init__(
            v_thresh=v_thresh,
            v_reset=v_reset,
            v=v,
            egp_name="Input",
            input_frames=input_frames,
            input_frame_timesteps=input_frame_timesteps,
        )

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        model = super().get_model(population, dt, batch_size)
        return self.create_input_model(
            model, batch_size, population.shape or (), replace_input="Isyn"
        )
