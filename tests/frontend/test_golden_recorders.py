"""Recorders on a batch with an incomplete end against golden values, on every backend.

The network does what the stand-in of the golden file does: every variable says which example,
timestep and neuron it belongs to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import Callback, ConnVarRecorder, SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.engine import VarAccess
from mlgenn_rs.neurons import IntegrateFire, Neuron
from mlgenn_rs.neurons.input import Input
from mlgenn_rs.utils.model import NeuronModel, WeightUpdateModel

from .support import load_golden

BATCH_SIZE, NUM_TIMESTEPS = 2, 3


class Telltale(Neuron, Input):
    """Neuron whose variables are functions of example, timestep and neuron."""

    def get_model(self, population: Any, dt: float, batch_size: int) -> NeuronModel:
        model = {
            "vars": [
                ("V", "scalar"),
                ("Th", "scalar", VarAccess.READ_ONLY),
                ("E", "scalar", VarAccess.READ_ONLY_DUPLICATE),
                ("YTrue", "uint8_t", VarAccess.READ_ONLY_SHARED_NEURON),
            ],
            "sim_code": "V = (100.0 * E) + (10.0 * t) + id;",
            "threshold_condition_code": f"""
                (t < 0.5) ? (id == ((int)E / {BATCH_SIZE}) % 3)
                : (t < 1.5) ? (id >= 1)
                : (id == ((int)E / {BATCH_SIZE} + (int)E % {BATCH_SIZE}) % 3)
                """,
        }
        th = np.asarray([7.0, 8.0, 9.0])
        return NeuronModel(model, None, {}, {"V": 0.0, "Th": th, "E": 0.0, "YTrue": 0})

    def set_input(self, genn_pop: Any, batch_size: int, shape: Any, input: Any) -> None:
        examples = input[0] + np.arange(batch_size)
        for name in ("E", "YTrue"):
            view = genn_pop.vars[name].current_view
            view[...] = examples.reshape(batch_size, 1)
            genn_pop.vars[name].push_to_device()


class GradientCompiler(InferenceCompiler):
    """Gives each synapse a variable that is a function of example, timestep and weight."""

    def build_weight_update_model(
        self, connection: Any, connect_snippet: Any, compile_state: Any
    ) -> WeightUpdateModel:
        model = WeightUpdateModel(
            {
                "vars": [("g", "scalar", VarAccess.READ_ONLY), ("Gradient", "scalar")],
                "synapse_dynamics_code": "Gradient = (1000.0 * E) + (100.0 * t) + g;",
            },
            {},
            {"g": connect_snippet.weight, "Gradient": 0.0},
        )
        model.add_pre_neuron_var_ref("E", "scalar", "E")
        return model


class Nothing(Callback):
    """Needs Python in every timestep, so that the engine cannot record by itself."""

    def on_timestep_end(self, timestep: int) -> None:
        pass


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("stepping", [False, True])
def test_recorders(stepping: bool, backend: str) -> None:
    case = load_golden("k01_recorders_batched")
    net = Network()
    with net:
        pop = Population(Telltale(), 3, record_spikes=True)
        target = Population(IntegrateFire(), 2)
        weight = 2.0 * np.arange(3)[:, np.newaxis] + np.arange(2)
        conn = Connection(pop, target, Dense(weight))
    recorders: list[Any] = [
        VarRecorder(pop, genn_var="V", key="v"),
        VarRecorder(pop, genn_var="V", key="v_f", example_filter=[1, 4], neuron_filter=[0, 2]),
        VarRecorder(pop, genn_var="Th", key="th", example_filter=2),
        VarRecorder(pop, genn_var="YTrue", key="y", example_filter=[0, 3]),
        SpikeRecorder(pop, key="s"),
        SpikeRecorder(pop, key="s_f", example_filter=[1, 2], neuron_filter=[1, 2]),
        SpikeRecorder(
            pop, key="s_c", example_filter=[1, 2], neuron_filter=[0, 2], record_counts=True
        ),
        ConnVarRecorder(
            conn,
            "g",
            key="g",
            example_filter=3,
            src_neuron_filter=[0, 2],
            trg_neuron_filter=[1],
        ),
        ConnVarRecorder(
            conn, "Gradient", key="grad", example_filter=[0, 3], src_neuron_filter=slice(1, None)
        ),
    ]
    compiler = GradientCompiler(NUM_TIMESTEPS, batch_size=BATCH_SIZE, backend=backend)
    compiled = compiler.compile(net, "golden")
    with compiled:
        _, data = compiled.predict(
            {pop: np.arange(5)}, [], [*recorders, Nothing()] if stepping else recorders
        )
    assert set(data) == set(case["outputs"])
    for key, expected in case["outputs"].items():
        if "arrays" in expected:
            assert len(data[key]) == len(expected["arrays"])
            for actual, array in zip(data[key], expected["arrays"], strict=True):
                assert actual.shape == tuple(array["shape"]) and actual.dtype == array["dtype"]
                np.testing.assert_array_equal(actual, array["values"])
            continue
        times, ids = data[key]
        assert all(t.dtype == np.float64 and i.dtype == np.int32 for t, i in zip(*data[key]))
        got = [sorted(zip(t, i, strict=True)) for t, i in zip(times, ids, strict=True)]
        golden = zip(expected["times"], expected["ids"], strict=True)
        assert got == [sorted(zip(t, i, strict=True)) for t, i in golden]
