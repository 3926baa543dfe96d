"""Model code that is accepted or refused, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgenn_rs import engine as e

from .golden import DIRECTORY, code_slots, custom_update_model

SNIPPETS = {row["name"]: row for row in json.loads((DIRECTORY / "errors.json").read_text())}

MORE_LENIENT = {
    "shift_right",
    "shift_right_assign",
    "div_assign",
    "leading_point_literal",
    "signed_char",
    "unsigned_long_long",
    "nested_shadow",
    "shadow_outer_in_for",
    "hypot_two_args",
}
"""Refused by the reference by accident; accepted here, with the meaning of C."""

STRICTER = {
    "shift_right_weird",
    "assign_id",
    "xor_assign_float",
}
"""Accepted by the reference by accident; refused here."""

_NOT_CODE = {"name", "context", "result", "param_values", "var_values", "pop_name", "refs"}


def build(row: dict[str, Any]) -> None:
    """Build the smallest network that contains a snippet."""
    model = e.GeNNModel()
    model.dt = 1.0
    slots = {key: value for key, value in row.items() if key not in _NOT_CODE}
    globals()[f"_build_{row['context']}"](model, row, slots)
    model.build()


def _target(model: e.GeNNModel) -> e.NeuronGroup:
    neuron = e.create_neuron_model("Y", vars=[("x", "scalar")], sim_code="x = Isyn;")
    return model.add_neuron_population("Y", 4, neuron, {}, {"x": 0.0})


def _build_neuron(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    slots.setdefault("vars", [["x", "scalar"]])
    neuron = e.create_neuron_model("Y", **code_slots(slots))
    values = row.get("var_values", dict.fromkeys((var[0] for var in slots["vars"]), 0.0))
    model.add_neuron_population(
        row.get("pop_name", "Y"), 4, neuron, row.get("param_values", {}), values
    )


def _synapses(model: e.GeNNModel, matrix_type: str, update: Any, post: Any) -> e.SynapseGroup:
    source = model.add_neuron_population("X", 4, "SpikeSource")
    connectivity = e.init_sparse_connectivity("OneToOne") if matrix_type == "SPARSE" else None
    return model.add_synapse_population(
        "S", matrix_type, source, _target(model), update, post, connectivity
    )


def _build_wum(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    update = e.create_weight_update_model("W", vars=[("g", "scalar")], **code_slots(slots))
    values = {
        key: dict.fromkeys((var[0] for var in slots.get(key, ())), 0.0)
        for key in ("pre_vars", "post_vars")
    }
    init = e.init_weight_update(update, {}, {"g": 1.0}, **values)
    _synapses(model, "DENSE", init, e.init_postsynaptic("DeltaCurr"))


def _build_psm(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    post = e.create_postsynaptic_model("P", **code_slots(slots))
    init = e.init_postsynaptic(post, {}, {}, row.get("refs", {}))
    _synapses(model, "DENSE", e.init_weight_update("StaticPulse", {}, {"g": 1.0}), init)


def _build_cu(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    target = _target(model)
    update = custom_update_model(slots)
    values = dict.fromkeys((var[0] for var in slots.get("vars", ())), 0.0)
    references = {ref[0]: e.create_var_ref(target, "x") for ref in slots["var_refs"]}
    model.add_custom_update("U", "G", update, {}, values, references)


def _build_ccu(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    init = e.init_weight_update("StaticPulse", {}, {"g": 1.0})
    group = _synapses(model, "SPARSE", init, e.init_postsynaptic("DeltaCurr"))
    update = e.create_custom_connectivity_update_model("C", **code_slots(slots))
    references = {
        ref[0]: e.create_var_ref(group.trg, "x") for ref in slots.get("post_var_refs", ())
    }
    model.add_custom_connectivity_update(
        "C", "G", group, update, {}, {}, {}, {}, {}, {}, references
    )


def _build_var_init(model: e.GeNNModel, row: dict[str, Any], slots: dict[str, Any]) -> None:
    snippet = e.create_var_init_snippet("I", var_init_code=slots["code"])
    neuron = e.create_neuron_model("Y", vars=[("x", "scalar")])
    model.add_neuron_population("Y", 4, neuron, {}, {"x": e.init_var(snippet)})


def _is_accepted(row: dict[str, Any]) -> bool:
    if row["name"] in MORE_LENIENT:
        return True
    return row["result"]["accepted"] and row["name"] not in STRICTER


ACCEPTED = [row for row in SNIPPETS.values() if _is_accepted(row)]
REFUSED = [row for row in SNIPPETS.values() if not _is_accepted(row)]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_accepted(row: dict[str, Any]) -> None:
    build(row)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["name"])
def test_refused(row: dict[str, Any]) -> None:
    with pytest.raises((e.ModelError, e.SnippetError, e.UnknownName, e.Unsupported)):
        build(row)


def test_lists_name_real_snippets() -> None:
    assert all(not SNIPPETS[name]["result"]["accepted"] for name in MORE_LENIENT)
    assert all(SNIPPETS[name]["result"]["accepted"] for name in STRICTER)


def test_message_names_group_slot_and_place() -> None:
    neuron = e.create_neuron_model(
        "Broken", vars=[("x", "scalar")], sim_code="x = 1.0;\nx = y + 1.0;"
    )
    model = e.GeNNModel()
    model.add_neuron_population("Somebody", 2, neuron, {}, {"x": 0.0})
    with pytest.raises(e.SnippetError) as error:
        model.build()
    message = str(error.value)
    for part in ("Somebody", "sim code", "line 2", "column 5", "`y`"):
        assert part in message
