"""Tape of the state of neurons in every timestep, which gradients of time constants need.

There is one slot per timestep.  The forward pass of an example writes in one direction and that of
the next one in the other, so what the backward pass needs in a timestep is in the very slot that
the forward pass is about to write.  A value takes ``4 * example_timesteps`` bytes per neuron and
batch member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...engine import Zeros, create_var_ref
from ...utils.model import CustomUpdateModel, NeuronModel
from .settings import Settings

_DIRECTION = "TapeIsReversed"


@dataclass(frozen=True)
class StateTape:
    """Tape of one population."""

    settings: Settings
    num_neurons: int
    values: Mapping[str, str]
    """Code of what is taped at the beginning of each timestep, by name."""

    def add_to_model(self, model: NeuronModel) -> str:
        """Add the tape, and return code that declares ``back<name>`` for each value.

        It has to run once in each timestep, before the neuron is updated.
        """
        steps = self.settings.example_timesteps
        model.add_param("TapeSteps", "int", steps)
        model.add_param("TapeBatchSize", "int", self.settings.batch_size)
        model.add_var(_DIRECTION, "uint8_t", 0)
        size = steps * self.settings.batch_size * self.num_neurons
        lines = []
        for name, code in self.values.items():
            model.add_egp(f"Tape{name}", "scalar*", Zeros(size))
            lines += [
                f"const scalar back{name} = Tape{name}[stateSlot];",
                f"Tape{name}[stateSlot] = {code};",
            ]
        slots = "\n".join(lines)
        return f"""
            const int tapeStep = (int)((t / dt) + 0.5);
            const int tapeRow = {_DIRECTION} ? (TapeSteps - 1 - tapeStep) : tapeStep;
            const unsigned int stateSlot =
                (((tapeRow * TapeBatchSize) + batch) * num_neurons) + id;
            {slots}
        """

    @staticmethod
    def add_to_reset(model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update turn the tape round."""
        model.add_var_ref(_DIRECTION, "uint8_t", create_var_ref(genn_pop, _DIRECTION))
        model.append_update_code(f"{_DIRECTION} = {_DIRECTION} ? 0 : 1;")
