"""Descriptions of engine models together with their values.

A description is a dictionary: lists of declarations (``params`` [(name, type)], ``vars``
[(name, type[, access])], ``extra_global_params`` [(name, type)], ...) and code strings
(``sim_code``, ``threshold_condition_code``, ``reset_code``, ...). The classes here add values and
edit both, so that readouts, losses and learning rules can extend a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from textwrap import dedent
from typing import Any, TypeAlias

import numpy as np

from ..engine import CustomUpdateVarAccess, VarAccess, VarAccessMode, init_var
from .value import get_values, is_value_array, is_value_constant, is_value_initializer

ModelDict: TypeAlias = "dict[str, Any]"
Values: TypeAlias = "dict[str, Any]"
ResetVars: TypeAlias = "list[tuple[str, str, Any]]"


def _is_writable(declaration: tuple[Any, ...]) -> bool:
    return len(declaration) < 3 or bool(int(declaration[2]) & int(VarAccessMode.READ_WRITE))


def _reset_list(declarations: list[tuple[Any, ...]], values: Mapping[str, Any]) -> ResetVars:
    return [(v[0], v[1], values[v[0]]) for v in declarations if _is_writable(v)]


def _to_initial_values(vals: Values) -> tuple[Values, dict[str, Values]]:
    """Turn values of variables into what the engine takes, and the arrays initialisers read."""
    initial: Values = {}
    egps: dict[str, Values] = {}
    for name, value in vals.items():
        if is_value_initializer(value):
            snippet = value.get_snippet()
            initial[name] = init_var(snippet.snippet, snippet.param_vals)
            egps[name] = dict(snippet.egp_vals)
        elif is_value_array(value):
            initial[name] = np.asarray(value).flatten()
        else:
            initial[name] = value
    return initial, egps


class Model:
    """A model description with its values.

    Parameters
    ----------
    model
        The description; kept by reference.
    param_vals, var_vals, egp_vals
        Values of parameters, initial values of variables, contents of extra global parameters, by
        name; kept by reference.

    Attributes
    ----------
    dynamic_param_names
        Names of parameters that can be changed while the model runs.
    """

    def __init__(
        self,
        model: ModelDict,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        egp_vals: Values | None = None,
    ) -> None:
        self.model = model
        self.param_vals: Values = {} if param_vals is None else param_vals
        self.var_vals: Values = {} if var_vals is None else var_vals
        self.egp_vals: Values = {} if egp_vals is None else egp_vals
        self.dynamic_param_names: set[str] = set()

    def __repr__(self) -> str:
        """Return the kind of model and the names it declares."""
        params = [p[0] for p in self.model.get("params", [])]
        variables = [v[0] for v in self.model.get("vars", [])]
        return f"{type(self).__name__}(params={params}, vars={variables})"

    def has_param(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return self._has("params", name)

    def has_var(self, name: str) -> bool:
        """Whether there is a variable of that name."""
        return self._has("vars", name)

    def has_egp(self, name: str) -> bool:
        """Whether there is an extra global parameter of that name."""
        return self._has("extra_global_params", name)

    def add_param(self, name: str, type: str, value: Any) -> None:
        """Add a parameter; :class:`AssertionError` if there is one of that name."""
        self._add("params", (name, type), self.param_vals, value)

    def add_var(
        self, name: str, type: str, value: Any, access_mode: Any = VarAccess.READ_WRITE
    ) -> None:
        """Add a variable; :class:`AssertionError` if there is one of that name."""
        self._add("vars", (name, type, access_mode), self.var_vals, value)

    def add_egp(self, name: str, type: str, value: Any) -> None:
        """Add an extra global parameter; :class:`AssertionError` if there is one of that name."""
        self._add("extra_global_params", (name, type), self.egp_vals, value)

    def set_param_dynamic(self, name: str, dynamic: bool = True) -> None:
        """Choose whether a parameter can be changed while the model runs."""
        assert self.has_param(name), f"there is no parameter {name!r}"
        if dynamic:
            self.dynamic_param_names.add(name)
        else:
            self.dynamic_param_names.discard(name)

    def set_var_access_mode(self, name: str, access_mode: Any) -> None:
        """Change the access of a variable; :class:`AssertionError` if there is none."""
        self._set_access("vars", name, access_mode)

    def make_param_var(self, param_name: str, access_mode: Any = VarAccess.READ_ONLY) -> None:
        """Turn a parameter that is not dynamic into a variable of the same name and value."""
        assert param_name not in self.dynamic_param_names, f"parameter {param_name!r} is dynamic"
        index = self._index("params", param_name)
        param = self.model["params"].pop(index)
        self.model.setdefault("vars", []).append((param[0], param[1], access_mode))
        self.var_vals[param_name] = self.param_vals.pop(param_name)

    def process(self) -> tuple[Any, ...]:
        """Sort values into what the engine takes.

        Parameters whose value is an array or initialiser become read-only variables. The model
        itself is not changed.

        Returns
        -------
        tuple
            Copy of the description, values of parameters, names of dynamic parameters, initial
            values of variables, values of extra global parameters, and for each variable with an
            initialiser the arrays that it reads. Sub-classes append their references and values.
        """
        model = deepcopy(self.model)
        model["vars"] = list(model.get("vars", []))
        declared, model["params"] = model.get("params", []), []
        values = dict(self.var_vals)
        constants: Values = {}
        for param in declared:
            name = param[0]
            value = self.param_vals[name]
            if is_value_constant(value):
                model["params"].append(param)
                constants[name] = value
            else:
                assert name not in self.dynamic_param_names, (
                    f"parameter {name!r} is dynamic, so its value must be a number"
                )
                model["vars"].append((name, param[1], VarAccess.READ_ONLY))
                values[name] = value
        var_vals, var_egps = _to_initial_values(values)
        return (
            model,
            constants,
            set(self.dynamic_param_names),
            var_vals,
            dict(self.egp_vals),
            var_egps,
        )

    @property
    def reset_vars(self) -> ResetVars:
        """``(name, type, initial value)`` of every variable that the code writes."""
        return _reset_list(self.model.get("vars", []), self.var_vals)

    def _has(self, declarations: str, name: str) -> bool:
        return any(d[0] == name for d in self.model.get(declarations, []))

    def _index(self, declarations: str, name: str) -> int:
        found = [i for i, d in enumerate(self.model.get(declarations, [])) if d[0] == name]
        assert len(found) == 1, f"expected one entry {name!r} in {declarations}, found {len(found)}"
        return found[0]

    def _add(
        self, declarations: str, declaration: tuple[Any, ...], vals: Values, value: Any
    ) -> None:
        name = declaration[0]
        assert not self._has(declarations, name), f"{name!r} is already in {declarations}"
        self.model.setdefault(declarations, []).append(declaration)
        vals[name] = value

    def _set_access(self, declarations: str, name: str, access_mode: Any) -> None:
        index = self._index(declarations, name)
        self.model[declarations][index] = (*self.model[declarations][index][:2], access_mode)

    def _append_code(self, slot: str, code: str) -> None:
        self.model[slot] = dedent(f"{dedent(self.model.get(slot, ''))}\n{dedent(code)}\n")

    def _prepend_code(self, slot: str, code: str) -> None:
        self.model[slot] = dedent(f"{dedent(code)}\n{dedent(self.model.get(slot, ''))}")

    def _replace_code(self, slot: str, source: str, target: str) -> None:
        if slot in self.model:
            self.model[slot] = self.model[slot].replace(source, target)


class NeuronModel(Model):
    """Model of a neuron.

    Parameters
    ----------
    model, param_vals, var_vals, egp_vals
        As for :class:`Model`.
    output_var_name
        Variable that readouts read; ``None`` if the neuron has none.
    """

    def __init__(
        self,
        model: ModelDict,
        output_var_name: str | None,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        egp_vals: Values | None = None,
    ) -> None:
        super().__init__(model, param_vals, var_vals, egp_vals)
        self.output_var_name = output_var_name

    def add_additional_input_var(self, name: str, type: str, init_val: Any) -> None:
        """Add an input that synapses can be pointed at, set to ``init_val`` every timestep."""
        assert not self._has("additional_input_vars", name), f"there is already an input {name!r}"
        self.model.setdefault("additional_input_vars", []).append((name, type, init_val))

    def append_sim_code(self, code: str) -> None:
        """Run code after the simulation code."""
        self._append_code("sim_code", code)

    def prepend_sim_code(self, code: str) -> None:
        """Run code before the simulation code."""
        self._prepend_code("sim_code", code)

    def append_reset_code(self, code: str) -> None:
        """Run code after the reset code."""
        self._append_code("reset_code", code)

    def prepend_reset_code(self, code: str) -> None:
        """Run code before the reset code."""
        self._prepend_code("reset_code", code)

    def replace_sim_code(self, source: str, target: str) -> None:
        """Replace text everywhere in the simulation code."""
        self._replace_code("sim_code", source, target)

    def replace_threshold_condition_code(self, source: str, target: str) -> None:
        """Replace text everywhere in the threshold condition."""
        self._replace_code("threshold_condition_code", source, target)

    def replace_reset_code(self, source: str, target: str) -> None:
        """Replace text everywhere in the reset code."""
        self._replace_code("reset_code", source, target)

    @staticmethod
    def from_val_descriptors(
        model: ModelDict,
        output_var_name: str | None,
        inst: Any,
        dt: float,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        egp_vals: Values | None = None,
    ) -> NeuronModel:
        """Build a model with values from an object's attributes, for a timestep of ``dt`` ms.

        ``param_vals`` and ``var_vals`` hold values that are not attributes; they are copied.
        """
        return NeuronModel(
            model,
            output_var_name,
            get_values(inst, model.get("params", []), dt, dict(param_vals or {})),
            get_values(inst, model.get("vars", []), dt, dict(var_vals or {})),
            dict(egp_vals or {}),
        )

    @property
    def output_var(self) -> tuple[Any, ...]:
        """Declaration of the output variable.

        Raises
        ------
        RuntimeError
            If the model has no variables or no output variable.
        """
        if "vars" not in self.model:
            raise RuntimeError("the neuron model has no variables that could be read out")
        if self.output_var_name is None:
            raise RuntimeError("the neuron model has no output variable; choose another neuron")
        declaration: tuple[Any, ...] = self.model["vars"][self._index("vars", self.output_var_name)]
        return declaration


class SynapseModel(Model):
    """Model of how arriving weights become current.

    Parameters
    ----------
    model, param_vals, var_vals, egp_vals
        As for :class:`Model`.
    neuron_var_refs
        Name of the target's variable for each reference.
    """

    def __init__(
        self,
        model: ModelDict,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        egp_vals: Values | None = None,
        neuron_var_refs: Values | None = None,
    ) -> None:
        super().__init__(model, param_vals, var_vals, egp_vals)
        self.neuron_var_refs: Values = {} if neuron_var_refs is None else neuron_var_refs

    def process(self) -> tuple[Any, ...]:
        """Sort values as :meth:`Model.process`; append ``neuron_var_refs``."""
        return (*super().process(), self.neuron_var_refs)

    @staticmethod
    def from_val_descriptors(
        model: ModelDict,
        inst: Any,
        dt: float,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        egp_vals: Values | None = None,
        neuron_var_refs: Values | None = None,
    ) -> SynapseModel:
        """Build a model with values from an object's attributes, for a timestep of ``dt`` ms."""
        return SynapseModel(
            model,
            get_values(inst, model.get("params", []), dt, dict(param_vals or {})),
            get_values(inst, model.get("vars", []), dt, dict(var_vals or {})),
            dict(egp_vals or {}),
            dict(neuron_var_refs or {}),
        )


class WeightUpdateModel(Model):
    """Model of what spikes do to synapses and their targets.

    Parameters
    ----------
    model, param_vals, var_vals, egp_vals
        As for :class:`Model`.
    pre_var_vals, post_var_vals
        Initial values of the variables with one element per pre- or postsynaptic neuron.
    pre_neuron_var_refs, post_neuron_var_refs
        Name of the neuron's variable for each reference.
    """

    def __init__(
        self,
        model: ModelDict,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        pre_var_vals: Values | None = None,
        post_var_vals: Values | None = None,
        egp_vals: Values | None = None,
        pre_neuron_var_refs: Values | None = None,
        post_neuron_var_refs: Values | None = None,
    ) -> None:
        super().__init__(model, param_vals, var_vals, egp_vals)
        self.pre_var_vals: Values = {} if pre_var_vals is None else pre_var_vals
        self.post_var_vals: Values = {} if post_var_vals is None else post_var_vals
        self.pre_neuron_var_refs: Values = (
            {} if pre_neuron_var_refs is None else pre_neuron_var_refs
        )
        self.post_neuron_var_refs: Values = (
            {} if post_neuron_var_refs is None else post_neuron_var_refs
        )

    def add_pre_neuron_var_ref(self, name: str, type: str, target: str) -> None:
        """Refer to the variable ``target`` of the source population as ``name``."""
        self._add("pre_neuron_var_refs", (name, type), self.pre_neuron_var_refs, target)

    def add_post_neuron_var_ref(self, name: str, type: str, target: str) -> None:
        """Refer to the variable ``target`` of the target population as ``name``."""
        self._add("post_neuron_var_refs", (name, type), self.post_neuron_var_refs, target)

    def append_synapse_dynamics(self, code: str) -> None:
        """Run more code per synapse and timestep."""
        self._append_code("synapse_dynamics_code", code)

    def append_pre_spike_syn_code(self, code: str) -> None:
        """Run more code per synapse of each presynaptic spike."""
        self._append_code("pre_spike_syn_code", code)

    def append_pre_event_syn_code(self, code: str) -> None:
        """Run more code per synapse of each presynaptic spike-like event."""
        self._append_code("pre_event_syn_code", code)

    def process(self) -> tuple[Any, ...]:
        """Sort values as :meth:`Model.process`; append pre, post values and references."""
        base = super().process()
        pre_var_vals, pre_egps = _to_initial_values(self.pre_var_vals)
        post_var_vals, post_egps = _to_initial_values(self.post_var_vals)
        _check_no_egps({**pre_egps, **post_egps})
        return (
            *base,
            pre_var_vals,
            post_var_vals,
            self.pre_neuron_var_refs,
            self.post_neuron_var_refs,
        )

    @property
    def reset_pre_vars(self) -> ResetVars:
        """``(name, type, initial value)`` of every presynaptic variable that the code writes."""
        return _reset_list(self.model.get("pre_vars", []), self.pre_var_vals)

    @property
    def reset_post_vars(self) -> ResetVars:
        """``(name, type, initial value)`` of every postsynaptic variable that the code writes."""
        return _reset_list(self.model.get("post_vars", []), self.post_var_vals)


class CustomUpdateModel(Model):
    """Model of an update that runs on demand.

    Parameters
    ----------
    model, param_vals, var_vals, egp_vals
        As for :class:`Model`.
    var_refs, egp_refs
        Engine reference for each variable and extra global parameter referred to.
    """

    def __init__(
        self,
        model: ModelDict,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        var_refs: Values | None = None,
        egp_vals: Values | None = None,
        egp_refs: Values | None = None,
    ) -> None:
        super().__init__(model, param_vals, var_vals, egp_vals)
        self.var_refs: Values = {} if var_refs is None else var_refs
        self.egp_refs: Values = {} if egp_refs is None else egp_refs

    def add_var(
        self,
        name: str,
        type: str,
        value: Any,
        access_mode: Any = CustomUpdateVarAccess.READ_WRITE,
    ) -> None:
        """Add a variable; :class:`AssertionError` if there is one of that name."""
        super().add_var(name, type, value, access_mode)

    def has_var_ref(self, name: str) -> bool:
        """Whether there is a variable reference of that name."""
        return self._has("var_refs", name)

    def has_egp_ref(self, name: str) -> bool:
        """Whether there is a reference to an extra global parameter of that name."""
        return self._has("egp_refs", name)

    def add_var_ref(self, name: str, type: str, value: Any) -> None:
        """Refer to a variable; :class:`AssertionError` if there is a reference of that name."""
        self._add("var_refs", (name, type), self.var_refs, value)

    def set_var_ref_access_mode(self, name: str, access_mode: Any) -> None:
        """Change how the code uses a variable that it refers to."""
        self._set_access("var_refs", name, access_mode)

    def add_egp_ref(self, name: str, type: str, value: Any) -> None:
        """Refer to an extra global parameter."""
        self._add("egp_refs", (name, type), self.egp_refs, value)

    def append_update_code(self, code: str) -> None:
        """Run code after the update code."""
        self._append_code("update_code", code)

    def process(self) -> tuple[Any, ...]:
        """Sort values as :meth:`Model.process`; append ``var_refs`` and ``egp_refs``."""
        return (*super().process(), self.var_refs, self.egp_refs)


class CustomConnectivityUpdateModel(Model):
    """Model of an update that adds and removes synapses.

    Parameters
    ----------
    model, param_vals, var_vals, egp_vals
        As for :class:`Model`.
    pre_var_vals, post_var_vals
        Initial values of the variables with one element per pre- or postsynaptic neuron.
    var_refs, pre_var_refs, post_var_refs, egp_refs
        Engine reference for each synapse, presynaptic and postsynaptic variable and extra global
        parameter referred to.
    """

    def __init__(
        self,
        model: ModelDict,
        param_vals: Values | None = None,
        var_vals: Values | None = None,
        pre_var_vals: Values | None = None,
        post_var_vals: Values | None = None,
        var_refs: Values | None = None,
        pre_var_refs: Values | None = None,
        post_var_refs: Values | None = None,
        egp_vals: Values | None = None,
        egp_refs: Values | None = None,
    ) -> None:
        super().__init__(model, param_vals, var_vals, egp_vals)
        self.pre_var_vals: Values = {} if pre_var_vals is None else pre_var_vals
        self.post_var_vals: Values = {} if post_var_vals is None else post_var_vals
        self.var_refs: Values = {} if var_refs is None else var_refs
        self.pre_var_refs: Values = {} if pre_var_refs is None else pre_var_refs
        self.post_var_refs: Values = {} if post_var_refs is None else post_var_refs
        self.egp_refs: Values = {} if egp_refs is None else egp_refs

    def process(self) -> tuple[Any, ...]:
        """Sort values as :meth:`Model.process`; append pre, post values and references."""
        base = super().process()
        pre_var_vals, pre_egps = _to_initial_values(self.pre_var_vals)
        post_var_vals, post_egps = _to_initial_values(self.post_var_vals)
        _check_no_egps({**pre_egps, **post_egps})
        return (
            *base,
            pre_var_vals,
            post_var_vals,
            self.var_refs,
            self.pre_var_refs,
            self.post_var_refs,
            self.egp_refs,
        )


def _check_no_egps(egps: dict[str, Values]) -> None:
    """Refuse initialisers with arrays where there is nothing that would carry the arrays."""
    for name, arrays in egps.items():
        if arrays:
            raise NotImplementedError(
                f"variable {name!r}: initialisers that read arrays are not supported for pre- and "
                f"postsynaptic variables; give the array itself"
            )
