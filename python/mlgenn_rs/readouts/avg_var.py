"""Mean of the output variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .output_var_readout import OutputVarReadout

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class AvgVar(OutputVarReadout):
    """Mean over the example of the neuron's output variable, sampled before resets."""

    suffix = "Avg"

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of the model that also computes the output."""
        model, source, output = self._add_var(model)
        scale = 1.0 / kwargs["example_timesteps"]
        model.append_sim_code(f"{output} += {scale} * {source};")
        return model
