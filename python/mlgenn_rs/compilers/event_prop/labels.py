"""What outputs need to know about the example in the backward pass: its label, if there is one."""

from __future__ import annotations

from ...engine.enums import VarAccess
from ...utils.model import NeuronModel
from .population import PopulationState
from .settings import Settings


def add_labels(model: NeuronModel, state: PopulationState) -> None:
    """Keep the label of the example in the backward pass in ``YTrueBack``.

    The loss has added ``YTrue``, the label of the example in the forward pass, to the model.
    """
    state.label_type = next(var[1] for var in model.model["vars"] if var[0] == "YTrue")
    model.add_var("YTrueBack", state.label_type, 0, VarAccess.READ_ONLY_SHARED_NEURON)


def add_trial(model: NeuronModel, state: PopulationState, settings: Settings) -> None:
    """Add ``Trial``, which is 0 if no example is in the backward pass yet."""
    if settings.same_batch:
        model.add_param("Trial", "unsigned int", 1)
    else:
        model.add_param("Trial", "unsigned int", 0)
        model.set_param_dynamic("Trial")
        state.has_trial = True
