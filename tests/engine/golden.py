"""Builds golden cases through the engine layer and runs their programs.

The cases are in ``tests/golden/engine``; its README describes their format.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlgenn_rs import engine as e

DIRECTORY = Path(__file__).resolve().parents[1] / "golden" / "engine"

NEVER = -1e37
"""Times below this mean that a neuron has not spiked."""


@dataclass
class Case:
    """A golden case: what to build, what to do and what comes out."""

    name: str
    definition: dict[str, Any]
    expected: dict[str, np.ndarray]

    @property
    def tolerance(self) -> dict[str, float]:
        """Relative and absolute tolerance of floating-point outputs."""
        tolerance = self.definition["tolerance"]
        return {"rtol": 1e-6, "atol": 0.0} if tolerance == "exact" else tolerance


def case_names() -> list[str]:
    """Return the names of all cases that consist of one model and a program."""
    names = []
    for path in sorted(DIRECTORY.glob("*.json")):
        definition = json.loads(path.read_text())
        if isinstance(definition, dict) and "program" in definition:
            names.append(path.stem)
    return names


def load_case(name: str) -> Case:
    """Read a case."""
    definition = json.loads((DIRECTORY / f"{name}.json").read_text())
    with np.load(DIRECTORY / f"{name}.npz") as arrays:
        return Case(name, definition, {key: arrays[key] for key in arrays})


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: Mapping[str, float]) -> None:
    """Compare as the README says: integers exactly, times that were never set as equal."""
    assert actual.size == expected.size, f"shape {actual.shape}, expected {expected.shape}"
    actual = actual.reshape(expected.shape)
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected)
        return
    assert actual.dtype.kind == "f"
    never = (actual < NEVER) & (expected < NEVER)
    np.testing.assert_allclose(
        np.where(never, 0.0, actual), np.where(never, 0.0, expected), **tolerance
    )


def build(
    definition: Mapping[str, Any], backend: str | None = None, **preferences: Any
) -> e.GeNNModel:
    """Describe the network of a case."""
    model = e.GeNNModel(
        definition.get("precision", "float"),
        "golden",
        backend,
        definition.get("time_precision"),
        **preferences,
    )
    model.dt = definition.get("dt", 1.0)
    for name in (
        "seed",
        "fuse_postsynaptic_models",
        "fuse_pre_post_weight_update_models",
        "default_narrow_sparse_ind_enabled",
    ):
        if name in definition:
            setattr(model, name, definition[name])
    for item in definition.get("neurons", ()):
        _add_neurons(model, item)
    for item in definition.get("synapses", ()):
        _add_synapses(model, item)
    for item in definition.get("current_sources", ()):
        _add_current_source(model, item)
    for item in definition.get("custom_updates", ()):
        _add_custom_update(model, item)
    for item in definition.get("custom_connectivity_updates", ()):
        _add_custom_connectivity_update(model, item)
    return model


def code_slots(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``create_*`` from a model in a case."""
    arguments: dict[str, Any] = {}
    for key, value in definition.items():
        if key == "params":
            value = [item if isinstance(item, str) else tuple(item) for item in value]
        elif key == "derived_params":
            value = [(item["name"], _derived(item["expr"])) for item in value]
        elif key in ("vars", "pre_vars", "post_vars"):
            value = [(*item[:2], *(e.VarAccess[mode] for mode in item[2:])) for item in value]
        elif key.endswith("var_refs"):
            value = [(*item[:2], *(e.VarAccessMode[mode] for mode in item[2:])) for item in value]
        elif key.startswith("extra_global_param") or key == "additional_input_vars":
            value = [tuple(item) for item in value]
        arguments[key] = value
    return arguments


def _evaluate(expression: str, **names: Any) -> Any:
    functions = {"exp": math.exp, "log": math.log, "ceil": math.ceil}
    return eval(expression, {"__builtins__": {}}, {**functions, **names})


def _derived(expression: str) -> Any:
    return lambda pars, dt: _evaluate(expression, pars=pars, dt=dt)


def _length(expression: str) -> Any:
    return lambda num_pre, num_post, pars: _evaluate(
        expression, num_pre=num_pre, num_post=num_post, pars=pars
    )


def _kernel_size(expression: str) -> Any:
    return lambda pars: _evaluate(expression, pars=pars)


def _model(definition: str | Mapping[str, Any], create: Any) -> Any:
    if isinstance(definition, str):
        return definition
    return create("Golden", **code_slots(definition))


def custom_update_model(definition: str | Mapping[str, Any]) -> Any:
    if isinstance(definition, str):
        return definition
    arguments = code_slots({key: value for key, value in definition.items() if key != "vars"})
    arguments["vars"] = [
        (*item[:2], *(e.CustomUpdateVarAccess[mode] for mode in item[2:]))
        for item in definition.get("vars", ())
    ]
    return e.create_custom_update_model("Golden", **arguments)


def _initialisers(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    initialisers = {}
    for name, value in (variables or {}).items():
        if isinstance(value, Mapping):
            snippet = _model(value["snippet"], e.create_var_init_snippet)
            value = e.init_var(snippet, value.get("params", {}))
        initialisers[name] = value
    return initialisers


def _set_init_egps(group: Mapping[str, Any], variables: Mapping[str, Any] | None) -> None:
    for name, value in (variables or {}).items():
        if isinstance(value, Mapping):
            for egp, values in value.get("egps", {}).items():
                group[name].extra_global_params[egp].set_init_values(values)


def _set_egps(egps: Mapping[str, Any], values: Mapping[str, Any] | None) -> None:
    for name, value in (values or {}).items():
        egps[name].set_init_values(value)


def _add_neurons(model: e.GeNNModel, item: Mapping[str, Any]) -> None:
    population = model.add_neuron_population(
        item["name"],
        item["size"],
        _model(item["model"], e.create_neuron_model),
        item.get("params"),
        _initialisers(item.get("vars")),
    )
    _set_egps(population.extra_global_params, item.get("egps"))
    _set_init_egps(population.vars, item.get("vars"))
    for name in item.get("dynamic_params", ()):
        population.set_param_dynamic(name)
    population.spike_recording_enabled = item.get("spike_recording", False)
    population.spike_event_recording_enabled = item.get("spike_event_recording", False)


def _add_synapses(model: e.GeNNModel, item: Mapping[str, Any]) -> None:
    update, post = item["weight_update"], item["postsynaptic"]
    connectivity = item.get("connectivity", {})
    group = model.add_synapse_population(
        item["name"],
        item["matrix_type"],
        item["source"],
        item["target"],
        e.init_weight_update(
            _model(update["model"], e.create_weight_update_model),
            update.get("params"),
            _initialisers(update.get("vars")),
            _initialisers(update.get("pre_vars")),
            _initialisers(update.get("post_vars")),
            update.get("pre_var_refs"),
            update.get("post_var_refs"),
            update.get("psm_var_refs"),
        ),
        e.init_postsynaptic(
            _model(post["model"], e.create_postsynaptic_model),
            post.get("params"),
            _initialisers(post.get("vars")),
            post.get("var_refs"),
        ),
        _connectivity(connectivity),
    )
    if "indices" in connectivity:
        group.set_sparse_connections(*connectivity["indices"])
    for variables, definition in (
        (group.vars, update.get("vars")),
        (group.pre_vars, update.get("pre_vars")),
        (group.post_vars, update.get("post_vars")),
        (group.psm_vars, post.get("vars")),
    ):
        _set_init_egps(variables, definition)
    for name in update.get("dynamic_params", ()):
        group.set_wu_param_dynamic(name)
    for name in post.get("dynamic_params", ()):
        group.set_ps_param_dynamic(name)
    for name in (
        "axonal_delay_steps",
        "back_prop_delay_steps",
        "max_dendritic_delay_timesteps",
        "max_connections",
        "post_target_var",
        "pre_target_var",
    ):
        if name in item:
            setattr(group, name, item[name])
    if "parallelism_hint" in item:
        group.parallelism_hint = e.ParallelismHint[item["parallelism_hint"]]


def _connectivity(definition: Mapping[str, Any]) -> Any:
    params = definition.get("params")
    for kind, create, init in (
        ("sparse", e.create_sparse_connect_init_snippet, e.init_sparse_connectivity),
        ("toeplitz", e.create_toeplitz_connect_init_snippet, e.init_toeplitz_connectivity),
    ):
        snippet = definition.get(kind)
        if isinstance(snippet, str):
            return init(snippet, params)
        if snippet is not None:
            arguments = code_slots(snippet)
            for name in ("max_row", "max_col"):
                if f"{name}_length" in arguments:
                    bound = arguments.pop(f"{name}_length")
                    arguments[f"calc_{name}_len_func"] = _length(bound)
            if "kernel_size" in arguments:
                arguments["calc_kernel_size_func"] = _kernel_size(arguments.pop("kernel_size"))
            return init(create("Golden", **arguments), params)
    return None


def _add_current_source(model: e.GeNNModel, item: Mapping[str, Any]) -> None:
    source = model.add_current_source(
        item["name"],
        _model(item["model"], e.create_current_source_model),
        item["target"],
        item.get("params"),
        _initialisers(item.get("vars")),
        {name: reference[-1] for name, reference in item["var_refs"].items()}
        if isinstance(next(iter(item.get("var_refs", {}).values()), None), list)
        else item.get("var_refs"),
    )
    _set_egps(source.extra_global_params, item.get("egps"))
    if "target_var" in item:
        source.target_var = item["target_var"]


def _add_custom_update(model: e.GeNNModel, item: Mapping[str, Any]) -> None:
    update = model.add_custom_update(
        item["name"],
        item["group"],
        custom_update_model(item["model"]),
        item.get("params"),
        _initialisers(item.get("vars")),
        _references(model, item.get("var_refs")),
        {
            name: e.create_egp_ref(model.neuron_populations[reference[1]], reference[2])
            for name, reference in item.get("egp_refs", {}).items()
        },
    )
    _set_init_egps(update.vars, item.get("vars"))
    for name in item.get("dynamic_params", ()):
        update.set_param_dynamic(name)


def _add_custom_connectivity_update(model: e.GeNNModel, item: Mapping[str, Any]) -> None:
    model.add_custom_connectivity_update(
        item["name"],
        item["group"],
        item["synapse"],
        _model(item["model"], e.create_custom_connectivity_update_model),
        item.get("params"),
        _initialisers(item.get("vars")),
        _initialisers(item.get("pre_vars")),
        _initialisers(item.get("post_vars")),
        _references(model, item.get("var_refs")),
        _references(model, item.get("pre_var_refs")),
        _references(model, item.get("post_var_refs")),
    )


def _references(model: e.GeNNModel, references: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _reference(model, value) for name, value in (references or {}).items()}


def _reference(model: e.GeNNModel, reference: list[str]) -> Any:
    kind, group, *rest = reference
    neurons, synapses = model.neuron_populations, model.synapse_populations
    if kind == "neuron":
        return e.create_var_ref(neurons[group], *rest)
    if kind == "cs":
        return e.create_var_ref(model.current_sources[group], *rest)
    if kind == "cu":
        update = model.custom_updates[group]
        create = e.create_var_ref if update.synapse_group is None else e.create_wu_var_ref
        return create(update, *rest)
    if kind == "spike_time":
        return e.create_spike_time_var_ref(neurons[group])
    if kind == "prev_spike_time":
        return e.create_prev_spike_time_var_ref(neurons[group])
    if kind == "wu" and len(rest) == 3:
        return e.create_wu_var_ref(synapses[group], rest[0], synapses[rest[1]], rest[2])
    create = {
        "psm": e.create_psm_var_ref,
        "wu_pre": e.create_wu_pre_var_ref,
        "wu_post": e.create_wu_post_var_ref,
        "wu": e.create_wu_var_ref,
        "out_post": e.create_out_post_var_ref,
        "den_delay": e.create_den_delay_var_ref,
    }[kind]
    return create(synapses[group], *rest)


@dataclass
class Program:
    """Runs the operations of a case on a loaded network.

    With ``use_plan``, timesteps run in one call and are recorded by the engine; what can only be
    read from Python is then left out of the outputs.
    """

    model: e.GeNNModel
    use_plan: bool = False
    outputs: dict[str, np.ndarray] = field(default_factory=dict)

    def run(self, operations: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        """Run all operations and return the outputs."""
        for operation in operations:
            arguments = {key: value for key, value in operation.items() if key != "op"}
            getattr(self, f"_{operation['op']}")(**arguments)
        return self.outputs

    def _step(self, n: int, record: list[str] | None = None, key: str = "") -> None:
        record = record or []
        if self.use_plan:
            recordable = [path for path in record if self._is_recordable(path)]
            self.model.run(n, record=recordable)
            for path in recordable:
                self._append(key + path, self.model.recorded(path).reshape(n, -1))
            return
        series: dict[str, list[np.ndarray]] = {path: [] for path in record}
        for _ in range(n):
            self.model.step_time()
            for path, values in series.items():
                values.append(read(self.model, path))
        for path, values in series.items():
            self._append(key + path, np.stack(values))

    def _append(self, key: str, series: np.ndarray) -> None:
        before = [self.outputs[key]] if key in self.outputs else []
        self.outputs[key] = np.concatenate([*before, series])

    def _is_recordable(self, path: str) -> bool:
        kind, name, section, *_ = path.split(".")
        if kind != "syn" or section != "vars":
            return "recording" not in path and section != "conn"
        return self.model.synapse_populations[name].sparse_group is None

    def _read(self, path: str, key: str | None = None) -> None:
        self.outputs[key or path] = read(self.model, path)

    def _write(self, path: str, value: list[float]) -> None:
        _array(self.model, path).current_values = value

    def _custom_update(self, group: str) -> None:
        self.model.custom_update(group)

    def _dynamic_param(self, path: str, name: str, value: float) -> None:
        _group(self.model, *path.split(".")).set_dynamic_param_value(name, value)

    def _set_timestep(self, value: int) -> None:
        self.model.timestep = value

    def _pull_recording(self) -> None:
        self.model.pull_recording_buffers_from_device()


def read(model: e.GeNNModel, path: str) -> np.ndarray:
    """Return what a path of a case stands for."""
    path, _, suffix = path.partition(":")
    kind, name, section, *_rest = path.split(".")
    group = _group(model, kind, name)
    if section == "conn":
        return np.stack([group.get_sparse_pre_inds(), group.get_sparse_post_inds()]).astype(int)
    recordings = {
        "recording": "spike_recording_data",
        "pre_event_recording": "pre_spike_event_recording_data",
        "post_event_recording": "post_spike_event_recording_data",
    }
    if section in recordings:
        [(times, ids)] = getattr(group, recordings[section])
        return np.stack([times, ids.astype(float)])
    array = _array(model, path)
    if suffix == "all" or section == "egp":
        return array.values
    return array.current_values


def _group(model: e.GeNNModel, kind: str, name: str) -> Any:
    return {
        "neuron": model.neuron_populations,
        "syn": model.synapse_populations,
        "cs": model.current_sources,
        "cu": model.custom_updates,
        "ccu": model.custom_connectivity_updates,
    }[kind][name]


def _array(model: e.GeNNModel, path: str) -> Any:
    kind, name, section, *rest = path.split(".")
    section = "extra_global_params" if section == "egp" else section
    array = getattr(_group(model, kind, name), section)
    return array[rest[0]] if rest else array
