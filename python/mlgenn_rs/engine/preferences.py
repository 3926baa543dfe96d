"""Preferences of a backend: which exist, and which of them change anything here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import ModelError

_OPTIONS = ("accumulate_per_member", "dynamics_per_synapse")
"""Preferences handed on to the engine."""

_GPU = "manual_device_id"
"""Which GPU the CUDA backend uses, from 0."""

_IGNORED = frozenset(
    {
        "always_rebuild",
        "block_size_select_method",
        "constant_cache_overhead",
        "debug_code",
        "device_select_method",
        "enable_nccl_reductions",
        "enable_nvtx",
        "generate_empty_state_push_pull",
        "generate_line_info",
        "generate_simple_heuristic",
        "manual_block_sizes",
        "optimize_code",
        "show_ptx_info",
        "user_cxx_flags_gnu",
        "user_nvcc_flags",
    }
)
"""Preferences about the compilers of the original, and what else changes nothing here."""

PREFERENCES = frozenset({"num_threads", _GPU, *_OPTIONS, *_IGNORED})
"""Every preference that is accepted."""


def get_default_backend(preferences: Mapping[str, Any]) -> str:
    """Return the name of the backend that is used unless another one is asked for.

    A number of threads asks for the CPU, unless ``MLGENN_BACKEND`` asks for something else.
    """
    from mlgenn_rs import _core

    if preferences.get("num_threads") is not None and not os.environ.get("MLGENN_BACKEND"):
        return "cpu"
    return _core.default_backend()


def check_preferences(backend: str | None, given: Mapping[str, Any]) -> None:
    """Check the name of a backend, and names and values of preferences.

    Raises
    ------
    ModelError
        If there is no such backend or preference, or a preference cannot have its value.
    """
    from mlgenn_rs import _core

    if backend is not None and backend not in _core.BACKENDS:
        raise ModelError(f"there is no backend {backend!r}; backends: {', '.join(_core.BACKENDS)}")
    unknown = [name for name in given if name not in PREFERENCES]
    if unknown:
        raise ModelError(
            f"unknown preferences {', '.join(map(repr, unknown))}; known: "
            + ", ".join(sorted(PREFERENCES))
        )
    if given.get("num_threads") is not None:
        _check_whole("num_threads", given["num_threads"], 1)
    _check_whole(_GPU, given.get(_GPU, 0), 0)
    for name in _OPTIONS:
        if not isinstance(given.get(name, False), bool):
            raise ModelError(f"{name} must be True or False, got {given[name]!r}")


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ModelError(f"{name} must be a whole number, got {value!r}")
    if not least <= value < 2**31:
        raise ModelError(f"{name} must be from {least} to {2**31 - 1}, got {value}")


class Preferences:
    """The preferences of one network, checked, with the backend that they lead to."""

    def __init__(self, backend: str | None, given: Mapping[str, Any]) -> None:
        """Check preferences as :func:`check_preferences` does, and choose a backend."""
        check_preferences(backend, given)
        self.backend = backend or get_default_backend(given)
        num_threads = 1 if self.backend == "single_threaded_cpu" else given.get("num_threads")
        self.num_threads = None if num_threads is None else int(num_threads)
        self.options = {name: given[name] for name in _OPTIONS if name in given}
        self.options["gpu"] = int(given.get(_GPU, 0))
