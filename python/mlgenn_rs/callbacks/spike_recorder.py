"""Recording of spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..utils.endpoints import find_group, get_shape
from ..utils.filter import get_neuron_filter_mask
from ..utils.network import PopulationType, get_underlying_pop
from ..utils.timestep_plan import TimestepPlan
from .example_recorder import ExampleRecorder

if TYPE_CHECKING:
    from ..compilers.compiled_network import CompiledNetwork


class SpikeRecorder(ExampleRecorder):
    """Records the spikes of a population, or how many each neuron emits.

    The data is a tuple ``(times, ids)`` of two lists with one array per recorded example: spike
    times in ms (float64) in ascending order and the neurons that spiked (int32).  With
    ``record_counts`` it is a list with one array per recorded example: the number of spikes of
    each selected neuron (int64).

    Parameters
    ----------
    pop
        Population or layer that was created with ``record_spikes=True``.
    key
        Key under which the data is returned; ``None`` for the position in the callback list.
    example_filter
        Examples to record: indices, a boolean mask, one index or ``None`` for all.
    neuron_filter
        Neurons to record: indices, a boolean mask, slices or ``None`` for all.
    record_counts
        Count spikes instead of recording them.

    Raises
    ------
    RuntimeError
        On use, if the population does not record spikes or the compiled network does not know how
        many timesteps an example has.
    """

    def __init__(
        self,
        pop: PopulationType,
        key: Any = None,
        example_filter: Any = None,
        neuron_filter: Any = None,
        record_counts: bool = False,
    ) -> None:
        super().__init__(key, example_filter)
        self._pop = get_underlying_pop(pop)
        self._neuron_mask: Any = get_neuron_filter_mask(neuron_filter, get_shape(self._pop))
        self._record_counts = record_counts
        self._is_first = False

    def set_params(
        self, data: dict[Any, Any], compiled_network: CompiledNetwork, **kwargs: Any
    ) -> None:
        """Check that the compiled network records the spikes of the population."""
        super().set_params(data=data, compiled_network=compiled_network, **kwargs)
        if compiled_network.num_recording_timesteps is None:
            raise RuntimeError(
                "SpikeRecorder: this compiled network does not record spikes; use a compiler that "
                "knows how many timesteps an example has"
            )
        if not self._pop.record_spikes:
            raise RuntimeError(
                f"SpikeRecorder: population {self._pop.name!r} does not record spikes; create it "
                "with record_spikes=True"
            )
        self._period: int = compiled_network.num_recording_timesteps
        self._group = find_group(compiled_network.neuron_populations, self._pop)
        self._times: list[Any] = []
        self._ids: list[Any] = []
        self._is_first = False

    def set_first(self) -> None:
        """Make this recorder fetch recorded spikes for all recorders."""
        self._is_first = True

    def on_timestep_end(self, timestep: int) -> None:
        """Collect the spikes of an example after its last timestep."""
        if self._compiled_network.genn_model.timestep % self._period == 0:
            self._collect()

    def add_to_plan(self, plan: TimestepPlan) -> bool:
        """Collect the spikes of an example once it has been simulated."""
        end = plan.start + plan.num_timesteps
        if end // self._period != plan.start // self._period + (end % self._period == 0):
            return False
        return plan.add_after_run(self._collect) if end % self._period == 0 else True

    def get_data(self) -> tuple[Any, Any]:
        """Return the key and the recorded data."""
        if self._record_counts:
            return super().get_data()
        return self.key, (self._times, self._ids)

    def _collect(self) -> None:
        if self._is_first:
            self._compiled_network.genn_model.pull_recording_buffers_from_device()
        data = self._group.spike_recording_data
        for slot in self._recorded_slots:
            times, ids = data[slot]
            if self._record_counts:
                counts = np.bincount(ids, minlength=self._neuron_mask.size)
                self._entries.append(counts[self._neuron_mask].astype(np.int64))
            else:
                selected = self._neuron_mask[ids]
                self._times.append(times[selected])
                self._ids.append(ids[selected])
