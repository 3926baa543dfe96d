"""Custom updates that return variables to their initial values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..engine.enums import CustomUpdateVarAccess, VarAccessMode
from ..utils.model import CustomUpdateModel
from ..utils.value import is_value_array, is_value_initializer

ResetVar = tuple[str, str, Any]
"""Name and type of a variable, and its new value: number, array, initialiser or another name."""


def create_reset_custom_update(
    reset_vars: Iterable[ResetVar], var_ref_creator: Callable[[str], Any]
) -> CustomUpdateModel:
    """Return a custom update model that assigns variables in order.

    A variable is set to a number, an array (one value per neuron), or, if the value is a string,
    to the current value of the variable of that name.  If the value is an initialiser, it returns
    to the value it had when the update first ran, which is the one drawn when the network was
    loaded.  All slots of delayed variables are set, except of those that are read, too.

    Parameters
    ----------
    reset_vars
        Names, types and new values.
    var_ref_creator
        Function that returns a reference to the variable of a name.
    """
    reset_vars = list(reset_vars)
    model = CustomUpdateModel({"params": [], "vars": [], "var_refs": [], "update_code": ""})
    types = {name: type_name for name, type_name, _ in reset_vars}
    read = {value for _, _, value in reset_vars if isinstance(value, str)}
    read |= {name for name, _, value in reset_vars if is_value_initializer(value)}

    def refer(name: str, type_name: str) -> None:
        if not model.has_var_ref(name):
            model.add_var_ref(name, type_name, var_ref_creator(name))
            mode = VarAccessMode.READ_WRITE if name in read else VarAccessMode.BROADCAST
            model.set_var_ref_access_mode(name, mode)

    for name, type_name, value in reset_vars:
        refer(name, type_name)
        if isinstance(value, str):
            refer(value, types.get(value, type_name))
            model.append_update_code(f"{name} = {value};")
        elif is_value_initializer(value):
            _append_restore(model, name, type_name)
        elif is_value_array(value):
            values = np.asarray(value).ravel()
            model.add_var(f"{name}Reset", type_name, values, CustomUpdateVarAccess.READ_ONLY_SHARED)
            model.append_update_code(f"{name} = {name}Reset;")
        else:
            model.add_param(f"{name}Reset", type_name, value)
            model.append_update_code(f"{name} = {name}Reset;")
    return model


def _append_restore(model: CustomUpdateModel, name: str, type_name: str) -> None:
    """Append code that keeps the value of a variable the first time, and restores it later."""
    kept, is_kept = f"{name}Loaded", f"{name}IsLoaded"
    model.add_var(kept, type_name, 0, CustomUpdateVarAccess.READ_WRITE)
    model.add_var(is_kept, "uint8_t", 0, CustomUpdateVarAccess.READ_WRITE)
    model.append_update_code(
        f"""
        if ({is_kept}) {{
            {name} = {kept};
        }}
        else {{
            {kept} = {name};
            {is_kept} = 1;
        }}
        """
    )
