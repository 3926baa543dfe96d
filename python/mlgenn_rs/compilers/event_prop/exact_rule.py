"""The exact rule of a spiking population, put together from the parts that its neurons have.

At each spike of the forward pass the backward pass needs

``Gamma``
    How the loss would change if the spike came later, all else being equal.  It is the sum of what
    the spike did to its targets (and to the loss), of what the reset did to the neuron itself and
    of what adaptation and refractoriness add.
``kick = Gamma / slope``
    What the adjoint variable of the potential gets of it; the slope is that of the distance
    between potential and threshold, times the time constant of the membrane.

All three resets, refractory periods and adaptation differ only in a few terms of these.  The
adjoint variables are scaled such that the derivative of the loss with respect to the potential is
``-tau_mem * LambdaV``, with respect to the synaptic current ``-tau_syn * LambdaI`` and with respect
to the adaptation ``-tau_adapt * LambdaA``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...utils.model import NeuronModel
from ..reset import ResetVar
from .adjoint import UNDRIVEN_DYNAMICS
from .settings import Settings
from .spike_tape import SpikeTape

CURRENT = "(Isyn * CurrentScale)"
"""Code of the synaptic current at the end of a timestep, from its mean over the timestep."""


@dataclass
class ExactRule:
    """Code of the exact rule of one population; parts of neurons add to it."""

    is_reset_relative: bool
    """Whether a spike subtracts from the potential, instead of setting it."""
    external: str
    """Code that declares ``external``, what the spike did to targets or to the loss."""
    threshold: str = "Vthresh"
    """Code of the threshold."""
    slope: str = f"{CURRENT} - V"
    """Code of the slope at a spike."""
    slope_recip: str = "1.0 / fmax({slope}, MinSlope * Distance)"
    """Code of what the kick is taken from the tape with; ``{slope}`` is replaced."""
    after: str = "LambdaV"
    """Code of the adjoint variable of the potential just after the spike."""
    gain: str = ""
    """Code of what ``after`` contributes to ``gamma``."""
    taped: dict[str, str] = field(default_factory=dict)
    """What is taped with each spike."""
    ahead: list[str] = field(default_factory=list)
    """What of it is needed before the spike is met."""
    amended: dict[str, str] = field(default_factory=dict)
    """What is assigned to it when the neuron ceases to be refractory."""
    gamma: list[str] = field(default_factory=list)
    """Code that adds to ``gamma``."""
    jump: list[str] = field(default_factory=list)
    """Code that runs at a spike, after ``kick`` was added."""
    before: list[str] = field(default_factory=list)
    """Code that runs in every timestep, before the jump."""
    step: list[str] = field(default_factory=list)
    """Code that runs in every timestep, after the jump."""
    dynamics: list[str] = field(default_factory=list)
    """Code of adjoint variables between spikes."""
    forward: list[str] = field(default_factory=list)
    """Code that runs after the neuron was updated in the forward pass."""
    reset_vars: list[ResetVar] = field(default_factory=list)
    """What to reset before each example."""

    def __post_init__(self) -> None:
        if self.is_reset_relative:
            self.gain = "(Vthresh - Vreset)"
        else:
            self.gain = "(tapedCurrent - Vreset)"
            self.taped["Current"] = CURRENT

    def add_state(self, model: NeuronModel, name: str, type_name: str = "scalar") -> None:
        """Add a variable that is zero at the beginning of each example."""
        model.add_var(name, type_name, 0)
        self.reset_vars.append((name, type_name, 0))

    def add_to_model(self, model: NeuronModel, settings: Settings, num_neurons: int) -> SpikeTape:
        """Add the rule to a model and return its tape."""
        slope_recip = self.slope_recip.format(slope=self.slope)
        tape = SpikeTape(
            settings,
            num_neurons,
            {"SlopeRecip": slope_recip, **self.taped},
            self.ahead,
            bool(self.amended),
        )
        jump = f"""
            {self.external}
            const scalar after = {self.after};
            scalar gamma = (after * {self.gain}) + external;
            {_lines(self.gamma)}
            const scalar kick = tapedSlopeRecip * gamma;
            LambdaV = {"after + kick" if self.is_reset_relative else "kick"};
            {_lines(self.jump)}
        """
        after = f"""
            {_lines(self.step)}
            {UNDRIVEN_DYNAMICS}
            {_lines(self.dynamics)}
        """
        if self.amended:
            model.prepend_sim_code("const scalar refracBefore = RefracTime;")
            self.forward.append(
                f"""
                if (refracBefore > 0.0 && RefracTime <= 0.0) {{
                    {tape.amend(self.amended)}
                }}
                """
            )
        model.append_sim_code(_lines(self.forward))
        tape.add_to_model(model, _lines(self.before), jump, after)
        return tape


def _lines(code: list[str]) -> str:
    return "\n".join(code)
