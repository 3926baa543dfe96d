"""Tape of spikes: written in the forward pass, played back in reverse in the backward pass.

Each neuron of each batch member has ``max_spikes`` slots with spike times and, for neurons that are
trained, values at the spike that its jump in the backward pass needs, such as the current minus the
membrane potential (``RingIMinusV``), which is proportional to the slope of the membrane potential.

One example is played back while the next one is written, so the slots are two stacks: one example
fills them from the first one up, the next one from the last one down.  The spikes in the backward
pass lie between ``RingReadOffset`` and ``RingReadEndOffset`` (exclusive), those of the example in
the forward pass end at ``RingWriteOffset`` (exclusive), and ``RingWriteEndOffset`` is the slot
between both that stays empty.  Slots are the slowest axis of the arrays, so memory is only needed
for as many slots as the busiest neurons fill at either end.  If the backward pass of an example has
timesteps of its own, there is only ever one example, which fills slots from the first one up.

A spike of timestep ``m`` (out of ``N``) raises ``BackSpike`` at the end of timestep ``N - 2 - m``,
which acts in the following one, both in synapses and in the neuron itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...engine import Zeros, create_egp_ref, create_var_ref
from ...utils.model import CustomUpdateModel, NeuronModel
from .passes import add_backward_code
from .settings import Settings

LOST_SPIKES_VAR = "NumLostSpikes"
"""Variable that counts the spikes of a neuron that did not fit into its tape."""

NO_SPIKE = -1.0e30
"""Time (ms) of the next backward spike of a neuron that has none left."""

MAX_ELEMENTS = 2**32
"""Number of elements of an array that model code can index."""

_OFFSETS = ("RingWriteOffset", "RingWriteEndOffset", "RingReadOffset", "RingReadEndOffset")

# Both offsets move the same way: that of reading back to where its example began
_STEP = "const int step = (RingReadEndOffset < 0) ? -1 : 1;"


def _slot(ring: str, offset: str) -> str:
    """Return code for a slot of a neuron."""
    return f"{ring}[({offset} * TapeStride) + (batch * num_neurons) + id]"


@dataclass(frozen=True)
class SpikeTape:
    """Tape of the spikes of one population.

    Raises
    ------
    ValueError
        If it has too many slots.
    """

    settings: Settings
    num_neurons: int
    values: Mapping[str, str] = field(default_factory=dict)
    """Code of what is taped with each spike, by name; it runs before the neuron is reset."""
    ahead: Sequence[str] = ()
    """Values that are looked up together with the time of their spike, into variables
    ``Next<name>``: because they are needed before it is met, or not to wait for memory then."""
    is_amended: bool = False
    """Whether values are written after the spike (:meth:`amend`)."""

    def __post_init__(self) -> None:
        """Check that model code can index all slots."""
        if self._num_slots >= MAX_ELEMENTS:
            raise ValueError(
                f"EventPropCompiler: max_spikes={self.settings.max_spikes} slots for each of "
                f"{self.num_neurons} neurons and {self.settings.batch_size} examples are too many: "
                f"together there must be fewer than {MAX_ELEMENTS}"
            )

    @property
    def _stride(self) -> int:
        """Distance between the slots of a neuron."""
        return self.settings.batch_size * self.num_neurons

    @property
    def _num_slots(self) -> int:
        return self.settings.max_spikes * self._stride

    def add_to_model(
        self,
        model: NeuronModel,
        before: str = "",
        jump: str = "",
        after: str = "",
        is_idle: bool = False,
    ) -> None:
        """Add the tape to a model.

        Parameters
        ----------
        model
            Model of a spiking neuron, to be extended; its code of the forward pass is complete.
        before, after
            Code that runs in every timestep before and after the jump; it can use ``backT``, the
            time in ms of the timestep that the backward pass is at.
        jump
            Code that runs when a spike is met in the backward pass; it can use ``backT``, too, and
            ``taped<name>`` for each value that was taped.
        is_idle
            See :func:`add_backward_code`; there is no spike to play back in a forward pass.
        """
        slots = self.settings.max_spikes
        last = slots if self.settings.same_batch else slots - 1
        model.add_param("ExampleTime", "scalar", self.settings.example_time)
        model.add_param("TapeStride", "unsigned int", self._stride)
        for name, value in zip(_OFFSETS, (0, last, slots, slots), strict=True):
            model.add_var(name, "int", value)
        model.add_var("BackSpike", "uint8_t", 0)
        model.add_var("NextBackSpikeTime", "scalar", NO_SPIKE)
        for name in self.ahead:
            model.add_var(f"Next{name}", "scalar", NO_SPIKE)
        model.add_var(LOST_SPIKES_VAR, "unsigned int", 0)
        if self.is_amended:
            model.add_var("IsTaped", "uint8_t", 0)
        for ring in ("RingSpikeTime", *map(_ring, self.values)):
            model.add_egp(ring, "scalar*", Zeros(self._num_slots))
        read = [
            f"const scalar taped{name} = "
            + (f"Next{name};" if name in self.ahead else f"{_slot(_ring(name), 'RingReadOffset')};")
            for name in self.values
        ]
        write = [
            f"{_slot(_ring(name), 'RingWriteOffset')} = {code};"
            for name, code in self.values.items()
        ]
        backward = f"""
            const scalar backT = ExampleTime - t - dt;
            {before}
            if (BackSpike) {{
                {_lines(read)}
                {jump}
                {_STEP}
                RingReadOffset += step;
                {self._find_next}
            }}
            {after}
            BackSpike = (fabs(backT - NextBackSpikeTime - dt) < (0.5 * dt)) ? 1 : 0;
        """
        add_backward_code(model, backward, self.settings, is_idle)
        model.prepend_reset_code(
            f"""
            if (RingWriteOffset == RingWriteEndOffset) {{
                {LOST_SPIKES_VAR}++;
                {"IsTaped = 0;" if self.is_amended else ""}
            }}
            else {{
                {_slot("RingSpikeTime", "RingWriteOffset")} = t;
                {_lines(write)}
                {_STEP}
                RingWriteOffset += step;
                {"IsTaped = 1;" if self.is_amended else ""}
            }}
            """
        )

    def amend(self, assignments: Mapping[str, str]) -> str:
        """Return code that assigns to values of the last spike of the neuron in this example.

        The keys are names of values with an operator, such as ``"Current +="``.
        """
        assert self.is_amended
        lines = []
        for target, code in assignments.items():
            name, operator = target.split()
            lines.append(f"{_slot(_ring(name), 'newest')} {operator} {code};")
        return f"""
            if (IsTaped) {{
                {_STEP}
                const int newest = RingWriteOffset - step;
                {_lines(lines)}
            }}
        """

    def add_to_wind(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update wind the tape: what was written is what is read next."""
        self._refer(model, genn_pop)
        model.add_param("TapeStride", "unsigned int", self._stride)
        for ring in self._upcoming.values():
            model.add_egp_ref(ring, "scalar*", create_egp_ref(genn_pop, ring))
        if self.settings.same_batch:
            # The first timestep of the backward pass looks for spikes of the last but one
            settings = self.settings
            model.add_param("LastTimeBegin", "scalar", settings.example_time - 1.5 * settings.dt)
            model.append_update_code(
                f"""
                RingReadOffset = RingWriteOffset - 1;
                RingReadEndOffset = -1;
                {self._find_next}
                BackSpike = (NextBackSpikeTime > LastTimeBegin) ? 1 : 0;
                """
            )
            return
        model.append_update_code(
            f"""
            {_STEP}
            RingReadOffset = RingWriteOffset - step;
            RingReadEndOffset = (step > 0) ? -1 : MaxSpikes;
            RingWriteOffset = (step > 0) ? (MaxSpikes - 1) : 0;
            RingWriteEndOffset = RingReadOffset + step;
            {self._find_next}
            """
        )

    def add_to_clear(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Make a custom update empty the tape, if it only ever holds one example."""
        self._refer(model, genn_pop)
        model.append_update_code(
            f"""
            RingWriteOffset = 0;
            RingWriteEndOffset = MaxSpikes;
            RingReadOffset = MaxSpikes;
            RingReadEndOffset = MaxSpikes;
            {self._forget_next}
            BackSpike = 0;
            """
        )

    def _refer(self, model: CustomUpdateModel, genn_pop: Any) -> None:
        """Add what both custom updates need."""
        model.add_param("MaxSpikes", "int", self.settings.max_spikes)
        types = {
            **dict.fromkeys(_OFFSETS, "int"),
            **dict.fromkeys(self._upcoming, "scalar"),
            "BackSpike": "uint8_t",
        }
        for name, type_name in types.items():
            model.add_var_ref(name, type_name, create_var_ref(genn_pop, name))

    @property
    def _upcoming(self) -> dict[str, str]:
        """Variables about the spike that is met next, and where they are on the tape."""
        return {
            "NextBackSpikeTime": "RingSpikeTime",
            **{f"Next{name}": _ring(name) for name in self.ahead},
        }

    @property
    def _forget_next(self) -> str:
        """Code for the case that no spike is left to be met."""
        return _lines([f"{variable} = {NO_SPIKE};" for variable in self._upcoming])

    @property
    def _find_next(self) -> str:
        """Code that looks up the spike that is met next."""
        some = [
            f"{variable} = {_slot(ring, 'RingReadOffset')};"
            for variable, ring in self._upcoming.items()
        ]
        return f"""
            {self._forget_next}
            if (RingReadOffset != RingReadEndOffset) {{
                {_lines(some)}
            }}
        """


def _ring(value: str) -> str:
    return f"Ring{value}"


def _lines(code: list[str]) -> str:
    return "\n".join(code)
