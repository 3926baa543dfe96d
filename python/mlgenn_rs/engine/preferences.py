"""Preferences of a backend: which exist, and which of them change anything here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

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


def get_default_backend(preferences: Mapping[str, Any]) -> str:
    """Return the name of the backend that is used unless another one is asked for.

    A number of threads asks for the CPU, unless ``MLGENN_BACKEND`` asks for something else.
    """
    from mlgenn_rs import _core

    if preferences.get("num_threads") is not None and not os.environ.get("MLGENN_BACKEND"):
        return "cpu"
    return _core.default_backend()


class Preferences:
    """The preferences of one network, checked."""

    def __init__(self, backend: str | None, given: Mapping[str, Any]) -> None:
        """Check the names of a backend and of preferences.

        Raises
        ------
        ModelError
            If there is no such backend or preference.
        """
        from mlgenn_rs import _core

        if backend is not None and backend not in _core.BACKENDS:
            raise ModelError(
                f"there is no backend {backend!r}; backends: {', '.join(_core.BACKENDS)}"
            )
        known = {"num_threads", _GPU, *_OPTIONS, *_IGNORED}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ModelError(
                f"unknown preferences {', '.join(map(repr, unknown))}; known: "
                + ", ".join(sorted(known))
            )
        self.backend = backend or get_default_backend(given)
        self.num_threads = _num_threads(self.backend, given.get("num_threads"))
        self.options = {name: given[name] for name in _OPTIONS if name in given}
        self.options["gpu"] = _gpu(given.get(_GPU, 0))


def _gpu(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ModelError(f"{_GPU} must be the number of a GPU, from 0, got {given!r}")
    return given


def _num_threads(backend: str, given: Any) -> int | None:
    if given is not None and (not isinstance(given, int) or given < 1):
        raise ModelError(f"num_threads must be a positive integer, got {given!r}")
    return 1 if backend == "single_threaded_cpu" else given
