"""Tape of spikes: written in the forward pass, played back in reverse in the backward pass.

Each neuron of each batch member has a ring of ``max_spikes`` slots with spike times and, for
neurons that are trained, values at the spike that its jump in the backward pass needs, such as the
current minus the membrane potential (``RingIMinusV``), which is proportional to the slope of the
membrane potential.

The spikes of the example in the backward pass lie between ``RingReadEndOffset`` (exclusive) and
``RingWriteStartOffset``, those of the example in the forward pass between that and
``RingWriteOffset`` (exclusive).

A spike of timestep ``m`` (out of ``N``) raises ``BackSpike`` at the end of timestep ``N - 2 - m``,
which acts in the following one, both in synapses and in the neuron itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...engine import create_egp_ref, create_var_ref
from ...utils.model import CustomUpdateModel, NeuronModel
from .settings import Settings

LOST_SPIKES_VAR = "NumLostSpikes"
"""Variable that counts the spikes of a neuron that did not fit into its tape."""

NO_SPIKE = -1.0e30
"""Time (ms) of the next backward spike of a neuron that has none left."""

_OFFSETS = ("RingWriteOffset", "RingReadOffset", "RingWriteStartOffset", "RingReadEndOffset")

_TAPE = "const unsigned int tape = ((batch * num_neurons) + id) * MaxSpikes;"

_FIND_NEXT = f"""
    if (RingReadOffset == RingReadEndOffset) {{
        NextBackSpikeTime = {NO_SPIKE};
    }}
    else {{
        NextBackSpikeTime = RingSpikeTime[tape + RingReadOffset];
    }}
"""


@dataclass(frozen=True)
class SpikeTape:
    """Tape of the spikes of one population."""

    settings: Settings
    num_neurons: int
    values: Mapping[str, str] = field(default_factory=dict)
    """Code of what is taped with each spike, by name; it runs before the neuron is reset."""

    def add_to_model(
        self, model: NeuronModel, before: str = "", jump: str = "", after: str = ""
    ) -> None:
        """Add the tape to a model.

        Parameters
        ----------
        model
            Model of a spiking neuron, to be extended.
        before, after
            Code that runs in every timestep before and after the jump; it can use ``backT``, the
            time in ms of the timestep that the backward pass is at.
        jump
            Code that runs when a spike is met in the backward pass; it can use ``backT``, too, and
            ``taped<name>`` for each value that was taped.
        """
        settings = self.settings
        num_slots = settings.batch_size * self.num_neurons * settings.max_spikes
        last = settings.max_spikes - 1
        model.add_param("ExampleTime", "scalar", settings.example_time)
        model.add_param("MaxSpikes", "int", settings.max_spikes)
        for name, value in zip(_OFFSETS, (0, last, last, last), strict=True):
            model.add_var(name, "int", value)
        model.add_var("BackSpike", "uint8_t", 0)
        model.add_var("NextBackSpikeTime", "scalar", NO_SPIKE)
        model.add_var(LOST_SPIKES_VAR, "unsigned int", 0)
        for ring in ("RingSpikeTime", *map(_ring, self.values)):
            model.add_egp(ring, "scalar*", np.zeros(num_slots, dtype=np.float32))
        read = [
            f"const scalar taped{name} = {_ring(name)}[tape + RingReadOffset];"
            for name in self.values
        ]
        write = [
            f"{_ring(name)}[tape + RingWriteOffset] = {code};" for name, code in self.values.items()
        ]
        model.prepend_sim_code(
            f"""
            const scalar backT = ExampleTime - t - dt;
            {before}
            if (BackSpike) {{
                {_TAPE}
                {_lines(read)}
                {jump}
                RingReadOffset--;
                if (RingReadOffset < 0) {{
                    RingReadOffset = MaxSpikes - 1;
                }}
                {_FIND_NEXT}
            }}
            {after}
            BackSpike = (fabs(backT - NextBackSpikeTime - dt) < (0.5 * dt)) ? 1 : 0;
            """
        )
        model.prepend_reset_code(
            f"""
            if (RingWriteOffset == RingReadEndOffset) {{
                {LOST_SPIKES_VAR}++;
            }}
            else {{
                {_TAPE}
                RingSpikeTime[tape + RingWriteOffset] = t;
                {_lines(write)}
                RingWriteOffset++;
                if (RingWriteOffset == MaxSpikes) {{
                    RingWriteOffset = 0;
                }}
            }}
            """
        )

    def add_to_reset(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update wind the tape: what was written is what is read next."""
        model.add_param("MaxSpikes", "int", self.settings.max_spikes)
        for name in _OFFSETS:
            model.add_var_ref(name, "int", create_var_ref(genn_pop, name))
        model.add_var_ref(
            "NextBackSpikeTime", "scalar", create_var_ref(genn_pop, "NextBackSpikeTime")
        )
        model.add_egp_ref("RingSpikeTime", "scalar*", create_egp_ref(genn_pop, "RingSpikeTime"))
        model.append_update_code(
            f"""
            {_TAPE}
            RingReadOffset = (RingWriteOffset == 0) ? (MaxSpikes - 1) : (RingWriteOffset - 1);
            RingReadEndOffset = RingWriteStartOffset;
            RingWriteStartOffset = RingReadOffset;
            {_FIND_NEXT}
            """
        )


def _ring(value: str) -> str:
    return f"Ring{value}"


def _lines(code: list[str]) -> str:
    return "\n".join(code)
