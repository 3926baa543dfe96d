"""Neurons against golden values, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.connectivity import Dense, OneToOne
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    IntegrateFire,
    IntegrateFireInput,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
)
from mlgenn_rs.utils.data import PreprocessedSpikes, preprocess_spikes

from .support import assert_golden, assert_same_spikes, load_golden, run_inference

INTEGRATE = dict.fromkeys(
    [
        "n01_if_input",
        "n02_if_input_reset",
        "n11_if_frames",
        "n12_if_frames_examples",
        "n23_if_float32_rounding",
        "n24_if_frames_float_dt",
    ],
    IntegrateFireInput,
)
LEAKY = dict.fromkeys(
    [
        "n03_lif_default",
        "n04_lif_relative_vreset",
        "n05_lif_absolute",
        "n06_lif_scale_i",
        "n07_lif_refrac_integrate",
        "n08_lif_refrac_hold",
        "n09_lif_refrac_dt",
        "n10_lif_hetero",
    ],
    LeakyIntegrateFireInput,
)
DRIVEN = {**INTEGRATE, **LEAKY}
RECORDED = {"v": "V", "RefracTime": "RefracTime", "Alpha": "Alpha", "Vthresh": "Vthresh"}

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


@pytest.mark.parametrize("name", DRIVEN)
def test_driven_neurons(name: str, backend: str) -> None:
    case = load_golden(name)
    params = dict(case["params"])
    dt = params.pop("dt", 1.0)
    if name == "n12_if_frames_examples":
        params = {"input_frames": 2, "input_frame_timesteps": 2}
    x, outputs = np.asarray(case["inputs"]["x"]), case["outputs"]
    net = Network()
    with net:
        pop = Population(DRIVEN[name](**params), x.shape[-1], record_spikes=True)
    record = {key: (pop, var) for key, var in RECORDED.items() if key in outputs}
    _, data = run_inference(
        net,
        {pop: x},
        None,
        {**record, "spikes": pop},
        evaluate_timesteps=len(outputs["v"][0]),
        dt=dt,
        backend=backend,
    )
    for key in record:
        assert_golden(data[key], outputs[key])
    assert_same_spikes(data["spikes"], outputs["spikes"])


def check_input(neuron: Any, x: Any, name: str, size: int, backend: str, dt: float = 1.0) -> None:
    """Count the spikes of an input neuron with one integrator each."""
    outputs = load_golden(name)["outputs"]
    net = Network()
    with net:
        source = Population(neuron, size, record_spikes=True)
        target = Population(IntegrateFire(v_thresh=1e9, readout="var"))
        Connection(source, target, OneToOne(1.0))
    readout, data = run_inference(
        net,
        {source: x},
        target,
        {"v": (target, "V"), "in_spikes": source},
        evaluate_timesteps=len(outputs["v"][0]),
        dt=dt,
        backend=backend,
    )
    assert_golden(readout, outputs["readout"])
    assert_golden(data["v"], outputs["v"])
    assert_same_spikes(data["in_spikes"], outputs["in_spikes"])


@pytest.mark.parametrize(
    ("name", "neuron"),
    [
        ("n13_binary_input", BinarySpikeInput()),
        ("n14_binary_frames", BinarySpikeInput(input_frames=3, input_frame_timesteps=2)),
        ("n17_poisson_saturated", PoissonInput()),
    ],
)
def test_array_inputs(name: str, neuron: Any, backend: str) -> None:
    x = np.asarray(load_golden(name)["inputs"]["x"])
    check_input(neuron, x, name, x.shape[-1], backend)


@pytest.mark.parametrize("name", ["n15_spike_input_dt1", "n16_spike_input_dt05"])
def test_spike_input(name: str, backend: str) -> None:
    case = load_golden(name)
    inputs = case["inputs"]
    spikes = preprocess_spikes(np.asarray(inputs["times"]), inputs["ids"], 4)
    golden = inputs["preprocessed"]
    assert spikes.end_spikes.tolist() == golden["end_spikes"]
    assert spikes.spike_times.tolist() == golden["spike_times"]
    check_input(SpikeInput(), [spikes], name, 4, backend, case["params"]["dt"])


def test_poisson_rate(backend: str) -> None:
    case = load_golden("n18_poisson_rate")
    x = np.asarray(case["inputs"]["x"])
    net = Network()
    with net:
        source = Population(PoissonInput(), x.shape[-1])
        target = Population(IntegrateFire(v_thresh=1e9, readout="var"))
        Connection(source, target, OneToOne(1.0))
    num_timesteps = case["params"]["T"]
    readout, _ = run_inference(
        net,
        {source: x},
        target,
        {},
        evaluate_timesteps=num_timesteps,
        dt=case["params"]["dt"],
        rng_seed=1234,
        backend=backend,
    )
    assert readout is not None
    probability = readout[0] / num_timesteps
    np.testing.assert_allclose(probability, case["outputs"]["expected_p"], atol=0.015)


@pytest.mark.parametrize(
    "name", ["n19_alif_relative", "n20_alif_absolute", "n21_alif_refrac", "n22_alif_refrac_hold"]
)
def test_adaptive_neurons(name: str, backend: str) -> None:
    case = load_golden(name)
    outputs = case["outputs"]
    every_step = np.arange(20.0)
    spikes = PreprocessedSpikes(np.asarray([20, 40]), np.concatenate([every_step, every_step]))
    net = Network()
    with net:
        source = Population(SpikeInput(), 2)
        neuron = AdaptiveLeakyIntegrateFire(**case["params"], readout="spike_count")
        target = Population(neuron, 2, record_spikes=True)
        Connection(source, target, Dense(np.diag(case["inputs"]["w_diag"])))
    readout, data = run_inference(
        net,
        {source: [spikes]},
        target,
        {"v": (target, "V"), "a": (target, "A"), "spikes": target},
        evaluate_timesteps=20,
        backend=backend,
    )
    assert_golden(readout, outputs["readout"])
    assert_golden(data["v"], outputs["v"])
    assert_golden(data["a"], outputs["a"])
    assert_same_spikes(data["spikes"], outputs["spikes"])
