"""What input neurons that can emit negative spikes share."""

from __future__ import annotations

from .input import InputBase
from .neuron import Neuron


class SignedSpikeInput(Neuron, InputBase):
    """Input neuron that emits spikes for positive and optionally negative spikes for negative data.

    Parameters
    ----------
    signed_spikes
        Whether negative data give negative spikes, which deliver the negative weight. They are
        spike-like events: spike recorders do not see them.
    input_frames, input_frame_timesteps
        Number of frames per example and timesteps that each is shown for.

    Raises
    ------
    NotImplementedError
        If signed spikes are combined with more than one frame.
    """

    def __init__(
        self,
        signed_spikes: bool = False,
        input_frames: int = 1,
        input_frame_timesteps: int = 1,
    ) -> None:
        super().__init__(
            egp_name="Input",
            input_frames=input_frames,
            input_frame_timesteps=input_frame_timesteps,
        )
        self.signed_spikes = signed_spikes
        if signed_spikes and input_frames > 1:
            raise NotImplementedError(
                f"{type(self).__name__}: signed spikes cannot be combined with time-varying input"
            )
