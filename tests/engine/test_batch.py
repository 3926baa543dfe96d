"""Batches: copies that share what is read only and run independently otherwise."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import engine as e

from .golden import assert_close, build, load_case


def load_batched(backend: str, **preferences: int) -> tuple[e.GeNNModel, dict[str, np.ndarray]]:
    """Return one loaded model with three copies and the outputs of the three separate runs."""
    case = load_case("batch3_emulated")
    members = [member["model"] for member in case.definition["per_batch"]]
    definition = copy.deepcopy(members[0])
    sources = [member["neurons"][0] for member in members]
    offsets = np.cumsum([0] + [len(source["egps"]["spikeTimes"]) for source in sources])
    definition["neurons"][0]["egps"]["spikeTimes"] = [
        time for source in sources for time in source["egps"]["spikeTimes"]
    ]
    model = build(definition, backend, **preferences)
    model.batch_size = 3
    for name in ("startSpike", "endSpike"):
        model.neuron_populations["In"].vars[name].set_init_values(
            [
                np.array(source["vars"][name]) + offset
                for source, offset in zip(sources, offsets, strict=False)
            ]
        )
    grad = e.create_wu_var_ref(model.synapse_populations["S"], "grad")
    for kind in ("SUM", "MAX"):
        access = e.CustomUpdateVarAccess[f"REDUCE_BATCH_{kind}"]
        reduce = e.create_custom_update_model(
            f"Reduce{kind}",
            vars=[("reduced", "scalar", access)],
            var_refs=[("grad", "scalar", e.VarAccessMode.READ_ONLY)],
            update_code="reduced = grad;",
        )
        model.add_custom_update(kind, "Reduce", reduce, {}, {"reduced": 0.0}, {"grad": grad})
    model.build()
    model.load(8)
    return model, case.expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_match_separate_runs(backend: str) -> None:
    model, expected = load_batched(backend)
    paths = ["neuron.X.vars.V", "neuron.X.vars.L", "syn.S.vars.grad"]
    model.run(8, record=paths)
    tolerance = {"rtol": 1e-5, "atol": 1e-6}
    for path in paths:
        recorded = model.recorded(path)
        assert recorded.shape == expected[path].shape
        assert_close(recorded, expected[path], tolerance)
    recording = model.neuron_populations["In"].spike_recording_data
    assert len(recording) == 3
    for member, (times, ids) in enumerate(recording):
        np.testing.assert_array_equal(
            np.stack([times, ids]), expected[f"neuron.In.recording.{member}"]
        )
    model.custom_update("Reduce")
    for kind in ("SUM", "MAX"):
        assert_close(
            model.custom_updates[kind].vars["reduced"].values,
            expected[f"reduce_batch_{kind.lower()}_of_final_grad"],
            tolerance,
        )


def test_views_have_a_batch_axis_where_values_differ() -> None:
    model, _ = load_batched("cpu")
    synapses = model.synapse_populations["S"]
    assert model.neuron_populations["X"].vars["V"].view.shape == (3, 2)
    assert synapses.vars["g"].view.shape == (6,)
    assert synapses.vars["grad"].view.shape == (3, 6)
    # The axonal delay gives presynaptic variables two slots.
    assert synapses.pre_vars["tr"].view.shape == (3, 2, 3)
    assert synapses.pre_vars["tr"].current_view.shape == (3, 3)


def test_number_of_threads_does_not_change_results() -> None:
    results = []
    for num_threads in (1, 2, 3):
        model, _ = load_batched("cpu", num_threads=num_threads)
        model.run(8, record=["syn.S.vars.grad"])
        model.custom_update("Reduce")
        results.append(
            (model.recorded("syn.S.vars.grad"), model.custom_updates["SUM"].vars["reduced"].values)
        )
    for recorded, reduced in results[1:]:
        np.testing.assert_array_equal(recorded, results[0][0])
        np.testing.assert_array_equal(reduced, results[0][1])
