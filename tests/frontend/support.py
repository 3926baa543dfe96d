"""Golden values and stand-ins for parts of the engine."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mlgenn_rs.callbacks import SpikeRecorder, VarRecorder
from mlgenn_rs.compilers import InferenceCompiler

GOLDEN = Path(__file__).parent.parent / "golden" / "frontend"


def load_golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


class FakeArray:
    """Array of the engine."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        self.view = np.full(shape, 77, dtype=dtype)
        self.pushes = 0
        self.pulls = 0
        self.is_on_gpu = False

    @property
    def current_view(self) -> np.ndarray:
        return self.view

    def open_view(self, mode: str) -> np.ndarray:
        return self.view

    def open_current_view(self, mode: str) -> np.ndarray:
        return self.view

    def push_to_device(self) -> None:
        self.pushes += 1

    def pull_from_device(self) -> None:
        self.pulls += 1


class Preferences:
    """Storage preferences of a compiler."""

    def __init__(self, *types: Any) -> None:
        self.types = types

    def get_best(self, options: Any) -> Any:
        return next((t for t in self.types if t in options), None)


def make_group(**arrays: FakeArray) -> Any:
    return SimpleNamespace(vars=arrays, extra_global_params=arrays)


def run_inference(
    net: Any,
    x: dict[Any, Any],
    output: Any,
    record: dict[str, Any],
    *,
    evaluate_timesteps: int,
    backend: str,
    **options: Any,
) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Compile for inference, predict and return what was read out and recorded.

    ``record`` names internal variables of populations by key; a population alone stands for its
    spikes.  ``output`` is ``None`` if nothing is read out.
    """
    callbacks: list[Any] = [
        VarRecorder(what[0], genn_var=what[1], key=key)
        if isinstance(what, tuple)
        else SpikeRecorder(what, key=key)
        for key, what in record.items()
    ]
    compiler = InferenceCompiler(evaluate_timesteps, backend=backend, **options)
    compiled = compiler.compile(net, "golden")
    with compiled:
        predictions, data = compiled.predict(x, [] if output is None else [output], callbacks)
    return (None if output is None else predictions[output]), data


def assert_golden(actual: Any, expected: Any) -> None:
    """Compare arrays with the tolerance that the golden files state for float32 state."""
    actual = np.asarray(actual, dtype=np.float64)
    expected = np.asarray(expected, dtype=np.float64)
    np.testing.assert_allclose(actual, expected.reshape(actual.shape), rtol=1e-5, atol=1e-6)
    assert actual.shape == expected.shape


def assert_same_spikes(actual: Any, expected: dict[str, Any]) -> None:
    """Compare recorded spikes of all examples; the order within a timestep is free."""
    times, ids = actual
    assert len(times) == len(ids) == len(expected["times"])
    for t, i, golden_t, golden_i in zip(
        times, ids, expected["times"], expected["ids"], strict=True
    ):
        got = sorted(zip(t.tolist(), i.tolist(), strict=True))
        assert got == sorted(zip(golden_t, golden_i, strict=True))
