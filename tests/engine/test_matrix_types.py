"""Synapses in every matrix type: the same sums, and what each type refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import engine as e

from .networks import delta, new_model, run_ready, sink, spike_sources, static

NUM_PRE, NUM_POST, SHAPE = 7, 9, (3, 2, 5)

ROWS = e.create_sparse_connect_init_snippet(
    "Rows",
    row_build_code="""
        for(unsigned int d = 0; d < 6; d++) {
            const int post = (int)(id_pre + d) - 1;
            if(post >= 0 && post < (int)num_post) {
                addSynapse(post, d / 2, d % 2, (id_pre + d) % 5);
            }
        }
        """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: 6,
    calc_kernel_size_func=lambda pars: list(SHAPE),
)
DIAGONALS = e.create_toeplitz_connect_init_snippet(
    "Diagonals",
    diagonal_build_code="""
        const int row = id_diag / 2;
        for_each_synapse {
            const int post = (int)(id_pre + id_diag) - 1;
            if(post < 0 || post >= (int)num_post) {
                continue;
            }
            addSynapse(post, row, id_diag % 2, (id_pre + id_diag) % 5);
        }
        """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: 6,
    calc_kernel_size_func=lambda pars: list(SHAPE),
)
"""The same synapses by rows and by diagonals."""


def learner(individual: bool) -> Any:
    """Return a model with delays, both directions and a gradient for each weight."""
    add = "grad += x + (0.1 * g);" if individual else "atomic_add_grad(x + (0.1 * g));"
    return e.create_weight_update_model(
        "Learner",
        vars=[("g", "scalar", e.VarAccess.READ_ONLY), ("grad", "scalar")],
        post_neuron_var_refs=[("x", "scalar")],
        pre_spike_syn_code="addToPost(g); addToPostDelay(0.5 * g, id_kernel_1); addToPre(2.0 * g);",
        pre_event_threshold_condition_code="t > 2.0 && id % 2 == 0",
        pre_event_syn_code=add,
    )


def connectivity_of(matrix_type: str) -> Any:
    if matrix_type == "TOEPLITZ":
        return e.init_toeplitz_connectivity(DIAGONALS, {})
    return e.init_sparse_connectivity(ROWS, {})


def entries() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return source, target and kernel entry of every synapse, in row order."""
    synapses = [
        (pre, pre + d - 1, np.ravel_multi_index((d // 2, d % 2, (pre + d) % 5), SHAPE))
        for pre in range(NUM_PRE)
        for d in range(6)
        if 0 <= pre + d - 1 < NUM_POST
    ]
    pre, post, entry = np.array(synapses).T
    return pre, post, entry


def run_learner(matrix_type: str, batch_size: int, backend: str) -> dict[str, np.ndarray]:
    model = new_model(backend)
    model.batch_size = batch_size
    times = [[1.0 + (i % 3), 5.0] for i in range(NUM_PRE)]
    source = spike_sources(model, times)
    out = sink(model, NUM_POST)
    echo = e.create_neuron_model(
        "Echo", vars=[("y", "scalar")], sim_code="y += Isyn;", threshold_condition_code="t < 4.0"
    )
    relay = model.add_neuron_population("Relay", NUM_PRE, echo, {}, {"y": 0.0})
    kernel = np.random.default_rng(2).normal(size=SHAPE)
    weight: Any = kernel.flatten()
    individual = matrix_type == "SPARSE"
    if individual:
        weight = e.init_var("Kernel", {})
    for name, population in (("S", source), ("R", relay)):
        group = model.add_synapse_population(
            name,
            matrix_type,
            population,
            out,
            e.init_weight_update(
                learner(individual),
                {},
                {"g": weight, "grad": 0.0},
                post_var_refs={"x": e.create_var_ref(out, "x")},
            ),
            delta(),
            connectivity_of(matrix_type),
        )
        if individual:
            egps = group.vars["g"].extra_global_params
            egps["kernel"].set_init_values(kernel.flatten())
        group.max_dendritic_delay_timesteps = 3
        group.pre_target_var = "Isyn"
    run_ready(model)
    delivered = []
    for _ in range(9):
        model.step_time()
        delivered.append(out.vars["x"].values)
    result = {"x": np.array(delivered), "y": relay.vars["y"].values}
    for name in "SR":
        result[f"grad {name}"] = model.synapse_populations[name].vars["grad"].values
    return result


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 5, 20])
@pytest.mark.parametrize("matrix_type", ["TOEPLITZ", "PROCEDURAL_KERNELG"])
def test_kernels_match_sparse(matrix_type: str, batch_size: int, backend: str) -> None:
    expected = run_learner("SPARSE", batch_size, backend)
    actual = run_learner(matrix_type, batch_size, backend)
    entry = entries()[2]
    assert np.abs(expected["y"]).min() > 0
    for name, value in expected.items():
        if name.startswith("grad"):
            value = np.stack(
                [
                    np.bincount(entry, row, minlength=np.prod(SHAPE))
                    for row in value.reshape(-1, len(entry))
                ]
            )
        np.testing.assert_allclose(actual[name].reshape(value.shape), value, rtol=1e-5, atol=1e-6)


def bits(matrix_type: str, code: str, weight: Any, backend: str) -> np.ndarray:
    """Return what spikes of all neurons deliver in two timesteps."""
    snippet = e.create_sparse_connect_init_snippet("Own", row_build_code=code)
    model = new_model(backend)
    model.seed = 4
    source = spike_sources(model, [[1.0, 2.0]] * NUM_PRE)
    out = sink(model, NUM_POST)
    connectivity = None if code == "" else e.init_sparse_connectivity(snippet, {})
    if matrix_type == "BITMASK":
        update = e.init_weight_update("StaticPulseConstantWeight", {"g": weight})
    else:
        update = static(weight)
    model.add_synapse_population("S", matrix_type, source, out, update, delta(), connectivity)
    run_ready(model)
    results = []
    for _ in range(4):
        model.step_time()
        results.append(out.vars["x"].values)
    return np.array(results)


RANDOM_ROWS = """
    for(unsigned int j = 0; j < num_post; j++) {
        if(gennrand_uniform() < 0.5) { addSynapse(j); addSynapse(j); }
    }
    """


@pytest.mark.parametrize("backend", BACKENDS)
def test_repeated_pairs_of_a_bitmask_are_one(backend: str) -> None:
    code = "addSynapse(3); addSynapse(1); addSynapse(3); addSynapse(id_pre);"
    results = bits("BITMASK", code, 0.5, backend)
    expected = np.full(NUM_POST, 0.0)
    for pre in range(NUM_PRE):
        expected[list({1, 3, pre})] += 0.5
    np.testing.assert_array_equal(results[2], expected)
    np.testing.assert_array_equal(results[3], expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_procedural_rows_are_the_same_at_each_use(backend: str) -> None:
    weight = e.init_var("Uniform", {"min": 0.0, "max": 1.0})
    code = RANDOM_ROWS.replace("addSynapse(j); addSynapse(j);", "addSynapse(j);")
    results = bits("PROCEDURAL", code, weight, backend)
    np.testing.assert_array_equal(results[2], results[3])
    np.testing.assert_array_equal(results, bits("SPARSE", code, weight, backend))
    assert len(set(results[2])) == NUM_POST


def test_dense_weights_computed_at_use_draw_no_random_numbers() -> None:
    snippet = e.create_var_init_snippet("Own", var_init_code="value = (id_pre * 10.0) + id_post;")
    results = bits("DENSE_PROCEDURALG", "", e.init_var(snippet, {}), "cpu")
    expected = np.arange(NUM_PRE)[:, np.newaxis] * 10.0 + np.arange(NUM_POST)
    np.testing.assert_array_equal(results[2], expected.sum(axis=0))
    with pytest.raises(e.MlGennError, match="gennrand_uniform"):
        bits("DENSE_PROCEDURALG", "", e.init_var("Uniform", {"min": 0.0, "max": 1.0}), "cpu")


def test_weights_computed_at_use_are_not_updated() -> None:
    model = new_model()
    population = sink(model, 4)
    group = model.add_synapse_population(
        "S",
        "PROCEDURAL",
        population,
        population,
        static(1.0),
        delta(),
        e.init_sparse_connectivity("OneToOne"),
    )
    update = e.create_custom_update_model(
        "Scale", var_refs=[("g", "scalar")], update_code="g *= 2.0;"
    )
    with pytest.raises(e.ModelError):
        reference = {"g": e.create_wu_var_ref(group, "g")}
        model.add_custom_update("U", "G", update, {}, {}, reference)
        model.build()


@pytest.mark.parametrize("code", ["g += 1.0;", "g = 0.0;", "atomic_add_h(1.0);"])
def test_code_only_adds_to_kernels(code: str) -> None:
    model = new_model()
    source, out = spike_sources(model, [[1.0]] * NUM_PRE), sink(model, NUM_POST)
    update = e.create_weight_update_model("Writes", vars=[("g", "scalar")], pre_spike_syn_code=code)
    init = e.init_weight_update(update, {}, {"g": 0.0})
    connectivity = connectivity_of("TOEPLITZ")
    model.add_synapse_population("S", "TOEPLITZ", source, out, init, delta(), connectivity)
    with pytest.raises(e.SnippetError):
        model.build()


@pytest.mark.parametrize(
    "call", ["addSynapse(1, 0, 3)", "addSynapse(1, -1, 0)", "addSynapse(9, 0, 0)"]
)
def test_impossible_synapses_are_refused_at_load(call: str) -> None:
    snippet = e.create_toeplitz_connect_init_snippet(
        "Outside",
        diagonal_build_code=f"for_each_synapse {{ {call}; }}",
        calc_max_row_len_func=lambda num_pre, num_post, pars: 1,
        calc_kernel_size_func=lambda pars: [2, 3],
    )
    model = new_model()
    source, out = spike_sources(model, [[1.0]] * NUM_PRE), sink(model, NUM_POST)
    connectivity = e.init_toeplitz_connectivity(snippet, {})
    model.add_synapse_population("S", "TOEPLITZ", source, out, static(1.0), delta(), connectivity)
    model.build()
    with pytest.raises(e.MlGennError, match="row 0"):
        model.load()
