"""Tape of losses per timestep: written in the forward pass, read in reverse in the backward pass.

Each neuron of each batch member has slots for one example, or for two if one is read while the next
one is written, and positions that all neurons move in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...engine import Zeros, create_var_ref
from ...utils.model import CustomUpdateModel, NeuronModel
from .settings import Settings


@dataclass(frozen=True)
class LossTape:
    """Tape of one output population, with ``length`` values per example."""

    settings: Settings
    num_neurons: int
    length: int

    def add_to_model(self, model: NeuronModel) -> None:
        """Add the tape, whose first slot of each neuron is ``tape``, to a model."""
        slots = max(1, self.length if self.settings.same_batch else 2 * self.length)
        model.add_param("TapeSlots", "int", slots)
        model.add_var("RingReadOffset", "int", 0)
        model.add_var("RingWriteOffset", "int", 0)
        size = self.settings.batch_size * self.num_neurons * slots
        model.add_egp("RingOutputLossTerm", "scalar*", Zeros(size))

    def add_to_wind(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update wind the tape: what was written is what is read next."""
        for name in ("RingReadOffset", "RingWriteOffset"):
            model.add_var_ref(name, "int", create_var_ref(genn_pop, name))
        model.append_update_code("RingReadOffset = RingWriteOffset;")
        if not self.settings.same_batch:
            model.add_param("TapeLength", "int", self.length)
            model.append_update_code("if (RingWriteOffset > TapeLength) { RingWriteOffset = 0; }")

    def add_to_clear(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update empty the tape, if it only ever holds one example."""
        model.add_var_ref("RingWriteOffset", "int", create_var_ref(genn_pop, "RingWriteOffset"))
        model.append_update_code("RingWriteOffset = 0;")


TAPE_START = "const unsigned int tape = ((batch * num_neurons) + id) * TapeSlots;"
"""Code that declares ``tape``."""


def write_code(value: str) -> str:
    """Return code that writes a value to the tape."""
    return f"""
        if (RingWriteOffset < TapeSlots) {{
            RingOutputLossTerm[tape + RingWriteOffset] = {value};
            RingWriteOffset++;
        }}
    """


def read_code(target: str) -> str:
    """Return code that assigns to a variable the newest value that was not read before."""
    return f"""
        if (RingReadOffset > 0) {{
            RingReadOffset--;
            {target} = RingOutputLossTerm[tape + RingReadOffset];
        }}
    """
