"""Labels of the example in the backward pass."""

from __future__ import annotations

from ...engine.enums import VarAccess
from ...utils.model import NeuronModel
from .population import PopulationState


def add_labels(model: NeuronModel, state: PopulationState) -> None:
    """Keep the label of the example in the backward pass in ``YTrueBack``.

    The loss has added ``YTrue``, the label of the example in the forward pass, to the model.
    """
    state.label_type = next(var[1] for var in model.model["vars"] if var[0] == "YTrue")
    model.add_var("YTrueBack", state.label_type, 0, VarAccess.READ_ONLY_SHARED_NEURON)
