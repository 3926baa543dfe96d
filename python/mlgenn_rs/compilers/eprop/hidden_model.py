"""Hidden populations: leaky integrate-and-fire neurons that receive the error of the outputs."""

from __future__ import annotations

import logging

from ...neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrateFire
from ...population import Population
from ...utils.model import NeuronModel

logger = logging.getLogger(__name__)

FEEDBACK_INPUT = "ISynFeedback"
"""Input variable of hidden neurons that receives the weighted errors of outputs."""


def build_hidden(pop: Population, model: NeuronModel) -> None:
    """Extend the model of a hidden population by the error ``E`` that is fed back to it."""
    neuron = pop.neuron
    assert isinstance(neuron, LeakyIntegrateFire | AdaptiveLeakyIntegrateFire)
    if not neuron.integrate_during_refrac:
        logger.warning(
            "population %s: e-prop gradients do not take account of neurons that stop integrating "
            "while they are refractory (integrate_during_refrac=False)",
            pop.name,
        )
    if not neuron.relative_reset:
        logger.warning(
            "population %s: e-prop gradients do not take account of reset to a fixed value "
            "(relative_reset=False)",
            pop.name,
        )
    model.add_additional_input_var(FEEDBACK_INPUT, "scalar", 0.0)
    model.add_var("E", "scalar", 0.0)
    model.append_sim_code(f"E = {FEEDBACK_INPUT};")
