"""Snippets: code that initialises variables and connectivity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .code import CodeLike, prepare
from .declarations import parse_derived_params, parse_egps, parse_params
from .errors import ModelError
from .models import Declarations, Model

LengthFunc = Callable[[int, int, Any], float]
"""Function of the sizes of source and target and of the parameters that bounds a length."""

KernelSizeFunc = Callable[[Any], Sequence[float]]
"""Function of the parameters that gives the shape of the kernel."""


@dataclass(frozen=True)
class VarInitSnippet(Model):
    """Code that assigns ``value`` for one element of a variable."""

    code: str = ""


@dataclass(frozen=True)
class ConnectInitSnippet(Model):
    """What snippets for connectivity share: bounds of rows and shape of the kernel."""

    calc_max_row_len_func: LengthFunc | None = None
    calc_kernel_size_func: KernelSizeFunc | None = None

    def max_row_length(self, num_pre: int, num_post: int, params: Mapping[str, Any]) -> int:
        """Return the length of the longest possible row."""
        if self.calc_max_row_len_func is None:
            return num_post
        return _length(self.calc_max_row_len_func, num_pre, num_post, params, self.name, "row")

    def kernel_size(self, params: Mapping[str, Any]) -> list[int]:
        """Return the shape of the kernel; empty if there is none."""
        if self.calc_kernel_size_func is None:
            return []
        return [int(size) for size in self.calc_kernel_size_func(params)]

    def _describe_model(self, *functions: str) -> dict[str, Any]:
        description = self.describe()
        for name in ("calc_max_row_len_func", "calc_kernel_size_func", *functions):
            del description[name]
        return description


@dataclass(frozen=True)
class SparseConnectInitSnippet(ConnectInitSnippet):
    """Code that adds the synapses of one row or column."""

    calc_max_col_len_func: LengthFunc | None = None
    row_build_code: str = ""
    col_build_code: str = ""

    def max_col_length(self, num_pre: int, num_post: int, params: Mapping[str, Any]) -> int:
        """Return the length of the longest possible column."""
        if self.calc_max_col_len_func is None:
            return num_pre
        return _length(self.calc_max_col_len_func, num_pre, num_post, params, self.name, "column")

    def describe_for(
        self, num_pre: int, num_post: int, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the description handed to the engine, for populations of the given sizes."""
        return {
            **self._describe_model("calc_max_col_len_func"),
            "max_row_length": self.max_row_length(num_pre, num_post, params),
            "max_col_length": self.max_col_length(num_pre, num_post, params),
            "kernel_size": self.kernel_size(params),
        }


@dataclass(frozen=True)
class ToeplitzConnectInitSnippet(ConnectInitSnippet):
    """Code that computes the synapses of one diagonal when they are used."""

    diagonal_build_code: str = ""

    def describe_for(
        self, num_pre: int, num_post: int, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the description handed to the engine, for populations of the given sizes."""
        description = self._describe_model()
        del description["extra_global_params"]
        return {
            **description,
            "max_row_length": self.max_row_length(num_pre, num_post, params),
            "kernel_size": self.kernel_size(params),
        }


def _length(
    func: LengthFunc, num_pre: int, num_post: int, params: Mapping[str, Any], name: str, what: str
) -> int:
    length = int(func(num_pre, num_post, params))
    if length < 0:
        raise ModelError(
            f"snippet {name!r}: the {what} length function returned {length}; it must not be "
            f"negative"
        )
    return length


def create_var_init_snippet(
    class_name: str,
    params: Declarations = None,
    derived_params: Declarations = None,
    var_init_code: CodeLike = None,
    extra_global_params: Declarations = None,
) -> VarInitSnippet:
    """Create a snippet for variables; ``var_init_code`` assigns ``value`` for one element."""
    return VarInitSnippet(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        code=prepare(var_init_code, class_name, "var_init_code"),
    )


def create_sparse_connect_init_snippet(
    class_name: str,
    params: Declarations = None,
    derived_params: Declarations = None,
    row_build_code: CodeLike = None,
    col_build_code: CodeLike = None,
    calc_max_row_len_func: LengthFunc | None = None,
    calc_max_col_len_func: LengthFunc | None = None,
    calc_kernel_size_func: KernelSizeFunc | None = None,
    extra_global_params: Declarations = None,
) -> SparseConnectInitSnippet:
    """Create a snippet for sparse connectivity.

    Parameters
    ----------
    class_name
        Name, for messages.
    params, derived_params, extra_global_params
        As for models.
    row_build_code
        Code that calls ``addSynapse(id_post[, kernel indices...])`` for one row.
    col_build_code
        Code that calls ``addSynapse(id_pre)`` for one column; instead of ``row_build_code``.
    calc_max_row_len_func, calc_max_col_len_func
        ``function(num_pre, num_post, params)`` bounding rows and columns; without them, rows are
        as long as the target and columns as long as the source.
    calc_kernel_size_func
        ``function(params)`` giving the shape of the kernel that the indices refer to.
    """
    if row_build_code and col_build_code:
        raise ModelError(
            f"snippet {class_name!r}: give either row_build_code or col_build_code, not both"
        )
    return SparseConnectInitSnippet(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        extra_global_params=parse_egps(extra_global_params, class_name),
        calc_max_row_len_func=calc_max_row_len_func,
        calc_max_col_len_func=calc_max_col_len_func,
        calc_kernel_size_func=calc_kernel_size_func,
        row_build_code=prepare(row_build_code, class_name, "row_build_code"),
        col_build_code=prepare(col_build_code, class_name, "col_build_code"),
    )


def create_toeplitz_connect_init_snippet(
    class_name: str,
    params: Declarations = None,
    derived_params: Declarations = None,
    diagonal_build_code: CodeLike = None,
    calc_max_row_len_func: LengthFunc | None = None,
    calc_kernel_size_func: KernelSizeFunc | None = None,
    extra_global_params: Declarations = None,
) -> ToeplitzConnectInitSnippet:
    """Create a snippet for Toeplitz connectivity.

    ``diagonal_build_code`` runs per diagonal and contains ``for_each_synapse``, inside which
    ``addSynapse(id_post, kernel indices...)`` delivers a synapse.  Both functions are needed.
    """
    if calc_max_row_len_func is None or calc_kernel_size_func is None:
        raise ModelError(
            f"snippet {class_name!r}: Toeplitz connectivity needs calc_max_row_len_func and "
            f"calc_kernel_size_func"
        )
    if extra_global_params:
        raise ModelError(
            f"snippet {class_name!r}: Toeplitz connectivity cannot have extra global parameters"
        )
    return ToeplitzConnectInitSnippet(
        name=class_name,
        params=parse_params(params, class_name),
        derived_params=parse_derived_params(derived_params, class_name),
        calc_max_row_len_func=calc_max_row_len_func,
        calc_kernel_size_func=calc_kernel_size_func,
        diagonal_build_code=prepare(diagonal_build_code, class_name, "diagonal_build_code"),
    )
