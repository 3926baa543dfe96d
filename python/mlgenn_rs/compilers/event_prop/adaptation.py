"""Adaptation in the exact rule: a threshold that spikes raise and that decays between them."""

from __future__ import annotations

from ...utils.model import NeuronModel
from .exact_rule import ExactRule


def add_adaptation(rule: ExactRule, model: NeuronModel) -> None:
    """Add the adaptive threshold of a neuron to its rule.

    ``AdaptRatio`` is ``beta * tau_mem / tau_adapt``: the decay of the threshold is part of the
    slope at a spike.
    """
    rule.add_state(model, "LambdaA")
    rule.threshold = "(Vthresh + (Beta * A))"
    rule.slope = f"({rule.slope}) + (AdaptRatio * A)"
    rule.gamma.append("gamma -= LambdaA;")
    rule.jump.append("LambdaA -= AdaptRatio * kick;")
    rule.dynamics.append("LambdaA *= Rho;")
