"""Maximum of the output variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .output_var_readout import OutputVarReadout

if TYPE_CHECKING:
    from ..utils.model import NeuronModel


class MaxVar(OutputVarReadout):
    """Maximum over the example of the neuron's output variable, before resets; at least 0."""

    suffix = "Max"

    def add_readout_logic(self, model: NeuronModel, **kwargs: Any) -> NeuronModel:
        """Return a copy of the model that also computes the output."""
        model, source, output = self._add_var(model)
        update = f"{output} = {source};"
        if kwargs.get("max_time_required", False):
            model.add_var(f"{output}Time", "scalar", 0.0)
            update += f"\n{output}Time = t;"
        model.append_sim_code(f"if ({source} > {output}) {{\n{update}\n}}")
        return model
