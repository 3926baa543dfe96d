"""Connectivity of a synapse group: none, explicit pairs, or a snippet; and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .arrays import AnyArray
from .builtin import SPARSE_CONNECT_SNIPPETS
from .enums import SynapseMatrixConnectivity, SynapseMatrixType, SynapseMatrixWeight
from .errors import ModelError
from .initialisers import SparseConnectivityInit, ToeplitzConnectivityInit, WeightUpdateInit
from .parameters import Parameters
from .snippets import ConnectInitSnippet, SparseConnectInitSnippet

ConnectivityInit = SparseConnectivityInit | ToeplitzConnectivityInit | None
"""What a synapse group takes as connectivity."""


def has(
    matrix_type: SynapseMatrixType, storage: SynapseMatrixConnectivity | SynapseMatrixWeight
) -> bool:
    """Return whether a matrix type stores connectivity or weights in a given way."""
    return bool(matrix_type & storage)


def check_matrix_type(
    matrix_type: SynapseMatrixType,
    connectivity: ConnectivityInit,
    weight_update: WeightUpdateInit,
    what: str,
) -> None:
    """Raise :class:`ModelError` if a matrix type cannot hold such connectivity and code."""
    model = weight_update.model
    name = matrix_type.name
    snippet = None if connectivity is None else connectivity.snippet
    is_code = snippet is not None and snippet is not SPARSE_CONNECT_SNIPPETS["Uninitialised"]

    def refuse(reason: str) -> None:
        raise ModelError(f"{what}: {reason}")

    if has(matrix_type, SynapseMatrixConnectivity.DENSE) and is_code:
        refuse(f"{name} connects all pairs; leave the connectivity out, or use SPARSE")
    if matrix_type is SynapseMatrixType.TOEPLITZ:
        if not isinstance(connectivity, ToeplitzConnectivityInit):
            refuse("TOEPLITZ needs a Toeplitz snippet; use init_toeplitz_connectivity")
    elif isinstance(connectivity, ToeplitzConnectivityInit):
        refuse(f"a Toeplitz snippet needs the matrix type TOEPLITZ, not {name}")
    if has(matrix_type, SynapseMatrixConnectivity.PROCEDURAL) and not (
        isinstance(snippet, SparseConnectInitSnippet) and snippet.row_build_code
    ):
        refuse(f"{name} needs a snippet with row_build_code")
    if has(
        matrix_type, SynapseMatrixConnectivity.PROCEDURAL | SynapseMatrixConnectivity.TOEPLITZ
    ) and (model.post_spike_syn_code or model.post_event_syn_code or model.synapse_dynamics_code):
        refuse(f"{name} supports presynaptic spikes and events only; use SPARSE or DENSE")
    if matrix_type is SynapseMatrixType.BITMASK:
        if model.vars:
            refuse("BITMASK stores no synapse variables; use parameters, or SPARSE")
        if model.post_spike_syn_code or model.post_event_syn_code or model.synapse_dynamics_code:
            refuse("BITMASK supports presynaptic spikes and events only; use SPARSE or DENSE")
    if (
        snippet is not None
        and snippet.calc_kernel_size_func is not None
        and matrix_type is SynapseMatrixType.BITMASK
    ):
        refuse("BITMASK cannot use a snippet with a kernel; use SPARSE")
    if matrix_type is SynapseMatrixType.PROCEDURAL_KERNELG and (
        snippet is None or snippet.calc_kernel_size_func is None
    ):
        refuse("PROCEDURAL_KERNELG needs a snippet with calc_kernel_size_func")


def is_uninitialised(connectivity: ConnectivityInit) -> bool:
    """Return whether connectivity is still to be given as pairs."""
    return connectivity is None or connectivity.snippet is SPARSE_CONNECT_SNIPPETS["Uninitialised"]


def describe_snippet(
    connectivity: SparseConnectivityInit | ToeplitzConnectivityInit,
    num_pre: int,
    num_post: int,
    dt: float,
) -> dict[str, Any]:
    """Return the description of connectivity built by a snippet."""
    params = connectivity.params
    is_sparse = isinstance(connectivity, SparseConnectivityInit)
    return {
        "kind": "sparse" if is_sparse else "toeplitz",
        "snippet": connectivity.snippet.describe_for(num_pre, num_post, params.values),
        "params": params.describe(dt),
    }


def max_row_length(
    snippet: ConnectInitSnippet, params: Parameters, num_pre: int, num_post: int
) -> int:
    """Return the bound of a row."""
    return snippet.max_row_length(num_pre, num_post, params.values)


def drawn_row_lengths(
    connectivity: ConnectivityInit, num_pre: int, num_post: int, seed: int, path: str
) -> Iterator[tuple[str, AnyArray]]:
    """Yield the row lengths that ``FixedNumberTotalWithReplacement`` needs at load.

    Lengths are multinomial; they are redrawn in the rare case that one exceeds the bound of a row.
    """
    if connectivity is None or connectivity.snippet.name != "FixedNumberTotalWithReplacement":
        return
    if connectivity.snippet is not SPARSE_CONNECT_SNIPPETS[connectivity.snippet.name]:
        return
    bound = max_row_length(connectivity.snippet, connectivity.params, num_pre, num_post)
    keys = [seed, *path.encode()] if seed else None
    generator = np.random.default_rng(keys)
    total = int(connectivity.params.values["num"])
    while True:
        lengths = generator.multinomial(total, np.full(num_pre, 1.0 / num_pre))
        if lengths.max(initial=0) <= bound:
            yield f"{path}.preCalcRowLength", lengths.astype(np.uint32)
            return
