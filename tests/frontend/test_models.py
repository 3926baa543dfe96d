"""Model descriptions: queries, editing, processing."""

from __future__ import annotations

import numpy as np
import pytest

from mlgenn_rs.engine import CustomUpdateVarAccess, VarAccess, VarAccessMode
from mlgenn_rs.initializers import Normal
from mlgenn_rs.neurons import LeakyIntegrateFire
from mlgenn_rs.synapses import Exponential
from mlgenn_rs.utils.connectivity import KernelInit
from mlgenn_rs.utils.model import (
    CustomConnectivityUpdateModel,
    CustomUpdateModel,
    Model,
    NeuronModel,
    SynapseModel,
    WeightUpdateModel,
)


def make_model() -> Model:
    return Model(
        {
            "params": [("P", "scalar"), ("Q", "scalar"), ("R", "scalar")],
            "vars": [("X", "scalar"), ("Y", "scalar", VarAccess.READ_ONLY)],
        },
        {"P": 1.0, "Q": np.ones((2, 2)), "R": Normal()},
        {"X": 3.0, "Y": [4.0, 5.0]},
    )


def test_queries_and_additions() -> None:
    model = make_model()
    assert model.has_param("P") and not model.has_param("X")
    assert model.has_var("X") and not model.has_var("P") and not model.has_egp("E")
    model.add_param("S", "int", 3)
    model.add_var("Z", "scalar", 0.5)
    model.add_var("W", "scalar", 0.5, VarAccess.READ_ONLY)
    model.add_egp("E", "scalar*", [1.0])
    assert model.reset_vars == [("X", "scalar", 3.0), ("Z", "scalar", 0.5)]
    assert model.param_vals["S"] == 3 and model.has_egp("E")
    for add in (model.add_param, model.add_var, model.add_egp):
        name = {"add_param": "P", "add_var": "X", "add_egp": "E"}[add.__name__]
        with pytest.raises(AssertionError, match=name):
            add(name, "scalar", 0.0)
    model.set_var_access_mode("X", VarAccess.READ_ONLY)
    assert model.reset_vars == [("Z", "scalar", 0.5)]
    with pytest.raises(AssertionError, match="nope"):
        model.set_var_access_mode("nope", VarAccess.READ_ONLY)


def test_parameters_as_variables() -> None:
    model = make_model()
    model.make_param_var("P", VarAccess.READ_WRITE)
    assert model.model["vars"][-1] == ("P", "scalar", VarAccess.READ_WRITE)
    assert model.var_vals["P"] == 1.0 and "P" not in model.param_vals
    with pytest.raises(AssertionError):
        model.make_param_var("P")
    with pytest.raises(AssertionError, match="nope"):
        model.set_param_dynamic("nope")
    model.set_param_dynamic("Q")
    with pytest.raises(AssertionError, match="dynamic"):
        model.make_param_var("Q")
    model.set_param_dynamic("Q", False)
    model.make_param_var("Q")


def test_process() -> None:
    model = make_model()
    model.var_vals["X"] = KernelInit([1.0, 2.0])
    description, params, dynamic, variables, egps, var_egps = model.process()
    assert description["params"] == [("P", "scalar")] and params == {"P": 1.0}
    assert description["vars"][2:] == [
        ("Q", "scalar", VarAccess.READ_ONLY),
        ("R", "scalar", VarAccess.READ_ONLY),
    ]
    assert dynamic == set() and egps == {}
    assert variables["Q"].tolist() == [1.0] * 4 and variables["Y"].tolist() == [4.0, 5.0]
    assert variables["R"].snippet.name == "Normal"
    assert var_egps["X"]["kernel"].tolist() == [1.0, 2.0] and var_egps["R"] == {}
    assert len(model.model["params"]) == 3
    empty = Model({}).process()
    assert empty[0] == {"vars": [], "params": []}
    model.set_param_dynamic("Q")
    with pytest.raises(AssertionError, match="dynamic"):
        model.process()
    model.set_param_dynamic("Q", False)
    model.set_param_dynamic("P")
    assert model.process()[1:3] == ({"P": 1.0}, {"P"})


def test_fresh_dictionaries() -> None:
    first = NeuronModel.from_val_descriptors(
        {"vars": [("V", "scalar")]}, "V", LeakyIntegrateFire(), 1.0
    )
    second = NeuronModel.from_val_descriptors(
        {"vars": [("X", "scalar")]}, "X", LeakyIntegrateFire(), 1.0
    )
    assert first.var_vals == {"V": 0.0} and second.var_vals == {}
    assert Model({}).param_vals is not Model({}).param_vals


def test_code() -> None:
    model = NeuronModel({"sim_code": "\n    a;\n    b;"}, "V")
    model.append_sim_code("\n        c;\n        d;")
    model.prepend_sim_code("z;")
    assert model.model["sim_code"].split() == ["z;", "a;", "b;", "c;", "d;"]
    assert "\n " not in model.model["sim_code"]
    model.replace_sim_code("a", "A")
    model.replace_reset_code("a", "A")
    assert "A;" in model.model["sim_code"] and "reset_code" not in model.model
    model.append_reset_code("r;")
    model.prepend_reset_code("q;")
    model.replace_reset_code("r", "R")
    assert model.model["reset_code"].split() == ["q;", "R;"]
    model.model["threshold_condition_code"] = "x > x"
    model.replace_threshold_condition_code("x", "y")
    assert model.model["threshold_condition_code"] == "y > y"
    model.add_additional_input_var("I2", "scalar", 0.0)
    assert model.model["additional_input_vars"] == [("I2", "scalar", 0.0)]


def test_output_var() -> None:
    model = {"vars": [("V", "scalar"), ("U", "int")]}
    assert NeuronModel(model, "U").output_var == ("U", "int")
    with pytest.raises(RuntimeError):
        _ = NeuronModel({}, "V").output_var
    with pytest.raises(RuntimeError):
        _ = NeuronModel(model, None).output_var
    with pytest.raises(AssertionError):
        _ = NeuronModel(model, "W").output_var


def test_synapse_models() -> None:
    model = SynapseModel.from_val_descriptors(
        {"params": [("ExpDecay", "scalar")]}, Exponential(2.0), 1.0, neuron_var_refs={"V": "V"}
    )
    assert model.param_vals == {"ExpDecay": np.exp(-0.5)}
    assert model.process()[-1] == {"V": "V"}

    update = WeightUpdateModel(
        {"pre_vars": [("A", "scalar")], "post_vars": [("B", "scalar", VarAccess.READ_ONLY)]},
        pre_var_vals={"A": 1.0},
        post_var_vals={"B": Normal()},
    )
    update.add_pre_neuron_var_ref("V", "scalar", "V")
    update.add_post_neuron_var_ref("U", "scalar", "W")
    with pytest.raises(AssertionError):
        update.add_pre_neuron_var_ref("V", "scalar", "V")
    update.append_synapse_dynamics("a;")
    update.append_pre_spike_syn_code("b;")
    update.append_pre_event_syn_code("c;")
    assert update.model["pre_event_syn_code"].strip() == "c;"
    assert update.reset_pre_vars == [("A", "scalar", 1.0)] and update.reset_post_vars == []
    pre, post, pre_refs, post_refs = update.process()[6:]
    assert pre == {"A": 1.0} and post["B"].snippet.name == "Normal"
    assert (pre_refs, post_refs) == ({"V": "V"}, {"U": "W"})


def test_custom_updates() -> None:
    model = CustomUpdateModel({}, egp_refs={})
    model.add_var_ref("G", "scalar", "gradient")
    model.add_egp_ref("E", "scalar*", "array")
    model.add_var("S", "scalar", 0.0)
    assert model.has_var_ref("G") and model.has_egp_ref("E") and not model.has_var_ref("E")
    assert model.model["vars"] == [("S", "scalar", CustomUpdateVarAccess.READ_WRITE)]
    model.set_var_ref_access_mode("G", VarAccessMode.REDUCE_SUM)
    assert model.model["var_refs"] == [("G", "scalar", VarAccessMode.REDUCE_SUM)]
    model.append_update_code("x;")
    assert model.process()[6:] == ({"G": "gradient"}, {"E": "array"})
    connectivity = CustomConnectivityUpdateModel({}, pre_var_vals={"A": [1.0]}, var_refs={"g": 1})
    assert [len(v) for v in connectivity.process()[6:]] == [1, 0, 1, 0, 0, 0]
