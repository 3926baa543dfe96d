"""Synapses, delays, readouts and what lasts between examples against golden values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.connectivity import Dense, FixedProbability, OneToOne
from mlgenn_rs.neurons import (
    BinarySpikeInput,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .support import assert_golden, assert_same_spikes, load_golden, run_inference

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def integrator() -> IntegrateFire:
    return IntegrateFire(v_thresh=1e9, readout="var")


def leaky(**kwargs: Any) -> LeakyIntegrate:
    return LeakyIntegrate(**{"tau_mem": 20.0, "readout": "var", **kwargs})


SYNAPSES: dict[str, tuple[Any, Any]] = {
    "s01_dense_delta_if": (IntegrateFire(v_thresh=1.0, readout="var"), "delta"),
    "s02_delta_li": (leaky(), "delta"),
    "s03_delta_li_bias_scale": (leaky(tau_mem=10.0, bias=0.1, scale_i=True), "delta"),
    "s04_exp_li": (leaky(), Exponential(5.0)),
    "s05_exp_scale_if": (integrator(), Exponential(5.0, scale_i=True)),
    "s06_exp_hetero_tau": (integrator(), Exponential(np.asarray([2.0, 5.0, 10.0]))),
    "s07_delay_const": (integrator(), "delta"),
    "s08_delay_array": (integrator(), "delta"),
}


def spike_trains(times: Any, ids: Any, num_neurons: int) -> list[Any]:
    return [preprocess_spikes(np.asarray(times, dtype=float), ids, num_neurons)]


@pytest.mark.parametrize("name", SYNAPSES)
def test_synapses(name: str, backend: str) -> None:
    case = load_golden(name)
    inputs, outputs = case["inputs"], case["outputs"]
    neuron, synapse = SYNAPSES[name]
    delays = {"s07_delay_const": 3, "s08_delay_array": np.asarray(case["params"].get("D"))}
    net = Network()
    with net:
        source = Population(SpikeInput(), 2)
        target = Population(neuron, 3, record_spikes=True)
        connectivity = Dense(np.asarray(inputs["W"]), delays.get(name, 0))
        Connection(source, target, connectivity, synapse)
    readout, data = run_inference(
        net,
        {source: spike_trains(inputs["times"], inputs["ids"], 2)},
        target,
        {"v": (target, "V"), "spikes": target},
        evaluate_timesteps=10,
        backend=backend,
    )
    assert_golden(readout, outputs["readout"])
    assert_golden(data["v"], outputs["v"])
    assert_same_spikes(data["spikes"], outputs.get("spikes", {"times": [[]], "ids": [[]]}))


@pytest.mark.parametrize("readout", ["var", "sum_var", "avg_var", "avg_var_exp_weight", "max_var"])
def test_variable_readouts(readout: str, backend: str) -> None:
    case = load_golden("r01_var_readouts")
    inputs = case["inputs"]
    net = Network()
    with net:
        source = Population(SpikeInput(), 2)
        target = Population(leaky(tau_mem=10.0, bias=0.01, readout=readout), 3)
        Connection(source, target, Dense(np.asarray(inputs["W"])))
    result, data = run_inference(
        net,
        {source: spike_trains(inputs["times"], inputs["ids"], 2)},
        target,
        {"v": (target, "V")},
        evaluate_timesteps=8,
        backend=backend,
    )
    assert_golden(result, case["outputs"][readout])
    assert_golden(data["v"], case["outputs"]["v"])


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize(
    "readout", ["spike_count", "first_spike_time", "max_var", "sum_var", "var"]
)
def test_readouts_of_spiking_neurons(readout: str, dt: float, backend: str) -> None:
    case = load_golden("r02_spike_readouts")
    outputs = case["outputs"]
    every_step = np.arange(12) * dt
    net = Network()
    with net:
        source = Population(SpikeInput(), 3)
        neuron = LeakyIntegrateFire(tau_mem=20.0, readout=readout)
        target = Population(neuron, 3, record_spikes=True)
        Connection(source, target, OneToOne(np.asarray(case["inputs"]["weights"])))
    result, data = run_inference(
        net,
        {source: spike_trains(np.tile(every_step, 3), np.repeat([0, 1, 2], 12), 3)},
        target,
        {"v": (target, "V"), "spikes": target},
        evaluate_timesteps=12,
        dt=dt,
        backend=backend,
    )
    assert_golden(result, outputs[f"{readout}_dt{dt}"])
    assert_golden(data["v"], outputs[f"v_dt{dt}"])
    assert_same_spikes(data["spikes"], outputs[f"spikes_dt{dt}"])


@pytest.mark.parametrize(
    "name",
    [
        "x01_reset_default",
        "x02_reset_insyn",
        "x03_no_reset_vars",
        "x04_no_reset_time",
        "x05_reset_delta",
    ],
)
def test_state_between_examples(name: str, backend: str) -> None:
    case = load_golden(name)
    net = Network()
    with net:
        source = Population(SpikeInput(), 1, record_spikes=True)
        target = Population(leaky(), 1)
        synapse = "delta" if name == "x05_reset_delta" else Exponential(5.0)
        Connection(source, target, Dense(np.ones((1, 1))), synapse)
    examples = [
        spike_trains(times, np.zeros(len(times), dtype=int), 1)[0]
        for times in case["inputs"]["examples"]
    ]
    readout, data = run_inference(
        net,
        {source: examples},
        target,
        {"v": (target, "V"), "in_spikes": source},
        evaluate_timesteps=5,
        backend=backend,
        **case["params"],
    )
    assert_golden(readout, case["outputs"]["readout"])
    assert_golden(data["v"], case["outputs"]["v"])
    assert_same_spikes(data["in_spikes"], case["outputs"]["in_spikes"])


@pytest.mark.parametrize("example", ["a", "b"])
def test_explicit_indices(example: str, backend: str) -> None:
    case = load_golden("c13_explicit_indices")
    inputs = case["inputs"]
    net = Network()
    with net:
        source = Population(BinarySpikeInput(), 4)
        target = Population(integrator())
        connection = Connection(source, target, OneToOne(np.asarray(inputs["weights"])))
    connectivity: Any = connection.connectivity
    connectivity.pre_ind = np.asarray(inputs["pre_ind"])
    connectivity.post_ind = np.asarray(inputs["post_ind"])
    readout, _ = run_inference(
        net,
        {source: np.asarray(inputs[f"x_{example}"])},
        target,
        {},
        evaluate_timesteps=2,
        backend=backend,
    )
    assert_golden(readout, case["outputs"][f"readout_{example}"])


def test_fixed_probability(backend: str) -> None:
    case = load_golden("c14_fixed_probability")
    net = Network()
    with net:
        source = Population(BinarySpikeInput(), 400)
        target = Population(integrator(), 300)
        Connection(source, target, FixedProbability(case["params"]["p"], 1.0))
    in_degree, _ = run_inference(
        net,
        {source: np.ones((1, 400))},
        target,
        {},
        evaluate_timesteps=2,
        rng_seed=1234,
        backend=backend,
    )
    assert in_degree is not None
    assert abs(np.mean(in_degree) - case["outputs"]["expected"]) < 1.5
    assert abs(np.std(in_degree) - case["outputs"]["expected_std"]) < 1.5
