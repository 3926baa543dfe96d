"""Playback of spike trains."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import VarAccess, create_egp_ref, create_var_ref
from ..engine.arrays import Zeros
from ..utils.checks import check_count
from ..utils.data import PreprocessedSpikes, batch_spikes, calc_start_spikes
from ..utils.model import CustomUpdateModel, NeuronModel
from ..utils.spike_dataset import SpikeDataset
from .input import Input
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population

NO_SPIKE = 1.0e30
"""Time (ms) of the next spike of a neuron that has none left."""

UNKNOWN = -1.0e30
"""Time of the next spike while it has not been looked up: after neurons were reset."""

_NUM_CORES = os.cpu_count() or 1
"""Asked for once, as the system takes its time to say."""

_PACKED = "SpikeStarts"
"""Index of the first spike of each neuron and batch member, and the number of spikes."""

_LOOK_UP = f"""
    if (StartSpike == EndSpike) {{
        NextSpikeTime = {NO_SPIKE};
    }}
    else {{
        NextSpikeTime = SpikeTimes[StartSpike];
    }}
"""


class SpikeInput(Neuron, Input):
    """Emits given spikes.

    A spike is emitted in the first timestep that does not start before its time, at most one per
    neuron and timestep: further ones follow in the next timesteps.

    Parameters
    ----------
    max_spikes
        Number of spikes that the examples of a *batch* can have together.
    """

    def __init__(self, max_spikes: int = 1000000) -> None:
        super().__init__()
        self.max_spikes = check_count(max_spikes, "SpikeInput: max_spikes")

    def set_input(
        self,
        genn_pop: Any,
        batch_size: int,
        shape: tuple[int, ...],
        input: Sequence[PreprocessedSpikes],
    ) -> None:
        """Upload the spike trains of one batch; see :meth:`get_unpack_model`.

        Parameters
        ----------
        genn_pop
            Neuron group of the engine.
        batch_size
            Number of examples simulated at once.
        shape
            Shape of the population.
        input
            At most ``batch_size`` examples; a list even if there is only one.

        Raises
        ------
        RuntimeError
            If there are too many examples, or their number of neurons is not the population's.
        AssertionError
            If the batch has more than ``max_spikes`` spikes.
        """
        if isinstance(input, PreprocessedSpikes):
            raise RuntimeError("SpikeInput: pass a list of examples, even if there is only one")
        num_neurons = prod(shape)
        if self._write_natively(genn_pop, batch_size, num_neurons, input):
            return
        batch = batch_spikes(input, batch_size)
        if batch.end_spikes.shape[1] != num_neurons:
            raise RuntimeError(
                f"SpikeInput: the population has {num_neurons} neurons, but the spike trains are "
                f"for {batch.end_spikes.shape[1]}"
            )
        num_spikes = len(batch.spike_times)
        assert num_spikes <= self.max_spikes, (
            f"SpikeInput: the batch has {num_spikes} spikes, more than max_spikes="
            f"{self.max_spikes}; create the neuron with a larger max_spikes"
        )
        arrays = genn_pop.extra_global_params
        arrays["SpikeTimes"].view[:num_spikes] = batch.spike_times
        starts = calc_start_spikes(batch.end_spikes)
        arrays[_PACKED].view[...] = np.append(starts, num_spikes)
        arrays["SpikeTimes"].push_to_device()
        arrays[_PACKED].push_to_device()

    def prepare_input(
        self, input: Sequence[PreprocessedSpikes], num_threads: int
    ) -> Sequence[PreprocessedSpikes]:
        """Return examples in a form that batches are quickly made of, if they are in the usual one.

        Parts of it are given to :meth:`set_input`.

        Parameters
        ----------
        input
            Examples of many batches.
        num_threads
            Number of threads that may be used.
        """
        return SpikeDataset.copy(input, num_threads) or input

    def _write_natively(
        self,
        genn_pop: Any,
        batch_size: int,
        num_neurons: int,
        input: Sequence[PreprocessedSpikes],
    ) -> bool:
        """Upload spike trains in the usual form; return whether they were in it."""
        from .._core import SpikeTrains

        if not 0 < len(input) <= batch_size:
            return False
        starts = genn_pop.extra_global_params[_PACKED]
        spike_times = genn_pop.extra_global_params["SpikeTimes"]
        room = spike_times.view[: self.max_spikes]
        if not isinstance(input, SpikeDataset):
            # Threads of a CPU are left to what runs on them
            num_threads = _NUM_CORES if spike_times.is_on_gpu else 1
            written = SpikeTrains.write_examples(
                *(input, PreprocessedSpikes, num_neurons, starts.open_view("w"), room, num_threads)
            )
        elif input.num_neurons == num_neurons and input.num_spikes <= self.max_spikes:
            # Nothing can go wrong any more, so that all is written, here or in the general way
            written = input.write(starts.open_view("w"), room)
        else:
            written = False
        if not written:
            return False
        starts.push_to_device()
        spike_times.push_to_device()
        return True

    def get_unpack_model(self, genn_pop: Any) -> CustomUpdateModel:
        """Return the custom update that completes an input after :meth:`set_input`.

        So little is uploaded: where the spikes of each neuron start, and their times.  The rest is
        looked up where neurons are updated.
        """
        names = ("StartSpike", "EndSpike", "NextSpikeTime")
        types = ("unsigned int", "unsigned int", "scalar")
        arrays = ((_PACKED, "uint32_t*"), ("SpikeTimes", "scalar*"))
        return CustomUpdateModel(
            {
                "var_refs": list(zip(names, types, strict=True)),
                "extra_global_param_refs": list(arrays),
                "update_code": f"""
                    const unsigned int neuron = (batch * num_neurons) + id;
                    StartSpike = {_PACKED}[neuron];
                    EndSpike = {_PACKED}[neuron + 1];
                    {_LOOK_UP}
                    """,
            },
            var_refs={name: create_var_ref(genn_pop, name) for name in names},
            egp_refs={name: create_egp_ref(genn_pop, name) for name, _ in arrays},
        )

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        model = {
            "vars": [
                ("StartSpike", "unsigned int", VarAccess.READ_WRITE),
                ("EndSpike", "unsigned int", VarAccess.READ_ONLY_DUPLICATE),
                # Saves looking the time up in every timestep.
                ("NextSpikeTime", "scalar", VarAccess.READ_WRITE),
            ],
            "extra_global_params": [("SpikeTimes", "scalar*"), (_PACKED, "uint32_t*")],
            "sim_code": f"""
                if (NextSpikeTime == {UNKNOWN}) {{
                    {_LOOK_UP}
                }}
                """,
            "threshold_condition_code": "t >= NextSpikeTime",
            "reset_code": f"""
                StartSpike++;
                {_LOOK_UP}
                """,
        }
        return NeuronModel(
            model,
            None,
            var_vals={"StartSpike": 0, "EndSpike": 0, "NextSpikeTime": UNKNOWN},
            egp_vals={
                "SpikeTimes": np.zeros(self.max_spikes, dtype=np.float32),
                _PACKED: Zeros(batch_size * prod(population.shape or ()) + 1),
            },
        )
