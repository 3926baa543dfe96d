"""Custom connectivity updates: adding and removing synapses while a network is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import engine as e

from .networks import delta, new_model, run_ready, sink, spike_sources


def sparse(
    model: e.GeNNModel, pre: list[int], post: list[int], max_connections: int, **variables: Any
) -> e.SynapseGroup:
    """Connect populations "In" and "Out" by pairs."""
    update = e.create_weight_update_model(
        "Individual",
        vars=[(name, "scalar") for name in variables],
        pre_spike_syn_code="addToPost(g);",
    )
    group = model.add_synapse_population(
        "S",
        "SPARSE",
        model.neuron_populations["In"],
        model.neuron_populations["Out"],
        e.init_weight_update(update, {}, variables),
        delta(),
    )
    group.set_sparse_connections(np.array(pre), np.array(post))
    group.max_connections = max_connections
    return group


def pairs(group: e.SynapseGroup) -> list[tuple[int, int]]:
    """Return the pairs that are connected."""
    group.pull_connectivity_from_device()
    pre, post = group.get_sparse_pre_inds(), group.get_sparse_post_inds()
    return list(zip(pre.tolist(), post.tolist(), strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_batched_variables_move_with_their_synapses(backend: str) -> None:
    model = new_model(backend)
    model.batch_size = 3
    spike_sources(model, [[], []])
    sink(model, 4)
    group = sparse(model, [0, 0, 0, 1], [0, 1, 2, 3], 4, g=0.0, h=0.0)
    change = e.create_custom_connectivity_update_model(
        "Change",
        vars=[("tag", "int")],
        var_refs=[("g", "scalar")],
        row_update_code="""
            for_each_synapse {
                if(id_post == 0) { remove_synapse(); }
            }
            if(id_pre == 1) { add_synapse(2, 5, 0.5); }
            """,
    )
    update = model.add_custom_connectivity_update(
        "U", "Change", group, change, {}, {"tag": [10, 11, 12, 13]}, {}, {},
        {"g": e.create_wu_var_ref(group, "g")}, {}, {},
    )  # fmt: skip
    run_ready(model)
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    group.vars["g"].values = values
    group.vars["h"].values = 100 + values
    model.custom_update("Change")
    assert pairs(group) == [(0, 2), (0, 1), (1, 3), (1, 2)]
    moved = values[:, [2, 1, 3]]
    np.testing.assert_array_equal(group.vars["g"].values[:, :3], moved)
    np.testing.assert_array_equal(group.vars["g"].values[:, 3], [0.5] * 3)
    np.testing.assert_array_equal(group.vars["h"].values[:, :3], 100 + moved)
    np.testing.assert_array_equal(group.vars["h"].values[:, 3], [0.0] * 3)
    np.testing.assert_array_equal(update.vars["tag"].values, [12, 11, 13, 5])


@pytest.mark.parametrize("backend", BACKENDS)
def test_removal_may_go_on_with_the_synapse_that_moved(backend: str) -> None:
    model = new_model(backend)
    spike_sources(model, [[], [], []])
    sink(model, 4)
    group = sparse(model, [0, 0, 0, 0, 2], [0, 1, 2, 3, 1], 4, g=1.0)
    change = e.create_custom_connectivity_update_model(
        "Change",
        pre_vars=[("visited", "int"), ("after", "int")],
        row_update_code="""
            visited = 0;
            after = -1;
            for_each_synapse {
                visited++;
                if(id_post == 1) { continue; }
                remove_synapse();
                after = id_post;
                if(visited == 3) { break; }
            }
            """,
    )
    update = model.add_custom_connectivity_update(
        "U", "Change", group, change, {}, {}, {"visited": 0, "after": 0}, {}, {}, {}, {}
    )
    run_ready(model)
    model.custom_update("Change")
    # Row 0: 0 goes and 3 takes its place; 3 goes, 2 takes its place; 2 goes, 1 takes its place.
    assert pairs(group) == [(0, 1), (2, 1)]
    np.testing.assert_array_equal(update.pre_vars["visited"].values, [3, 0, 1])
    np.testing.assert_array_equal(update.pre_vars["after"].values, [1, -1, -1])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("code", ["add_synapse(0);", "add_synapse(num_post);"])
def test_impossible_synapses_are_errors(backend: str, code: str) -> None:
    model = new_model(backend)
    spike_sources(model, [[], []])
    sink(model, 2)
    room = 1 if code == "add_synapse(0);" else 2
    group = sparse(model, [0, 1], [0, 1], room, g=1.0)
    change = e.create_custom_connectivity_update_model("Change", row_update_code=code)
    model.add_custom_connectivity_update(
        "U", "Change", group, change, {}, {}, {}, {}, {}, {}, {}
    )  # fmt: skip
    run_ready(model)
    with pytest.raises(e.MlGennError, match=r"'U'.*`add_synapse`.*row that is not full"):
        model.custom_update("Change")
    assert pairs(group) == [(0, 0), (1, 1)]


def rewire(backend: str) -> list[Any]:
    """Replace synapses at random; return what is left after several runs."""
    model = new_model(backend)
    model.seed = 42
    spike_sources(model, [[] for _ in range(300)])
    sink(model, 200)
    group = model.add_synapse_population(
        "S",
        "SPARSE",
        model.neuron_populations["In"],
        model.neuron_populations["Out"],
        e.init_weight_update("StaticPulse", {}, {"g": e.init_var("Normal", {"mean": 0, "sd": 1})}),
        delta(),
        e.init_sparse_connectivity("FixedProbability", {"prob": 0.1}),
    )
    group.max_connections = 200
    change = e.create_custom_connectivity_update_model(
        "Change",
        pre_vars=[("dormant", "unsigned int"), ("extra", "unsigned int")],
        var_refs=[("g", "scalar")],
        extra_global_params=[("total", "uint64_t*")],
        row_update_code="""
            unsigned int removed = 0;
            for_each_synapse {
                if(g < 0.0 && gennrand_uniform() < 0.5) { remove_synapse(); removed++; }
            }
            dormant = removed;
            for(unsigned int i = 0; i < removed + extra; i++) {
                if(row_length < row_stride) {
                    add_synapse(gennrand() % num_post, gennrand_normal());
                }
            }
            """,
        host_update_code="""
            pullRowLengthFromDevice();
            pulldormantFromDevice();
            total[0] = 0;
            for(unsigned int i = 0; i < num_pre; i++) {
                total[0] += row_length[i];
                extra[i] = gennrand_binomial(4, 0.5);
            }
            pushextraToDevice();
            pushtotalToDevice(1);
            """,
    )
    update = model.add_custom_connectivity_update(
        "U", "Change", group, change, {}, {}, {"dormant": 0, "extra": 0}, {},
        {"g": e.create_wu_var_ref(group, "g")}, {}, {},
    )  # fmt: skip
    update.extra_global_params["total"].set_init_values(np.zeros(1, dtype=np.uint64))
    run_ready(model)
    history: list[Any] = []
    for _ in range(3):
        before = len(pairs(group))
        model.custom_update("Change")
        assert update.extra_global_params["total"].values.tolist() == [before]
        extra = update.pre_vars["extra"].values
        assert len(pairs(group)) == before + extra.sum()
        history += [pairs(group), group.vars["g"].values.tolist(), extra.tolist()]
    # Every run draws other numbers.
    assert history[2] != history[5]
    return history


def test_rewiring_is_the_same_everywhere() -> None:
    reference = rewire("interpreter")
    assert reference == rewire("cpu")
    assert reference == rewire("single_threaded_cpu")


@pytest.mark.parametrize("backend", BACKENDS)
def test_update_of_variables_sees_the_new_synapses(backend: str) -> None:
    model = new_model(backend)
    spike_sources(model, [[0.0], [0.0]])
    out = sink(model, 2)
    group = sparse(model, [0], [0], 2, g=1.0)
    add = e.create_custom_connectivity_update_model(
        "Add",
        post_vars=[("weight", "scalar", e.VarAccess.READ_ONLY)],
        var_refs=[("g", "scalar")],
        row_update_code="""
            if(id_pre == 1) { add_synapse(0, 0.0); add_synapse(1, 0.0); }
            for_each_synapse { g = weight; }
            """,
    )
    model.add_custom_connectivity_update(
        "U", "Add", group, add, {}, {}, {}, {"weight": [2.0, 3.0]},
        {"g": e.create_wu_var_ref(group, "g")}, {}, {},
    )  # fmt: skip
    double = e.create_custom_update_model(
        "Double", var_refs=[("g", "scalar")], update_code="g *= 2.0;"
    )
    model.add_custom_update("D", "Double", double, {}, {}, {"g": e.create_wu_var_ref(group, "g")})
    run_ready(model)
    model.custom_update("Add")
    model.custom_update("Double")
    model.step_time()
    model.step_time()
    np.testing.assert_array_equal(group.vars["g"].values, [4.0, 4.0, 6.0])
    np.testing.assert_array_equal(out.vars["x"].values, [8.0, 6.0])


def test_timers_of_the_parts() -> None:
    model = new_model()
    model.timing_enabled = True
    spike_sources(model, [[], []])
    sink(model, 2)
    group = sparse(model, [0, 1], [0, 1], 1, g=1.0)
    change = e.create_custom_connectivity_update_model(
        "Change",
        pre_vars=[("n", "int")],
        row_update_code="for_each_synapse { remove_synapse(); }",
        host_update_code="n[0] = 1;",
    )
    model.add_custom_connectivity_update(
        "U", "Change", group, change, {}, {}, {"n": 0}, {}, {}, {}, {}
    )  # fmt: skip
    run_ready(model)
    model.custom_update("Change")
    assert pairs(group) == []
    assert model.init_sparse_time > 0.0
    assert model.get_custom_update_host_time("Change") > 0.0
    assert model.get_custom_update_time("Change") > 0.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_spike_counts_can_be_read_and_set(backend: str) -> None:
    model = new_model(backend)
    spike_sources(model, [[0.0, 2.0], [], [0.0], *([[0.0]] * 40)])
    out = sink(model, 1)
    group = model.add_synapse_population(
        "S", "DENSE", model.neuron_populations["In"], out,
        e.init_weight_update("StaticPulse", {}, {"g": 1.0}), delta(),
    )  # fmt: skip
    read = e.create_custom_update_model(
        "Read",
        vars=[("total", "uint32_t")],
        var_refs=[("count", "uint32_t", e.VarAccessMode.READ_ONLY)],
        update_code="total += count;",
    )
    clear = e.create_custom_update_model(
        "Clear", var_refs=[("count", "uint32_t")], update_code="count = 2;"
    )
    references = {"count": e.create_src_spike_count_var_ref(group)}
    reader = model.add_custom_update("R", "Read", read, {}, {"total": 0}, references)
    model.add_custom_update("C", "Clear", clear, {}, {}, references)
    run_ready(model)
    totals, inputs = [], []
    for step in range(4):
        model.step_time()
        if step == 0:
            model.custom_update("Read")
            model.custom_update("Clear")
        model.custom_update("Read")
        totals.append(int(reader.vars["total"].values.item()))
        inputs.append(float(out.vars["x"].values.item()))
    assert totals == [42 + 2, 44, 45, 45]
    assert inputs == [0.0, 2.0, 0.0, 1.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_to_one_of_different_sizes(backend: str) -> None:
    for num_pre, num_post in [(5, 3), (2, 4)]:
        model = new_model(backend)
        spike_sources(model, [[0.0]] * num_pre)
        out = sink(model, num_post)
        group = model.add_synapse_population(
            "S", "SPARSE", model.neuron_populations["In"], out,
            e.init_weight_update("StaticPulse", {}, {"g": 1.0}), delta(),
            e.init_sparse_connectivity("OneToOne"),
        )  # fmt: skip
        run_ready(model)
        assert pairs(group) == [(i, i) for i in range(min(num_pre, num_post))]


@pytest.mark.parametrize("backend", BACKENDS)
def test_postsynaptic_event_condition_sees_the_postsynaptic_model(backend: str) -> None:
    model = new_model(backend)
    spike_sources(model, [[0.0, 2.0]])
    out = sink(model, 2)
    psm = e.create_postsynaptic_model(
        "Counting",
        vars=[("received", "scalar")],
        sim_code="injectCurrent(inSyn); received += inSyn; inSyn = 0.0;",
    )
    events = e.create_weight_update_model(
        "Events",
        vars=[("g", "scalar"), ("n", "scalar")],
        psm_var_refs=[("received", "scalar")],
        pre_spike_syn_code="addToPost(g);",
        post_event_threshold_condition_code="received >= 4.0",
        post_event_syn_code="n += 1.0;",
    )
    group = model.add_synapse_population(
        "S", "DENSE", model.neuron_populations["In"], out,
        e.init_weight_update(
            events, {}, {"g": [2.0, 4.0], "n": 0.0}, psm_var_refs={"received": "received"}
        ),
        e.init_postsynaptic(psm, {}, {"received": 0.0}),
    )  # fmt: skip
    run_ready(model)
    for _ in range(6):
        model.step_time()
    # Spikes arrive in timesteps 1 and 3; events are handled one timestep after the condition holds.
    np.testing.assert_array_equal(group.vars["n"].values, [2.0, 4.0])


def test_only_dynamic_parameters_can_be_set() -> None:
    model = new_model()
    sink(model, 2)
    run_ready(model)
    with pytest.raises(e.UnknownName, match="dynamic parameter"):
        model.simulation.set_dynamic_param("neuron.Out.vars.x", 1.0)
