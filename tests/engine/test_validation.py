"""What is refused when models and groups are created."""

from __future__ import annotations

import numpy as np
import pytest

from mlgenn_rs import engine as e

from .networks import COUNTER, SINK, delta, new_model, sink, static


def test_errors_keep_their_built_in_meaning() -> None:
    for error, meaning in (
        (e.ModelError, ValueError),
        (e.SnippetError, ValueError),
        (e.RuntimeFault, RuntimeError),
        (e.UnknownGroup, IndexError),
        (e.UnknownName, KeyError),
        (e.Unsupported, NotImplementedError),
        (e.OutOfMemory, MemoryError),
    ):
        assert issubclass(error, meaning) and issubclass(error, e.MlGennError)
    assert str(e.UnknownName("no such thing")) == "no such thing"


@pytest.mark.parametrize("name", ["1a", "a-b", "", "a b"])
def test_parameter_names(name: str) -> None:
    with pytest.raises(e.ModelError, match="parameters"):
        e.create_neuron_model("Model", params=[name])


def test_names_are_declared_once() -> None:
    with pytest.raises(e.ModelError, match="'a' is declared twice"):
        e.create_neuron_model("Model", params=["a"], vars=[("a", "scalar")])


def test_extra_global_parameters_are_arrays() -> None:
    with pytest.raises(e.ModelError, match=r"write 'scalar\*'"):
        e.create_neuron_model("Model", extra_global_params=[("a", "scalar")])


@pytest.mark.parametrize("side", ["pre", "post"])
@pytest.mark.parametrize("slot", ["event_threshold_condition_code", "event_syn_code"])
def test_events_need_condition_and_handler(side: str, slot: str) -> None:
    with pytest.raises(e.ModelError, match="give both or neither"):
        e.create_weight_update_model("Model", **{f"{side}_{slot}": "true"})


def test_access_types_do_not_mix() -> None:
    with pytest.raises(e.ModelError, match="CustomUpdateVarAccess"):
        e.create_custom_update_model("Model", vars=[("a", "scalar", e.VarAccess.READ_ONLY)])
    with pytest.raises(e.ModelError, match="VarAccess"):
        e.create_neuron_model(
            "Model", vars=[("a", "scalar", e.CustomUpdateVarAccess.REDUCE_BATCH_SUM)]
        )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "missing 'step'"),
        ({"step": 1.0, "pace": 2.0}, "unknown 'pace'"),
        ({"step": "fast"}, "must be a number"),
        ({"step": float("nan")}, "not a number"),
    ],
)
def test_parameters_are_complete_numbers(params: dict[str, object], message: str) -> None:
    with pytest.raises(e.ModelError, match=message):
        new_model().add_neuron_population("Pop", 1, COUNTER, params, {"V": 0.0})


def test_initial_values_are_complete() -> None:
    with pytest.raises(e.ModelError, match="missing 'V'"):
        new_model().add_neuron_population("Pop", 1, COUNTER, {"step": 1.0}, {})
    with pytest.raises(e.ModelError, match="initial value"):
        new_model().add_neuron_population("Pop", 1, COUNTER, {"step": 1.0}, {"V": "zero"})


def test_population_names() -> None:
    model = new_model()
    with pytest.raises(e.ModelError, match="legal name"):
        sink(model, 1, "a-b")
    sink(model, 1, "1ab")
    with pytest.raises(e.ModelError, match="already"):
        sink(model, 1, "1ab")


def test_unknown_names_list_what_exists() -> None:
    model = new_model()
    population = sink(model, 2)
    with pytest.raises(KeyError, match="'x'"):
        population.vars["y"]
    with pytest.raises(KeyError, match="Out"):
        model.neuron_populations["In"]
    with pytest.raises(KeyError, match="LIF"):
        model.add_neuron_population("P", 1, "Lif")


def test_types_of_references_are_written_alike() -> None:
    model = new_model()
    population = sink(model, 2)
    update = e.create_custom_update_model(
        "Update", var_refs=[("x", "float")], update_code="x = 0.0;"
    )
    reference = e.create_var_ref(population, "x")
    with pytest.raises(e.ModelError, match=r"'float'.*'scalar'"):
        model.add_custom_update("U", "G", update, {}, {}, {"x": reference})


def test_custom_update_needs_references_of_one_shape() -> None:
    model = new_model()
    two, three = sink(model, 2, "Two"), sink(model, 3, "Three")
    synapses = model.add_synapse_population("S", "DENSE", two, three, static(1.0), delta())
    empty = e.create_custom_update_model("Empty", vars=[("s", "scalar")])
    with pytest.raises(e.ModelError, match="at least one"):
        model.add_custom_update("U", "G", empty, {}, {"s": 0.0})
    both = e.create_custom_update_model("Both", var_refs=[("a", "scalar"), ("b", "scalar")])
    with pytest.raises(e.ModelError, match="numbers of neurons"):
        references = {"a": e.create_var_ref(two, "x"), "b": e.create_var_ref(three, "x")}
        model.add_custom_update("U", "G", both, {}, {}, references)
    with pytest.raises(e.ModelError, match="all to synapse"):
        references = {"a": e.create_var_ref(two, "x"), "b": e.create_wu_var_ref(synapses, "g")}
        model.add_custom_update("U", "G", both, {}, {}, references)


def test_reductions_go_over_one_dimension() -> None:
    model = new_model()
    population = sink(model, 2)
    access = e.CustomUpdateVarAccess
    both = e.create_custom_update_model(
        "Both",
        vars=[("s", "scalar", access.REDUCE_NEURON_SUM), ("b", "scalar", access.REDUCE_BATCH_SUM)],
        var_refs=[("x", "scalar", e.VarAccessMode.READ_ONLY)],
        update_code="s = x; b = x;",
    )
    reference = {"x": e.create_var_ref(population, "x")}
    with pytest.raises(e.ModelError, match="cannot reduce over the batch and over neurons"):
        model.add_custom_update("U", "G", both, {}, {"s": 0.0, "b": 0.0}, reference)
    full = e.create_custom_update_model(
        "Full", var_refs=[("x", "scalar", e.VarAccessMode.REDUCE_SUM)], update_code="x = 1.0;"
    )
    with pytest.raises(e.ModelError, match="must lack exactly one"):
        model.add_custom_update("U", "G", full, {}, {}, reference)


def test_shared_variables_of_a_batch_are_not_written() -> None:
    model = new_model()
    model.batch_size = 2
    shared = e.create_neuron_model(
        "Shared", vars=[("a", "scalar"), ("b", "scalar", e.VarAccess.READ_ONLY)]
    )
    population = model.add_neuron_population("P", 2, shared, {}, {"a": 0.0, "b": 0.0})
    update = e.create_custom_update_model(
        "Update", var_refs=[("a", "scalar"), ("b", "scalar")], update_code="b = a;"
    )
    references = {name: e.create_var_ref(population, name) for name in "ab"}
    model.add_custom_update("U", "G", update, {}, {}, references)
    with pytest.raises(e.ModelError, match="shared by the batch"):
        model.build()


def test_local_references_stay_in_the_group() -> None:
    model = new_model()
    near, far = sink(model, 2, "Near"), sink(model, 2, "Far")
    update = e.create_weight_update_model(
        "W", pre_neuron_var_refs=[("x", "scalar")], synapse_dynamics_code="addToPost(x);"
    )
    init = e.init_weight_update(update, pre_var_refs={"x": e.create_var_ref(far, "x")})
    with pytest.raises(e.ModelError, match="'Near'"):
        model.add_synapse_population("S", "DENSE", near, far, init, delta())
    init = e.init_weight_update(update, pre_var_refs={"x": e.create_var_ref(near, "x")})
    model.add_synapse_population("S", "DENSE", near, far, init, delta())


def test_matrix_types_hold_what_they_can() -> None:
    model = new_model()
    population = sink(model, 4)
    one_to_one = e.init_sparse_connectivity("OneToOne")
    convolution = e.init_toeplitz_connectivity(
        "Conv2D",
        dict.fromkeys((f"conv_{n}" for n in ("kh", "kw", "ih", "iw", "ic", "oh", "ow", "oc")), 1),
    )
    stdp = e.init_weight_update(
        "STDP",
        dict.fromkeys(("tauPlus", "tauMinus", "Aplus", "Aminus", "Wmin", "Wmax"), 1.0),
        {"g": 0.0},
    )
    for matrix_type, update, connectivity in (
        ("DENSE", static(1.0), one_to_one),
        ("SPARSE", static(1.0), convolution),
        ("TOEPLITZ", static(1.0), one_to_one),
        ("TOEPLITZ", stdp, convolution),
        ("PROCEDURAL", static(1.0), None),
        ("PROCEDURAL", stdp, one_to_one),
        ("BITMASK", static(1.0), one_to_one),
    ):
        with pytest.raises(e.ModelError, match=matrix_type):
            model.add_synapse_population(
                "S", matrix_type, population, population, update, delta(), connectivity
            )
    with pytest.raises(e.ModelError, match="matrix type"):
        model.add_synapse_population("S", "DENS", population, population, static(1.0), delta())


def test_max_connections_is_a_bound() -> None:
    model = new_model()
    population = sink(model, 8)
    snippet = e.init_sparse_connectivity("FixedNumberPostWithReplacement", {"num": 3})
    group = model.add_synapse_population(
        "S", "SPARSE", population, population, static(1.0), delta(), snippet
    )
    assert group.max_connections == 3
    with pytest.raises(e.ModelError, match="below the 3"):
        group.max_connections = 2
    group.max_connections = 5
    assert group.max_connections == 5
    assert group.weight_update_var_size == 40
    dense = model.add_synapse_population("D", "DENSE", population, population, static(1.0), delta())
    with pytest.raises(e.ModelError, match="SPARSE"):
        dense.max_connections = 3


def test_target_variables_exist() -> None:
    model = new_model()
    group = model.add_synapse_population(
        "S", "DENSE", sink(model, 2, "A"), sink(model, 2, "B"), static(1.0), delta()
    )
    with pytest.raises(e.ModelError, match="Isyn"):
        group.post_target_var = "Iother"
    group.post_target_var = "Isyn"


def test_explicit_pairs_are_checked() -> None:
    model = new_model()
    group = model.add_synapse_population(
        "S", "SPARSE", sink(model, 2, "A"), sink(model, 3, "B"), static(1.0), delta()
    )
    with pytest.raises(e.ModelError, match="0 to 1"):
        group.set_sparse_connections([0, 2], [0, 0])
    with pytest.raises(e.ModelError, match="integers"):
        group.set_sparse_connections([0.5], [0])
    with pytest.raises(e.ModelError, match="each"):
        group.set_sparse_connections([0, 1], [0])
    group.set_sparse_connections([1, 0, 1], [0, 2, 1])
    np.testing.assert_array_equal(group.get_sparse_pre_inds(), [0, 1, 1])
    np.testing.assert_array_equal(group.get_sparse_post_inds(), [2, 0, 1])
    assert group.max_connections == 2


def test_transposes_are_dense_and_swapped() -> None:
    model = new_model()
    a, b = sink(model, 2, "A"), sink(model, 3, "B")
    forward = model.add_synapse_population("F", "DENSE", a, b, static(1.0), delta())
    back = model.add_synapse_population("R", "DENSE", b, a, static(1.0), delta())
    e.create_wu_var_ref(forward, "g", back, "g")
    with pytest.raises(e.ModelError, match="swapped"):
        e.create_wu_var_ref(forward, "g", forward, "g")


def test_life_cycle_is_kept() -> None:
    model = new_model()
    sink(model, 2)
    with pytest.raises(e.RuntimeFault, match="build"):
        model.load()
    for operation in (
        model.step_time,
        model.pull_recording_buffers_from_device,
        lambda: model.t,
        lambda: model.neuron_populations["Out"].vars["x"].view,
        lambda: model.neuron_populations["Out"].vars["x"].push_to_device(),
        lambda: model.neuron_update_time,
    ):
        with pytest.raises(e.RuntimeFault, match="not loaded"):
            operation()
    with pytest.raises(IndexError, match="no custom update group"):
        model.custom_update("Nothing")


@pytest.mark.parametrize(
    ("backend", "preferences"),
    [("tpu", {}), ("cpu", {"fast": True}), ("cpu", {"num_threads": 0})],
)
def test_preferences_are_checked_when_building(
    backend: str, preferences: dict[str, object]
) -> None:
    model = new_model(backend, **preferences)
    model.add_neuron_population("P", 1, SINK, {}, {"x": 0.0})
    for check in (model.check_preferences, model.build):
        with pytest.raises(ValueError, match=r"backend|preference|num_threads"):
            check()


def test_precision_is_checked() -> None:
    with pytest.raises(e.ModelError, match="'half'"):
        e.GeNNModel("half")


def test_access_dimensions() -> None:
    dim = e.VarAccessDim
    assert e.get_var_access_dim(e.VarAccess.READ_WRITE) == dim.ELEMENT | dim.BATCH
    assert e.get_var_access_dim(e.VarAccess.READ_ONLY) == dim.ELEMENT
    assert e.get_var_access_dim(e.VarAccess.READ_ONLY_SHARED_NEURON) == dim.BATCH
    shared = e.CustomUpdateVarAccess.READ_ONLY_SHARED
    assert e.get_var_access_dim(shared, dim.ELEMENT | dim.BATCH) == dim.ELEMENT
    with pytest.raises(ValueError, match="pop_dims"):
        e.get_var_access_dim(shared)
