"""Poisson spikes with rates given by data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..utils.model import NeuronModel
from .signed_spike_input import SignedSpikeInput

if TYPE_CHECKING:
    from ..population import Population


class PoissonInput(SignedSpikeInput):
    """Emits Poisson spikes; data are rates in spikes per ms.

    A neuron with input x spikes in a timestep with the probability ``1 - exp(-x * dt)``; x <= 0
    gives no spikes.

    Parameters
    ----------
    signed_spikes
        Whether x < 0 gives negative spikes with the rate -x, which deliver the negative weight.
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
        model: dict[str, Any] = {
            "sim_code": "const bool spike = gennrand_uniform() >= exp(-fabs(Input) * dt);\n",
            "threshold_condition_code": "Input > 0.0 && spike",
        }
        var_vals = {}
        if self.signed_spikes:
            model["vars"] = [("NegativeSpike", "uint8_t")]
            model["sim_code"] += "NegativeSpike = (Input < 0.0 && spike) ? 1 : 0;\n"
            model["negative_threshold_condition_code"] = "NegativeSpike != 0"
            var_vals["NegativeSpike"] = 0
        return self.create_input_model(
            NeuronModel(model, None, var_vals=var_vals),
            batch_size,
            population.shape or (),
            replace_input="Input",
        )
