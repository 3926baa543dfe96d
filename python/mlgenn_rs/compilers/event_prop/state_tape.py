"""Tape of the state of neurons in every timestep, which gradients of time constants need.

There is one slot per timestep.  The forward pass of an example writes in one direction and that of
the next one in the other, so what the backward pass needs in a timestep is in the very slot that
the forward pass is about to write.  If the backward pass of an example has timesteps of its own,
forward passes write forwards and backward passes read backwards.  A value takes
``4 * example_timesteps`` bytes per neuron and batch member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...engine import Zeros, create_var_ref
from ...utils.model import CustomUpdateModel, NeuronModel
from .settings import Settings
from .spike_tape import MAX_ELEMENTS

_DIRECTION = "StateTapeIsReversed"


@dataclass(frozen=True)
class StateTape:
    """Tape of one population.

    Raises
    ------
    ValueError
        If it has too many slots.
    """

    settings: Settings
    num_neurons: int
    values: Mapping[str, str]
    """Code of what is taped at the beginning of each timestep, by name."""

    def __post_init__(self) -> None:
        """Check that model code can index all slots."""
        if self._size >= MAX_ELEMENTS:
            raise ValueError(
                f"EventPropCompiler: the states of {self.num_neurons} neurons in "
                f"{self.settings.example_timesteps} timesteps of {self.settings.batch_size} "
                "examples, which gradients of tau_mem and tau_syn need, are too many: together "
                f"there must be fewer than {MAX_ELEMENTS}"
            )

    @property
    def _stride(self) -> int:
        """Distance between the slots of a neuron."""
        return self.settings.batch_size * self.num_neurons

    @property
    def _size(self) -> int:
        return self.settings.example_timesteps * self._stride

    def add_to_model(self, model: NeuronModel) -> str:
        """Add the tape, and return code that declares ``back<name>`` for each value.

        It has to run once in each timestep of the backward pass, before the neuron is updated.
        """
        model.add_param("StateSteps", "int", self.settings.example_timesteps)
        model.add_param("StateStride", "unsigned int", self._stride)
        read, write = [], []
        for name, code in self.values.items():
            model.add_egp(f"State{name}", "scalar*", Zeros(self._size))
            read.append(f"const scalar back{name} = State{name}[stateSlot];")
            write.append(f"State{name}[stateSlot] = {code};")
        if self.settings.same_batch:
            forwards = "\n".join([_slot("stateStep"), *write])
            model.prepend_sim_code(f"{{\n{forwards}\n}}")
            return "\n".join([_slot("StateSteps - 1 - stateStep"), *read])
        model.add_var(_DIRECTION, "uint8_t", 0)
        row = f"{_DIRECTION} ? (StateSteps - 1 - stateStep) : stateStep"
        return "\n".join([_slot(row), *read, *write])

    def add_to_wind(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update turn the tape round."""
        if self.settings.same_batch:
            return
        model.add_var_ref(_DIRECTION, "uint8_t", create_var_ref(genn_pop, _DIRECTION))
        model.append_update_code(f"{_DIRECTION} = {_DIRECTION} ? 0 : 1;")


def _slot(row: str) -> str:
    """Return code that declares the slot of a neuron in the current timestep."""
    return f"""
        const int stateStep = (int)((t / dt) + 0.5);
        const int stateRow = {row};
        const unsigned int stateSlot = (stateRow * StateStride) + (batch * num_neurons) + id;
    """
