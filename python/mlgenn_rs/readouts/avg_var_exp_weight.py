"""Exponentially weighted mean of the output variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .output_var_readout import OutputVarReadout

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class AvgVarExpWeight(OutputVarReadout):
    """Mean of the neuron's output variable weighted with ``exp(-t / (dt * example_timesteps))``."""

    suffix = "Avg"

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of the model that also computes the output."""
        model, source, output = self._add_var(model)
        num_timesteps = kwargs["example_timesteps"]
        scale = 1.0 / num_timesteps
        local_t_scale = 1.0 / (kwargs["dt"] * num_timesteps)
        model.append_sim_code(f"{output} += exp(-(t * {local_t_scale})) * {scale} * {source};")
        return model
