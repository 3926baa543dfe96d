"""Input populations: their spikes are taped, so that their outgoing weights can be trained."""

from __future__ import annotations

from copy import deepcopy

from ...population import Population
from ...utils.model import NeuronModel
from .population import PopulationState, Role
from .settings import Settings
from .spike_tape import SpikeTape


def build_input(
    pop: Population, model: NeuronModel, num_neurons: int, settings: Settings
) -> tuple[NeuronModel, PopulationState]:
    """Return the extended model of an input population and what became of the population.

    Raises
    ------
    TypeError
        If it emits signed spikes.
    """
    if "negative_threshold_condition_code" in model.model:
        raise TypeError(
            f"population {pop.name!r}: EventProp does not support inputs with signed spikes; use "
            "two populations, one for each sign"
        )
    model = deepcopy(model)
    reset_vars = model.reset_vars
    tape = SpikeTape(settings, num_neurons)
    tape.add_to_model(model, is_idle=True)
    return model, PopulationState(Role.INPUT, reset_vars, tape=tape)
