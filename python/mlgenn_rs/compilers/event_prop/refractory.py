"""Refractoriness in the exact rule: neurons that integrate meanwhile, and neurons that stand still.

A neuron that goes on integrating can be above the threshold when its refractory period ends.  The
spike that this forces comes a fixed time after the one before, whatever the slope, so it hands its
``gamma`` on to that one.

The potential of a neuron that stands still (``integrate_during_refrac=False``) is that just after
the spike until the refractory period ends, and its adjoint variable is zero meanwhile.  What it was
at the end, ``LambdaVHeld``, is used at the spike.
"""

from __future__ import annotations

from typing import Any

from ...utils.model import NeuronModel
from ...utils.value import is_value_constant
from .exact_rule import CURRENT, ExactRule
from .spike_tape import NO_SPIKE


def has_refractoriness(neuron: Any) -> bool:
    """Return whether neurons have a refractory period."""
    tau = neuron.tau_refrac
    return tau is not None and not (is_value_constant(tau) and tau <= 0.0)


def add_refractoriness(rule: ExactRule, model: NeuronModel, neuron: Any) -> None:
    """Add the refractory period of a neuron, if it has one, to its rule."""
    if not has_refractoriness(neuron):
        return
    if neuron.integrate_during_refrac:
        _add_integrating(rule, model)
    else:
        _add_frozen(rule, model, neuron)


def _add_integrating(rule: ExactRule, model: NeuronModel) -> None:
    rule.add_state(model, "Suppressed", "uint8_t")
    rule.add_state(model, "Forced", "uint8_t")
    rule.add_state(model, "Carry")
    rule.forward.append(
        f"""
        Forced = Suppressed;
        Suppressed = (V >= {rule.threshold} && RefracTime > 0.0) ? 1 : 0;
        """
    )
    rule.slope_recip = f"Forced ? 0.0 : ({rule.slope_recip})"
    rule.gamma.append("gamma += Carry;")
    rule.jump.append("Carry = (tapedSlopeRecip == 0.0) ? gamma : 0.0;")


def _add_frozen(rule: ExactRule, model: NeuronModel, neuron: Any) -> None:
    rule.add_state(model, "LambdaVHeld")
    is_always = is_value_constant(neuron.tau_refrac)
    rule.after = "LambdaVHeld" if is_always else "((TauRefrac > 0.0) ? LambdaVHeld : LambdaV)"
    # Reset to a value: the current at the end of the refractory period.  Subtraction: what it is
    # more than at the spike
    if rule.is_reset_relative:
        start = f"-{CURRENT}"
        rule.taped["Current"] = start if is_always else f"(TauRefrac > 0.0) ? {start} : 0.0"
        rule.gain = f"({rule.gain} + tapedCurrent)"
    rule.taped["RefracEnd"] = str(NO_SPIKE)
    rule.ahead.append("RefracEnd")
    operator = "+=" if rule.is_reset_relative else "="
    rule.amended |= {f"Current {operator}": CURRENT, "RefracEnd =": "t"}
    rule.step.append(
        """
        if (fabs(backT - NextRefracEnd) < (0.5 * dt)) {
            LambdaVHeld = LambdaV;
            LambdaV = 0.0;
        }
        """
    )
    rule.jump.append("LambdaVHeld = 0.0;")
