"""Golden values and stand-ins for parts of the engine."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parent.parent / "golden" / "frontend"


def load_golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


class FakeArray:
    """Array of the engine."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        self.view = np.full(shape, 77, dtype=dtype)
        self.pushes = 0
        self.pulls = 0

    @property
    def current_view(self) -> np.ndarray:
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
