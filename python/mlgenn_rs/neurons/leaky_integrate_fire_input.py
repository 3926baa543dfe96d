"""Leaky integrate-and-fire neuron driven by data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.model import NeuronModel
from ..utils.value import InitValue
from .input import InputBase
from .leaky_integrate_fire import LeakyIntegrateFire

if TYPE_CHECKING:
    from ..population import Population


class LeakyIntegrateFireInput(LeakyIntegrateFire, InputBase):
    """:class:`LeakyIntegrateFire` whose input current is the data.

    Synaptic input has no effect. Network defaults have none either: all parameters are given
    explicitly.

    Parameters
    ----------
    v_thresh, v_reset, v, tau_mem, tau_refrac, relative_reset, integrate_during_refrac, scale_i
        As for :class:`LeakyIntegrateFire`.
    input_frames, input_frame_timesteps
        Number of frames per example and timesteps that each is shown for.
    """

    def __init__(
        self,
        v_thresh: InitValue = 1.0,
        v_reset: InitValue = 0.0,
        v: InitValue = 0.0,
        tau_mem: InitValue = 20.0,
        tau_refrac: InitValue | None = None,
        relative_reset: bool = True,
        integrate_during_refrac: bool = True,
        scale_i: bool = False,
        input_frames: int = 1,
        input_frame_timesteps: int = 1,
    ) -> None:
        super().__init__(
            v_thresh=v_thresh,
            v_reset=v_reset,
            v=v,
            tau_mem=tau_mem,
            tau_refrac=tau_refrac,
            relative_reset=relative_reset,
            integrate_during_refrac=integrate_during_refrac,
            scale_i=scale_i,
            readout=None,
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
