"""Any engine snippet as an initialiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils.snippet import InitializerSnippet
from .initializer import Initializer


class Wrapper(Initializer):
    """Draw with a snippet of the engine.

    Parameters
    ----------
    snippet
        Name of a built-in snippet (``"Exponential"``) or a snippet made with
        ``engine.create_var_init_snippet``.
    param_vals
        Values of its parameters.
    egp_vals
        Arrays that its code reads.
    """

    def __init__(
        self,
        snippet: Any,
        param_vals: Mapping[str, Any] | None = None,
        egp_vals: Mapping[str, Any] | None = None,
    ) -> None:
        self.snippet = snippet
        self.param_vals = dict(param_vals or {})
        self.egp_vals = dict(egp_vals or {})

    def get_snippet(self) -> InitializerSnippet:
        """Return the engine snippet."""
        return InitializerSnippet(self.snippet, self.param_vals, self.egp_vals)
