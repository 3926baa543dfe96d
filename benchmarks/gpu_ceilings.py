"""What a GPU can do at best: bandwidth of its cache and memory, and an empty timestep.

They are measured with custom updates and timesteps of next to nothing, in the same process as the
workload that is compared with them.
"""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import Any

import numpy as np
from ceilings import SIZES, Ceilings

CACHED, IN_MEMORY = 2**24, 2**29
"""Bytes of arrays that fit and do not fit into the cache of a GPU."""
REPEATS = 20


def is_on_gpu() -> bool:
    """Return whether networks run on a GPU unless they say otherwise."""
    from mlgenn_rs import _core

    return _core.default_backend() == "cuda"


@cache
def measure_gpu_ceilings(smoke: bool = False) -> Ceilings:
    """Measure the rates, once in a process."""
    cached, in_memory = (2**12, 2**14) if smoke else (CACHED, IN_MEMORY)
    rates = [_bandwidth(cached), _bandwidth(in_memory)]
    by_size = {size: rates[size == SIZES[-1]] for size in SIZES}
    return Ceilings(by_size, by_size, np.inf, _empty_timestep(100 if smoke else 20_000))


def _bandwidth(num_bytes: int) -> float:
    """Return bytes read and written in a second when an array is changed in place."""
    from mlgenn_rs import engine

    model = engine.GeNNModel("float", "bandwidth", backend="cuda")
    model.timing_enabled = True
    holder = engine.create_neuron_model("Holder", vars=[("x", "scalar")])
    num_neurons = num_bytes // 4
    population = model.add_neuron_population("P", num_neurons, holder, {}, {"x": 1.0})
    scale = engine.create_custom_update_model(
        "Scale", var_refs=[("x", "scalar")], update_code="x = x * 1.0001;"
    )
    refs = {"x": engine.create_var_ref(population, "x")}
    model.add_custom_update("Scale", "Scale", scale, {}, {}, refs)
    model.build()
    model.load()
    model.custom_update("Scale")
    before = model.get_custom_update_time("Scale")
    for _ in range(REPEATS):
        model.custom_update("Scale")
    seconds = (model.get_custom_update_time("Scale") - before) / REPEATS
    return 2 * num_bytes / seconds


def _empty_timestep(timesteps: int) -> float:
    """Return the seconds of a timestep of ten neurons."""
    from mlgenn_rs import engine

    model: Any = engine.GeNNModel("float", "empty", backend="cuda")
    leaky = engine.create_neuron_model("Leaky", vars=[("V", "scalar")], sim_code="V = 0.9 * V;")
    model.add_neuron_population("P", 10, leaky, {}, {"V": 1.0})
    model.build()
    model.load()
    model.run(timesteps)
    start = perf_counter()
    model.run(timesteps)
    return (perf_counter() - start) / timesteps
