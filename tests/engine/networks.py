"""Small networks that several tests use."""

from __future__ import annotations

from typing import Any

from mlgenn_rs import engine as e

COUNTER = e.create_neuron_model(
    "Counter",
    params=["step"],
    vars=[("V", "scalar")],
    sim_code="V += step + Isyn;",
    threshold_condition_code="V >= 3.0",
    reset_code="V = 0.0;",
)
"""Counts up by ``step`` in every timestep, spikes and starts again at 3."""

SINK = e.create_neuron_model("Sink", vars=[("x", "scalar")], sim_code="x = Isyn;")
"""Keeps the input of the last timestep."""


def spike_sources(model: e.GeNNModel, times: list[list[float]], name: str = "In") -> e.NeuronGroup:
    """Add a population of neurons that spike at given times."""
    ends = [0]
    for neuron in times:
        ends.append(ends[-1] + len(neuron))
    population = model.add_neuron_population(
        name, len(times), "SpikeSourceArray", {}, {"startSpike": ends[:-1], "endSpike": ends[1:]}
    )
    population.extra_global_params["spikeTimes"].set_init_values(
        [time for neuron in times for time in neuron]
    )
    return population


def sink(model: e.GeNNModel, size: int, name: str = "Out") -> e.NeuronGroup:
    """Add a population that keeps its input."""
    return model.add_neuron_population(name, size, SINK, {}, {"x": 0.0})


def new_model(backend: str | None = None, **preferences: Any) -> e.GeNNModel:
    """Return an empty network with timesteps of 1 ms."""
    model = e.GeNNModel("float", "test", backend, **preferences)
    model.dt = 1.0
    return model


def static(weight: Any) -> e.WeightUpdateInit:
    """Return static synapses of a weight."""
    return e.init_weight_update("StaticPulse", {}, {"g": weight})


def delta() -> e.PostsynapticInit:
    """Return synapses whose output lasts one timestep."""
    return e.init_postsynaptic("DeltaCurr")


def run_ready(model: e.GeNNModel, num_recording_timesteps: int | None = None) -> e.GeNNModel:
    """Build and load a network."""
    model.build()
    model.load(num_recording_timesteps)
    return model
