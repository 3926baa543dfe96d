"""Running networks through the engine layer: arrays, recording, dynamic parameters, plans."""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import engine as e

from .golden import load_case
from .networks import COUNTER, delta, new_model, run_ready, sink, spike_sources, static
from .test_golden import run_case


def add_counter(model: e.GeNNModel, size: int = 2) -> e.NeuronGroup:
    """Add a population that spikes every third timestep."""
    return model.add_neuron_population("P", size, COUNTER, {"step": 1.0}, {"V": 0.0})


@pytest.mark.parametrize("backend", BACKENDS)
def test_sparse_connections_sort_values_alike(backend: str) -> None:
    model = new_model(backend)
    source = spike_sources(model, [[0.0], [1.0], [2.0]])
    target = sink(model, 4)
    group = model.add_synapse_population(
        "S", "SPARSE", source, target, static(np.array([1.0, 2.0, 3.0, 4.0, 5.0])), delta()
    )
    group.set_sparse_connections([2, 0, 2, 0, 2], [3, 1, 0, 0, 1])
    run_ready(model)
    np.testing.assert_array_equal(group.get_sparse_pre_inds(), [0, 0, 2, 2, 2])
    np.testing.assert_array_equal(group.get_sparse_post_inds(), [0, 1, 0, 1, 3])
    weights = group.vars["g"]
    np.testing.assert_array_equal(weights.values, [4.0, 2.0, 3.0, 5.0, 1.0])
    with pytest.raises(e.RuntimeFault, match="padded"):
        _ = weights.view
    model.run(4, record=["neuron.Out.vars.x"])
    expected = np.zeros((4, 4))
    expected[1, [0, 1]] = [4.0, 2.0]
    expected[3, [0, 1, 3]] = [3.0, 5.0, 1.0]
    np.testing.assert_array_equal(model.recorded("neuron.Out.vars.x").reshape(4, 4), expected)


def test_sparse_values_can_be_written_and_reloaded() -> None:
    model = new_model()
    source, target = spike_sources(model, [[0.0], [0.0]]), sink(model, 2)
    group = model.add_synapse_population("S", "SPARSE", source, target, static(1.0), delta())
    group.set_sparse_connections([1, 1, 0], [0, 1, 1])
    run_ready(model)
    group.vars["g"].values = [1.0, 2.0, 4.0]
    model.run(2)
    np.testing.assert_array_equal(target.vars["x"].view, [2.0, 5.0])
    with pytest.raises(e.RuntimeFault, match="unload"):
        group.set_sparse_connections([0], [0])
    model.unload()
    group.set_sparse_connections([0], [0])
    model.load()
    np.testing.assert_array_equal(group.vars["g"].values, [1.0])


def test_sparse_group_without_connectivity_is_refused_at_load() -> None:
    model = new_model()
    group = model.add_synapse_population(
        "S", "SPARSE", spike_sources(model, [[0.0]]), sink(model, 2), static(1.0), delta()
    )
    model.build()
    with pytest.raises(e.ModelError, match="set_sparse_connections"):
        model.load()
    group.set_sparse_connections([0], [1])
    model.load()


def test_recording_starts_at_the_oldest_timestep() -> None:
    """The reference labels rows from the first of the buffer on, whatever it holds."""
    case = load_case("recording_timestep")
    recorded = run_case(case, "cpu")["rec12"]
    dt, length, timestep = case.definition["model"]["dt"], 5, 12
    times, ids = case.expected["rec12"]
    rows = np.round(times / dt).astype(int) - (timestep - length)
    first = timestep - length
    true_steps = first + (rows - first) % length
    order = np.argsort(true_steps, kind="stable")
    np.testing.assert_allclose(recorded, [true_steps[order] * dt, ids[order]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_recording(backend: str) -> None:
    model = new_model(backend)
    population = add_counter(model, 40)
    population.spike_recording_enabled = True
    run_ready(model, 6)
    model.run(5)
    with pytest.raises(e.RuntimeFault, match="timesteps"):
        _ = population.spike_recording_data
    model.run(7)
    model.pull_recording_buffers_from_device()
    [(times, ids)] = population.spike_recording_data
    # The last six of twelve timesteps; ids descend within every 32 neurons.
    order = [*range(31, -1, -1), *range(39, 31, -1)]
    np.testing.assert_array_equal(times, np.repeat([8.0, 11.0], 40))
    np.testing.assert_array_equal(ids, order * 2)


def test_recording_needs_a_length() -> None:
    model = new_model()
    add_counter(model).spike_recording_enabled = True
    model.build()
    with pytest.raises(e.RuntimeFault, match="number of timesteps"):
        model.load()


def test_dynamic_parameters() -> None:
    model = new_model()
    population = add_counter(model)
    with pytest.raises(KeyError, match="'step'"):
        population.set_param_dynamic("pace")
    population.set_param_dynamic("step")
    run_ready(model)
    model.step_time()
    population.set_dynamic_param_value("step", 0.25)
    model.step_time()
    np.testing.assert_array_equal(population.vars["V"].view, 1.25)
    with pytest.raises(e.RuntimeFault, match="before the network is built"):
        population.set_param_dynamic("step", False)


def test_constant_parameters_cannot_be_set() -> None:
    model = new_model()
    population = add_counter(model)
    run_ready(model)
    with pytest.raises(e.ModelError, match="constant"):
        population.set_dynamic_param_value("step", 2.0)


def test_time_follows_the_timestep() -> None:
    model = new_model()
    model.dt = 0.25
    add_counter(model)
    run_ready(model)
    model.run(3)
    assert model.timestep == 3 and model.t == 0.75
    model.t = 0.0
    assert model.t == 0.75
    model.timestep = 0
    assert model.t == 0.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_run_plan_schedules_custom_updates(backend: str) -> None:
    model = new_model(backend)
    population = add_counter(model)
    change = e.create_custom_update_model(
        "Change", params=["by"], var_refs=[("V", "scalar")], update_code="V += by;"
    )
    reference = e.create_var_ref(population, "V")
    for name, by in (("Begin", 0.25), ("End", 0.5)):
        model.add_custom_update(name, name, change, {"by": by}, {}, {"V": reference})
    run_ready(model)
    path = population.vars["V"].path
    model.run(4, begin=[("Begin", 1)], end=["End", ("Begin", 2)], record=[path])
    # 1 and then 0.5 each timestep, 0.25 before the second and after the third; the third spikes.
    recorded = model.recorded(path).reshape(4, 2)[:, 0]
    np.testing.assert_array_equal(recorded, [1.5, 3.25, 0.75, 2.25])
    with pytest.raises(IndexError, match="Nothing"):
        model.run(1, begin=["Nothing"])
    with pytest.raises(KeyError, match=r"neuron\.Q"):
        model.run(1, record=["neuron.Q.vars.V"])


def test_initial_values_and_life_cycle() -> None:
    model = new_model()
    population = model.add_neuron_population("P", 3, COUNTER, {"step": 0.5}, {"V": [0.0, 1.0, 2.0]})
    run_ready(model)
    with pytest.raises(e.RuntimeFault, match="loaded"):
        population.vars["V"].set_init_values([0.0] * 3)
    np.testing.assert_array_equal(population.vars["V"].values, [0.0, 1.0, 2.0])
    model.unload()
    population.vars["V"].set_init_values([2.0, 1.0, 0.0])
    model.load()
    np.testing.assert_array_equal(population.vars["V"].values, [2.0, 1.0, 0.0])
    with pytest.raises(e.RuntimeFault, match="after the network was built"):
        sink(model, 1)
    with pytest.raises(e.RuntimeFault, match="loaded"):
        model.load()


def test_wrong_sizes_are_refused_at_load() -> None:
    model = new_model()
    model.add_neuron_population("P", 3, COUNTER, {"step": 0.5}, {"V": [0.0, 1.0]})
    model.build()
    with pytest.raises(e.ModelError, match=r"neuron\.P\.vars\.V"):
        model.load()


def test_missing_arrays_are_named() -> None:
    model = new_model()
    model.add_neuron_population("P", 1, "SpikeSourceArray", {}, {"startSpike": 0, "endSpike": 0})
    model.build()
    with pytest.raises(e.ModelError, match=r"spikeTimes"):
        model.load()


def test_timers_measure_only_when_enabled() -> None:
    for enabled in (False, True):
        model = new_model()
        model.timing_enabled = enabled
        population = add_counter(model, 1000)
        change = e.create_custom_update_model(
            "Change", var_refs=[("V", "scalar")], update_code="V = sin(V);"
        )
        model.add_custom_update("C", "G", change, {}, {}, {"V": e.create_var_ref(population, "V")})
        run_ready(model)
        model.run(50)
        model.custom_update("G")
        assert (model.neuron_update_time > 0.0) == enabled
        assert (model.get_custom_update_time("G") > 0.0) == enabled


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("timed", [False, True])
def test_groups_run_in_order_in_one_call(backend: str, timed: bool) -> None:
    model = new_model(backend)
    model.timing_enabled = timed
    population = add_counter(model)
    for name, code in (("Add", "V += 1.0;"), ("Double", "V *= 2.0;")):
        update = e.create_custom_update_model(name, var_refs=[("V", "scalar")], update_code=code)
        refs = {"V": e.create_var_ref(population, "V")}
        model.add_custom_update(f"{name}V", name, update, {}, {}, refs)
    run_ready(model)
    model.custom_update("Add", "Double")
    np.testing.assert_array_equal(population.vars["V"].values, 2.0)
    model.custom_update("Double", "Add", "Add", wait=False)
    np.testing.assert_array_equal(population.vars["V"].values, 6.0)
    with pytest.raises(e.UnknownGroup, match="Nothing"):
        model.custom_update("Add", "Nothing")
    np.testing.assert_array_equal(population.vars["V"].values, 6.0)
    for group in ("Add", "Double"):
        assert (model.get_custom_update_time(group) > 0.0) == timed


def test_memory_plan_lists_arrays() -> None:
    model = new_model()
    model.batch_size = 4
    add_counter(model, 10)
    model.build()
    plan = {item["path"]: item for item in model.memory_plan()}
    item = plan["neuron.P.vars.V"]
    assert item["bytes"] == 4 * 10 * 4
    assert item["dtype"] == "float32"
    assert np.prod(item["shape"]) == 40


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_values_depend_on_the_seed_alone(backend: str) -> None:
    def draw(seed: int, num_threads: int) -> tuple[np.ndarray, np.ndarray]:
        model = new_model(backend, num_threads=num_threads)
        model.seed = seed
        uniform = e.init_var("Uniform", {"min": -1.0, "max": 1.0})
        source = model.add_neuron_population("P", 50, COUNTER, {"step": 0.0}, {"V": uniform})
        group = model.add_synapse_population(
            "S",
            "SPARSE",
            source,
            source,
            static(1.0),
            delta(),
            e.init_sparse_connectivity("FixedProbability", {"prob": 0.2}),
        )
        run_ready(model)
        return source.vars["V"].values, group.get_sparse_post_inds()

    first, again, other = draw(1, 1), draw(1, 2), draw(2, 1)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.any(first[0] != other[0])
    assert len(first[1]) == pytest.approx(50 * 50 * 0.2, rel=0.2)
    assert -1.0 <= first[0].min() < -0.5 < 0.5 < first[0].max() <= 1.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_extra_global_parameter_of_zeros(backend: str) -> None:
    model = new_model(backend)
    code = "table[id * 1000] += 1.0f;"
    neuron = e.create_neuron_model(
        "Writer", sim_code=code, extra_global_params=[("table", "scalar*")]
    )
    table = model.add_neuron_population("P", 3, neuron).extra_global_params["table"]
    table.set_init_values(e.Zeros(5000))
    run_ready(model)
    model.run(2)
    expected = np.zeros(5000)
    expected[[0, 1000, 2000]] = 2.0
    np.testing.assert_array_equal(table.view, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_numbers_depend_on_timesteps_since_loading(backend: str) -> None:
    """They do not repeat when the timestep is set back, as it is before every batch."""
    model = new_model(backend)
    model.seed, model.batch_size = 3, 2
    neuron = e.create_neuron_model(
        "Noise", vars=[("x", "scalar"), ("time", "scalar")], sim_code="x = gennrand(); time = t;"
    )
    model.add_neuron_population("P", 40, neuron, {}, {"x": 0.0, "time": 0.0})
    run_ready(model)

    def draw(timesteps: int) -> np.ndarray:
        model.run(timesteps, record=["neuron.P.vars.x", "neuron.P.vars.time"])
        times = model.recorded("neuron.P.vars.time").reshape(timesteps, -1)
        np.testing.assert_array_equal(times[:, 0], np.arange(model.timestep)[-timesteps:])
        return model.recorded("neuron.P.vars.x").reshape(timesteps, -1)

    in_a_row = draw(10)
    model.unload()
    model.load()
    first = draw(5)
    model.timestep = 0
    second = draw(5)
    np.testing.assert_array_equal(np.concatenate([first, second]), in_a_row)
    assert len(np.unique(in_a_row)) > 0.99 * in_a_row.size


@pytest.mark.parametrize("backend", BACKENDS)
def test_views_for_some_uses_show_and_take_the_same(backend: str) -> None:
    model = new_model(backend)
    variable = add_counter(model).vars["V"]
    update = e.create_custom_update_model(
        "Double", var_refs=[("V", "scalar")], update_code="V *= 2.0;"
    )
    refs = {"V": e.create_var_ref(model.neuron_populations["P"], "V")}
    model.add_custom_update("Doubled", "Double", update, {}, {}, refs)
    run_ready(model)
    model.run(1)
    seen = variable.open_view("r")
    np.testing.assert_array_equal(seen, 1.0)
    with pytest.raises(ValueError, match="read-only"):
        seen[0] = 5.0
    model.custom_update("Double", wait=False)
    np.testing.assert_array_equal(seen, 2.0)
    del seen
    model.custom_update("Double", wait=False)
    np.testing.assert_array_equal(variable.values, 4.0)
    variable.open_current_view("w")[:] = [0.5, 1.0]
    model.custom_update("Double", wait=False)
    np.testing.assert_array_equal(variable.view, [1.0, 2.0])
    with pytest.raises(ValueError, match="mode"):
        variable.open_view("a")  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
def test_faults_of_updates_that_nobody_waited_for_come_to_light(backend: str) -> None:
    model = new_model(backend)
    population = add_counter(model)
    update = e.create_custom_update_model(
        "Beyond",
        var_refs=[("V", "scalar")],
        extra_global_params=[("values", "scalar*")],
        update_code="V = values[id + 1];",
    )
    refs = {"V": e.create_var_ref(population, "V")}
    beyond = model.add_custom_update("Beyond", "Beyond", update, {}, {}, refs)
    beyond.extra_global_params["values"].set_init_values(np.zeros(2))
    run_ready(model)

    def update_and_read() -> None:
        model.custom_update("Beyond", wait=False)
        _ = population.vars["V"].values

    with pytest.raises(e.RuntimeFault, match="values"):
        update_and_read()
    with pytest.raises(e.RuntimeFault, match="values"):
        model.custom_update("Beyond")
