"""Passing of values to objects of the engine: references, arrays and dynamic parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..engine import create_var_ref


def create_local_var_refs(refs: Mapping[str, str], genn_group: Any) -> dict[str, Any]:
    """Return references to the variables of a group whose names are the values of ``refs``."""
    return {name: create_var_ref(genn_group, var) for name, var in refs.items()}


def set_egp(egp_vals: Mapping[str, Any], egp_dict: Mapping[str, Any]) -> None:
    """Give extra global parameters their initial values; arrays are flattened."""
    for name, value in egp_vals.items():
        egp_dict[name].set_init_values(value.ravel() if isinstance(value, np.ndarray) else value)


def set_var_egps(
    var_egp_vals: Mapping[str, Mapping[str, Any]], var_dict: Mapping[str, Any]
) -> None:
    """Give the arrays read by the initialisers of variables their values."""
    for var, egp_vals in var_egp_vals.items():
        set_egp(egp_vals, var_dict[var].extra_global_params)


def set_dynamic_param(
    param_names: Iterable[str], set_param_dynamic: Callable[[str, bool], Any]
) -> None:
    """Mark parameters as changeable while the network runs."""
    # Sets of strings have another order in every process
    for name in sorted(param_names):
        set_param_dynamic(name, True)
