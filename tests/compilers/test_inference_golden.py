"""Inference against values computed with the original implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from mlgenn_rs.synapses import Delta, Exponential
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import assert_close, load_golden

GOLDEN = load_golden("inference.npz")
NUM_TIMESTEPS = 15

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "reset_in_syn": {"reset_in_syn_between_batches": True},
    "no_reset_vars": {"reset_vars_between_batches": False},
    "dt_half": {"dt": 0.5},
    "no_reset_time": {"reset_time_between_batches": False},
}


def hidden(**kwargs: Any) -> LeakyIntegrateFire:
    return LeakyIntegrateFire(**{"v_thresh": 0.8, "tau_mem": 20.0, **kwargs})


def output(readout: str, **kwargs: Any) -> LeakyIntegrate:
    return LeakyIntegrate(tau_mem=20.0, readout=readout, **kwargs)


NETS: dict[str, dict[str, Any]] = {
    **{
        f"lif_delta_{readout}": {"output": lambda readout=readout: output(readout)}
        for readout in ("avg_var", "sum_var", "max_var", "var", "avg_var_exp_weight")
    },
    "lif_exp": {"synapse": lambda: Exponential(5.0)},
    "lif_exp_scaled": {
        "hidden": lambda: hidden(scale_i=True),
        "output": lambda: output("avg_var", scale_i=True),
        "synapse": lambda: Exponential(5.0, scale_i=True),
    },
    "lif_count": {
        "hidden": lambda: hidden(v_thresh=0.5),
        "output": lambda: LeakyIntegrateFire(v_thresh=0.3, readout="spike_count"),
        "synapse": lambda: Exponential(5.0),
    },
    "lif_ttfs": {
        "hidden": lambda: hidden(v_thresh=0.5),
        "output": lambda: LeakyIntegrateFire(v_thresh=0.3, readout="first_spike_time"),
        "synapse": lambda: Exponential(5.0),
    },
    "if_delta": {
        "hidden": lambda: IntegrateFire(v_thresh=0.8),
        "output": lambda: output("sum_var"),
    },
    "alif_delta": {
        "hidden": lambda: AdaptiveLeakyIntegrateFire(
            v_thresh=0.6, beta=0.2, tau_adapt=50.0, tau_refrac=2.0
        ),
        "output": lambda: output("sum_var"),
    },
    "constdelay": {
        "output": lambda: output("sum_var"),
        "synapse": lambda: Exponential(5.0),
        "delays": (2, 3),
    },
    "hetdelay": {
        "output": lambda: output("sum_var"),
        "synapse": lambda: Exponential(5.0),
        "delays": (GOLDEN["D1"], GOLDEN["D2"]),
    },
    "binary": {"hidden": lambda: hidden(tau_refrac=2.0), "synapse": lambda: Exponential(5.0)},
}


def build(
    name: str,
    hidden: Any = hidden,
    output: Any = lambda: output("avg_var"),
    synapse: Any = Delta,
    delays: tuple[Any, Any] = (0, 0),
) -> tuple[Network, Population, Population]:
    network = Network()
    with network:
        is_binary = name == "binary"
        inp = Population(BinarySpikeInput() if is_binary else SpikeInput(), 3, name="in")
        hid = Population(hidden(), 4, name="hid")
        out = Population(output(), 2, name="out")
        Connection(inp, hid, Dense(GOLDEN["W1"], delay=delays[0]), synapse(), name="ih")
        Connection(hid, hid, Dense(GOLDEN["WR"]), synapse(), name="hh")
        Connection(hid, out, Dense(GOLDEN["W2"], delay=delays[1]), synapse(), name="ho")
    return network, inp, out


def inputs(name: str, option: str) -> Any:
    """Return three examples; times are absolute if time is not reset between examples."""
    if name == "binary":
        return GOLDEN["B"]
    examples = []
    for i in range(3):
        rows = GOLDEN["X"][GOLDEN["X"][:, 0] == i]
        times = rows[:, 2].astype(np.float64)
        examples.append(preprocess_spikes(times, rows[:, 1].astype(int), 3))
    return examples


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", NETS)
def test_predictions(name: str, option: str) -> None:
    network, inp, out = build(name, **NETS[name])
    compiler = InferenceCompiler(NUM_TIMESTEPS, **OPTIONS[option])
    compiled = compiler.compile(network, "test")
    with compiled:
        predictions, _ = compiled.predict({inp: inputs(name, option)}, out, callbacks=[])
    expected = np.maximum(GOLDEN[f"{option}/{name}"], -1e6)
    assert_close(np.maximum(predictions[out], -1e6), expected, f"{option}/{name}")


@pytest.mark.parametrize("name", NETS)
def test_batch_gives_what_single_examples_give(name: str) -> None:
    network, inp, out = build(name, **NETS[name])
    examples = inputs(name, "default")
    compiled = InferenceCompiler(NUM_TIMESTEPS, batch_size=3).compile(network, "test")
    with compiled:
        together, _ = compiled.predict({inp: examples}, out, callbacks=[])
    compiled = InferenceCompiler(NUM_TIMESTEPS).compile(network, "test")
    for i in range(3):
        with compiled:  # a freshly loaded network has no currents left from another example
            alone, _ = compiled.predict({inp: examples[i : i + 1]}, out, callbacks=[])
        np.testing.assert_array_equal(together[out][i], alone[out][0])
