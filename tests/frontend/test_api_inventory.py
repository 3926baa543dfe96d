"""Every public name exists with the specified parameters and defaults.

Parameters that can only be given by keyword, and need not be, may be added.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from typing import Any

import pytest

import mlgenn_rs
from mlgenn_rs.utils.snippet import ConstantValueDescriptor
from mlgenn_rs.utils.value import ValueDescriptor

from .support import load_golden

ROWS = load_golden("api_inventory")

DEFAULTS = {
    "neurons": "adaptive_leaky_integrate_fire binary_spike_input few_spike_relu "
    "few_spike_relu_input integrate_fire integrate_fire_input leaky_integrate "
    "leaky_integrate_fire leaky_integrate_fire_input poisson_input spike_input",
    "synapses": "delta exponential",
    "connectivity": "",
    "initializers": "normal uniform",
    "losses": "mean_square_error sparse_categorical_crossentropy",
    "metrics": "mean_square_error sparse_categorical_accuracy",
    "optimisers": "adam sgd",
    "readouts": "avg_var avg_var_exp_weight first_spike_time max_var spike_count sum_var var",
    "serialisers": "numpy",
    "callbacks": "checkpoint batch_progress_bar",
}


def resolve(name: str) -> Any:
    """Import the longest prefix that is a module and look the rest up, without descriptors."""
    parts = name.split(".")
    obj: Any = mlgenn_rs
    for i, part in enumerate(parts):
        try:
            obj = importlib.import_module(".".join(["mlgenn_rs", *parts[: i + 1]]))
        except ModuleNotFoundError:
            obj = inspect.getattr_static(obj, part) if i == len(parts) - 1 else getattr(obj, part)
    return obj


def parse_signature(text: str) -> list[tuple[str, Any]]:
    """Return names and defaults; names of variadic parameters with their stars."""
    args = ast.parse(f"def f{text}: pass").body[0].args  # type: ignore[attr-defined]
    missing = len(args.args) - len(args.defaults)
    result: list[tuple[str, Any]] = [(a.arg, "required") for a in args.args[:missing]]
    for arg, default in zip(args.args[missing:], args.defaults, strict=True):
        try:
            result.append((arg.arg, ast.literal_eval(default)))
        except ValueError:
            result.append((arg.arg, ast.unparse(default)))
    if args.vararg:
        result.append((f"*{args.vararg.arg}", None))
    if args.kwarg:
        result.append((f"**{args.kwarg.arg}", None))
    return result


def actual_signature(obj: Any, is_method: bool) -> list[tuple[str, Any]]:
    if isinstance(obj, staticmethod):
        obj, is_method = obj.__func__, False
    if inspect.isclass(obj):
        if obj.__init__ is object.__init__:
            return []
        obj, is_method = obj.__init__, True
    result: list[tuple[str, Any]] = []
    parameters = list(inspect.signature(obj).parameters.values())
    for p in parameters[1:] if is_method else parameters:
        if p.kind is p.VAR_POSITIONAL:
            result.append((f"*{p.name}", None))
        elif p.kind is p.VAR_KEYWORD:
            result.append((f"**{p.name}", None))
        elif p.kind is not p.KEYWORD_ONLY or p.default is p.empty:
            # What goes beyond the original is given by keyword, and can be left out
            default = "required" if p.default is p.empty else p.default
            result.append((p.name, getattr(default, "name", default)))
    return result


def same_default(expected: Any, actual: Any) -> bool:
    # Mutable defaults became None: the objects are made afresh.
    return actual is None if expected == {} and actual != {} else bool(expected == actual)


@pytest.mark.parametrize("row", ROWS, ids=[r["name"] for r in ROWS])
def test_row(row: dict[str, str]) -> None:
    name, signature = row["name"], row["signature"]
    obj = resolve(name)
    if signature == "dict":
        assert isinstance(obj, dict)
    elif signature == "property":
        assert isinstance(obj, property)
    elif signature.startswith("ConstantValueDescriptor"):
        assert isinstance(obj, ConstantValueDescriptor)
    elif signature.startswith("ValueDescriptor"):
        assert isinstance(obj, ValueDescriptor)
        expected = [
            (n.removesuffix(" (transformed)"), n.endswith("(transformed)"))
            for n in signature.removeprefix("ValueDescriptor ").split(", ")
        ]
        assert [(n, t is not None) for n, t in obj.genn_transforms] == expected
    elif signature.startswith("enum"):
        members = ", ".join(f"{m.name}={m.value!r}" for m in obj)
        assert members == signature.removeprefix("enum ")
    elif signature.startswith("namedtuple"):
        expected = parse_signature(signature.removeprefix("namedtuple"))
        actual = [(f, obj._field_defaults.get(f, "required")) for f in obj._fields]
        assert [n for n, _ in actual] == [n for n, _ in expected]
        assert all(same_default(e, a) for (_, e), (_, a) in zip(expected, actual, strict=True))
    elif name == "utils.connectivity.get_param_2d":
        assert [n for n, _ in actual_signature(obj, False)] == ["name", "param", "default"]
    else:
        owner = name.rsplit(".", 1)[0]
        is_method = owner != name and owner.rsplit(".", 1)[-1][0].isupper()
        expected = parse_signature(signature)
        actual = actual_signature(obj, is_method)
        assert [n for n, _ in actual] == [n for n, _ in expected]
        for (n, e), (_, a) in zip(expected, actual, strict=True):
            assert same_default(e, a), (n, e, a)


@pytest.mark.parametrize("module", DEFAULTS)
def test_default_dictionaries(module: str) -> None:
    dictionary = getattr(importlib.import_module(f"mlgenn_rs.{module}"), f"default_{module}")
    assert set(dictionary) == set(DEFAULTS[module].split())
    for cls in dictionary.values():
        assert isinstance(cls(), cls)


def test_aliases_and_hidden_names() -> None:
    from mlgenn_rs import metrics
    from mlgenn_rs.connectivity.sparse_base import SparseBase
    from mlgenn_rs.neurons.input import InputBase

    assert metrics.MetricType is not None and metrics.MetricsType is not None
    assert not hasattr(mlgenn_rs.connectivity, "SparseBase") and SparseBase
    assert not hasattr(mlgenn_rs.neurons, "InputBase") and InputBase


def test_import_is_light() -> None:
    import subprocess
    import sys

    code = (
        "import sys, mlgenn_rs; "
        "heavy = {'scipy', 'matplotlib', 'pandas', 'mpi4py', 'torch'} & set(sys.modules); "
        "sys.exit(','.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
