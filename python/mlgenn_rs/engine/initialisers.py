"""Initialisers: a model or snippet together with the values of what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .builtin import (
    POSTSYNAPTIC_MODELS,
    SPARSE_CONNECT_SNIPPETS,
    TOEPLITZ_CONNECT_SNIPPETS,
    VAR_INIT_SNIPPETS,
    WEIGHT_UPDATE_MODELS,
    resolve,
)
from .models import PostsynapticModel, WeightUpdateModel
from .parameters import Parameters
from .snippets import SparseConnectInitSnippet, ToeplitzConnectInitSnippet, VarInitSnippet

Values = Mapping[str, Any] | None
"""Values by name."""


class VarInit:
    """How a variable gets its first values: a snippet and its parameters."""

    def __init__(self, snippet: VarInitSnippet, params: Values) -> None:
        self.snippet = snippet
        self.params = Parameters(snippet, params, f"variable initialiser {snippet.name!r}")

    def describe(self, dt: float) -> dict[str, Any]:
        """Return the description handed to the engine."""
        if self.snippet is VAR_INIT_SNIPPETS["Uninitialised"]:
            return {"kind": "uninitialised"}
        if self.snippet is VAR_INIT_SNIPPETS["Constant"]:
            return {"kind": "constant", "value": self.params.describe(dt)["constant"]}
        return {
            "kind": "snippet",
            "snippet": self.snippet.describe(),
            "params": self.params.describe(dt),
        }


class WeightUpdateInit:
    """A weight update model with the values of everything that it declares."""

    def __init__(
        self,
        model: WeightUpdateModel,
        params: Values,
        vars: Values,
        pre_vars: Values,
        post_vars: Values,
        pre_var_refs: Values,
        post_var_refs: Values,
        psm_var_refs: Values,
    ) -> None:
        self.model = model
        self.params = dict(params or {})
        self.vars = dict(vars or {})
        self.pre_vars = dict(pre_vars or {})
        self.post_vars = dict(post_vars or {})
        self.pre_var_refs = dict(pre_var_refs or {})
        self.post_var_refs = dict(post_var_refs or {})
        self.psm_var_refs = dict(psm_var_refs or {})


class PostsynapticInit:
    """A postsynaptic model with the values of everything that it declares."""

    def __init__(
        self, model: PostsynapticModel, params: Values, vars: Values, var_refs: Values
    ) -> None:
        self.model = model
        self.params = dict(params or {})
        self.vars = dict(vars or {})
        self.var_refs = dict(var_refs or {})


class SparseConnectivityInit:
    """A snippet for sparse connectivity and its parameters."""

    def __init__(self, snippet: SparseConnectInitSnippet, params: Values) -> None:
        self.snippet = snippet
        self.params = Parameters(snippet, params, f"connectivity snippet {snippet.name!r}")


class ToeplitzConnectivityInit:
    """A snippet for Toeplitz connectivity and its parameters."""

    def __init__(self, snippet: ToeplitzConnectInitSnippet, params: Values) -> None:
        self.snippet = snippet
        self.params = Parameters(snippet, params, f"connectivity snippet {snippet.name!r}")


def init_var(snippet: str | VarInitSnippet, params: Values = None) -> VarInit:
    """Initialise a variable with a snippet, or with the built-in snippet of that name."""
    return VarInit(resolve(snippet, VAR_INIT_SNIPPETS, VarInitSnippet), params)


def init_weight_update(
    snippet: str | WeightUpdateModel,
    params: Values = None,
    vars: Values = None,
    pre_vars: Values = None,
    post_vars: Values = None,
    pre_var_refs: Values = None,
    post_var_refs: Values = None,
    psm_var_refs: Values = None,
) -> WeightUpdateInit:
    """Give a weight update model its values.

    Parameters
    ----------
    snippet
        Model, or name of a built-in one.
    params
        Values of parameters.
    vars, pre_vars, post_vars
        Initial values of variables: a number, an array, an initialiser, or ``None`` to leave them
        to be set later.
    pre_var_refs, post_var_refs, psm_var_refs
        For each reference, the name of a variable of the source population, the target population
        or the postsynaptic model, or a reference to it.
    """
    model = resolve(snippet, WEIGHT_UPDATE_MODELS, WeightUpdateModel)
    return WeightUpdateInit(
        model, params, vars, pre_vars, post_vars, pre_var_refs, post_var_refs, psm_var_refs
    )


def init_postsynaptic(
    snippet: str | PostsynapticModel,
    params: Values = None,
    vars: Values = None,
    var_refs: Values = None,
) -> PostsynapticInit:
    """Give a postsynaptic model its values; ``var_refs`` name variables of the target."""
    model = resolve(snippet, POSTSYNAPTIC_MODELS, PostsynapticModel)
    return PostsynapticInit(model, params, vars, var_refs)


def init_sparse_connectivity(
    snippet: str | SparseConnectInitSnippet, params: Values = None
) -> SparseConnectivityInit:
    """Initialise sparse connectivity with a snippet, or with the built-in one of that name."""
    return SparseConnectivityInit(
        resolve(snippet, SPARSE_CONNECT_SNIPPETS, SparseConnectInitSnippet), params
    )


def init_toeplitz_connectivity(
    init_toeplitz_connect_snippet: str | ToeplitzConnectInitSnippet, params: Values = None
) -> ToeplitzConnectivityInit:
    """Initialise Toeplitz connectivity with a snippet, or with the built-in one of that name."""
    return ToeplitzConnectivityInit(
        resolve(
            init_toeplitz_connect_snippet, TOEPLITZ_CONNECT_SNIPPETS, ToeplitzConnectInitSnippet
        ),
        params,
    )
