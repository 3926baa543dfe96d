"""What became of a population: its role, its tapes, and what to do with it between examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from ..reset import ResetVar
from .learned_parameters import LearnedParameters
from .loss_tape import LossTape
from .regularisation import SpikeCountRegularisation
from .spike_tape import SpikeTape
from .state_tape import StateTape


class Role(Enum):
    """Part that a population plays."""

    INPUT = auto()
    """Emits spikes that were given."""
    HIDDEN = auto()
    """Spikes, and passes adjoint variables on to the populations that it gets input from."""
    OUTPUT = auto()
    """Is read out and compared with labels."""


@dataclass
class PopulationState:
    """What became of a population."""

    role: Role
    reset_vars: list[ResetVar] = field(default_factory=list)
    """Variables to reset before each example, in order."""
    kept_vars: list[ResetVar] = field(default_factory=list)
    """Variables of which the backward pass needs the values at the end of an example, each with the
    name of the variable that keeps them."""
    tape: SpikeTape | LossTape | None = None
    """Tape to wind between the forward and the backward pass of an example."""
    state_tape: StateTape | None = None
    """Tape of the state in every timestep, to be turned round then, too."""
    learned: LearnedParameters | None = None
    """Parameters of its neurons that are trained."""
    regularisation: SpikeCountRegularisation | None = None
    """Regularisation of spike counts."""
    has_trial: bool = False
    """Whether the dynamic parameter ``Trial``, the number of the batch, has to be set."""
    label_type: str | None = None
    """Type of the labels, if those of the example in the backward pass have to be kept."""
    softmax_var: str | None = None
    """Variable whose softmax the loss needs."""
    softmax_every_timestep: bool = False
    """Whether it is needed in every timestep, instead of at the end of each example."""
    has_first_spike_sums: bool = False
    """Whether the loss needs first spike times summed over the population."""
