"""Preferences of a backend: which exist, and which of them change anything here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ModelError

_OPTIONS = ("accumulate_per_member",)
"""Preferences handed on to the engine."""

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
        "manual_device_id",
        "optimize_code",
        "show_ptx_info",
        "user_cxx_flags_gnu",
        "user_nvcc_flags",
    }
)
"""Preferences about compilers and GPUs that change nothing on a CPU."""

BACKENDS = {"cpu": "cpu", "single_threaded_cpu": "cpu", "interpreter": "interpreter"}
"""Backends by the names that are accepted."""


class Preferences:
    """The preferences of one network, checked."""

    def __init__(self, backend: str | None, given: Mapping[str, Any]) -> None:
        """Check the names of a backend and of preferences.

        Raises
        ------
        ModelError
            If there is no such backend or preference.
        """
        if backend is not None and backend not in BACKENDS:
            raise ModelError(
                f"there is no backend {backend!r} in this build; backends: {', '.join(BACKENDS)}"
            )
        known = {"num_threads", *_OPTIONS, *_IGNORED}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ModelError(
                f"unknown preferences {', '.join(map(repr, unknown))}; known: "
                + ", ".join(sorted(known))
            )
        self.backend = BACKENDS.get(backend or "cpu")
        self.num_threads = _num_threads(backend, given.get("num_threads"))
        self.options = {name: given[name] for name in _OPTIONS if name in given}


def _num_threads(backend: str | None, given: Any) -> int | None:
    if given is not None and (not isinstance(given, int) or given < 1):
        raise ModelError(f"num_threads must be a positive integer, got {given!r}")
    return 1 if backend == "single_threaded_cpu" else given
