"""Readouts, losses and optimisers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Population
from mlgenn_rs.communicators import MPI
from mlgenn_rs.engine import VarAccess, VarAccessMode, create_custom_update_model
from mlgenn_rs.losses import (
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
)
from mlgenn_rs.neurons import IntegrateFire, LeakyIntegrate, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.readouts import (
    AvgVar,
    AvgVarExpWeight,
    FirstSpikeTime,
    MaxVar,
    SpikeCount,
    SumVar,
    Var,
)
from mlgenn_rs.utils.model import NeuronModel

from .support import FakeArray, make_group


def get_model(neuron: Any) -> NeuronModel:
    population = Population(neuron, 3, add_to_model=False)
    return population.neuron.get_model(population, 1.0, 2)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (SumVar, "VSum", 0.0),
        (AvgVar, "VAvg", 0.0),
        (AvgVarExpWeight, "VAvg", 0.0),
        (MaxVar, "VMax", 0.0),
        (SpikeCount, "Scount", 0),
        (FirstSpikeTime, "TFirstSpike", float(np.finfo(np.float32).min)),
    ],
)
def test_readouts(cls: Any, name: str, value: float) -> None:
    model = get_model(IntegrateFire())
    readout = cls()
    extended = readout.add_readout_logic(model, example_timesteps=8, dt=0.5)
    assert not model.has_var(name) and extended.has_var(name)
    assert [(n, v) for n, _, v in readout.reset_vars] == [(name, value)]
    assert (name, readout.reset_vars[0][1], value) in extended.reset_vars
    slot = "reset_code" if name in ("Scount", "TFirstSpike") else "sim_code"
    assert name in extended.model[slot] and name not in model.model[slot]
    array = FakeArray((2, 6))
    result = readout.get_readout(make_group(**{name: array}), 2, (2, 3))
    assert result.shape == (2, 2, 3) and np.shares_memory(result, array.view)
    assert array.pulls == 1


def test_var_readout() -> None:
    model = get_model(LeakyIntegrate())
    readout = Var()
    assert readout.add_readout_logic(model) is model and readout.reset_vars == []
    assert readout.get_readout(make_group(V=FakeArray((3,))), 1, (3,)).shape == (1, 3)
    with pytest.raises(RuntimeError, match="compiled"):
        Var().get_readout(make_group(), 1, (3,))


def test_time_of_maximum() -> None:
    readout = MaxVar()
    model = readout.add_readout_logic(
        get_model(LeakyIntegrate()), example_timesteps=4, dt=1.0, max_time_required=True
    )
    assert model.has_var("VMaxTime") and [v[0] for v in readout.reset_vars] == ["VMax"]


@pytest.mark.parametrize("cls", [Var, SumVar, AvgVar, AvgVarExpWeight, MaxVar])
def test_readouts_need_an_output(cls: Any) -> None:
    broken = NeuronModel({"vars": [("U", "scalar")]}, "V")
    for model in (get_model(SpikeInput(3)), NeuronModel({}, "V"), broken):
        with pytest.raises(RuntimeError):
            cls().add_readout_logic(model, example_timesteps=4, dt=1.0)


@pytest.mark.parametrize("cls", [SpikeCount, FirstSpikeTime])
def test_readouts_need_spikes(cls: Any) -> None:
    with pytest.raises(RuntimeError, match="spike"):
        cls().add_readout_logic(get_model(LeakyIntegrate()), example_timesteps=4, dt=1.0)


@pytest.mark.parametrize(
    ("loss", "has_local"),
    [(SparseCategoricalCrossentropy(), True), (RelativeMeanSquareError(0.1), False)],
)
def test_label_losses(loss: Any, has_local: bool) -> None:
    model = get_model(LeakyIntegrate())
    loss.add_to_neuron(model, (3,), 4, 10)
    assert model.model["vars"][-1] == ("YTrue", "uint8_t", VarAccess.READ_ONLY_SHARED_NEURON)
    assert ("yTrue" in model.model["sim_code"]) is has_local
    wide = get_model(LeakyIntegrate())
    loss.add_to_neuron(wide, (300,), 4, 10)
    assert wide.model["vars"][-1][1] == "uint16_t"

    labels = FakeArray((4, 1), np.uint8)
    loss.set_target(make_group(YTrue=labels), [2, 1], (3,), 4, 10)
    assert labels.view.ravel().tolist() == [2, 1, 77, 77] and labels.pushes == 1
    single = FakeArray((1,), np.uint8)
    loss.set_target(make_group(YTrue=single), np.asarray([2]), (3,), 1, 10)
    assert single.view.tolist() == [2]
    for bad in ([0] * 5, [[0]], 0):
        with pytest.raises(RuntimeError, match="labels"):
            loss.set_target(make_group(YTrue=labels), bad, (3,), 4, 10)
    for bad in ([256], [-1], [0.5]):
        with pytest.raises(ValueError, match="labels"):
            loss.set_target(make_group(YTrue=labels), bad, (3,), 4, 10)


def test_mean_square_error() -> None:
    model = get_model(LeakyIntegrate())
    loss = MeanSquareError()
    loss.add_to_neuron(model, (3,), 2, 5)
    assert model.egp_vals["YTrue"].shape == (30,)
    targets = np.arange(30.0).reshape(2, 5, 3)
    array = FakeArray((30,))
    loss.set_target(make_group(YTrue=array), targets, (3,), 2, 5)
    np.testing.assert_array_equal(array.view, np.arange(30.0))
    with pytest.raises(RuntimeError, match=r"\(2, 5, 3\)"):
        loss.set_target(make_group(YTrue=array), targets[:1], (3,), 2, 5)


def test_adam_model() -> None:
    model = Adam(alpha=0.01).get_model("gradient", "variable", False)
    assert model.var_refs == {"Gradient": "gradient", "Variable": "variable"}
    assert model.dynamic_param_names == {"Alpha", "MomentScale1", "MomentScale2"}
    assert model.param_vals["MomentScale1"] == model.param_vals["MomentScale2"] == 0.0
    assert model.model["var_refs"][0][2] == VarAccessMode.READ_ONLY
    full = Adam().get_model("gradient", "variable", True, (-1.0, 2.0))
    assert full.model["var_refs"][0][2] == VarAccessMode.READ_WRITE
    assert (full.param_vals["VariableMin"], full.param_vals["VariableMax"]) == (-1.0, 2.0)
    code = full.model["update_code"]
    assert code.index("Gradient = 0.0") < code.index("VariableMax")
    create_custom_update_model("Adam", **full.process()[0])


def test_adam_step() -> None:
    values: dict[str, float] = {}
    update = SimpleNamespace(set_dynamic_param_value=values.__setitem__)
    adam = Adam(alpha=0.5)
    adam.set_step(update, 2)
    expected = {
        "Alpha": 0.5,
        "MomentScale1": 1.0 / (1.0 - 0.9**3),
        "MomentScale2": 1.0 / (1.0 - 0.999**3),
    }
    assert values == pytest.approx(expected, rel=1e-12)
    adam.alpha = 0.25
    adam.set_step(update, 0)
    assert values["Alpha"] == 0.25 and values["MomentScale1"] == pytest.approx(10.0)
    with pytest.raises(AssertionError, match="from 0"):
        adam.set_step(update, -1)


def test_mpi_needs_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match="mlgenn_rs\\[mpi\\]"):
        MPI()
