"""What the two-dimensional kinds of connectivity share: sizes, padding, kernels."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..initializers import Normal, Uniform
from ..initializers.initializer import Initializer
from .snippet import InitializerSnippet
from .value import is_value_array, is_value_constant

if TYPE_CHECKING:
    from ..population import Population

Param2D: TypeAlias = "int | Sequence[int] | None"
Shape3D: TypeAlias = "tuple[int, int, int]"


class PadMode(Enum):
    """How a convolution treats the border."""

    VALID = "valid"
    """Only positions at which the kernel lies inside the input."""
    SAME = "same"
    """Zeros around the input; with stride 1 the output is as large as the input."""


class KernelInit(Initializer):
    """Copy the weight of every synapse from a kernel that all positions share.

    Parameters
    ----------
    kernel
        Array in the shape of the connectivity's kernel, or flat in C order.
    """

    def __init__(self, kernel: npt.ArrayLike) -> None:
        self.kernel = np.asarray(kernel)

    def get_snippet(self) -> InitializerSnippet:
        """Return the engine snippet."""
        return InitializerSnippet("Kernel", {}, {"kernel": self.kernel.flatten()})

    def __repr__(self) -> str:
        """Return the shape as text."""
        return f"(KernelInit) Shape: {self.kernel.shape}"


def get_param_2d(
    name: str, param: Param2D, default: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return an integer or a pair as a pair (vertical, horizontal).

    Raises
    ------
    ValueError
        If the parameter is missing and has no default, is a sequence of another length, or is not
        positive.
    TypeError
        If it is something else.
    """
    if param is None:
        if default is None:
            raise ValueError(f"{name}: expected an integer or a pair of integers, got None")
        return default
    if isinstance(param, int | np.integer):
        pair: tuple[Any, ...] = (param, param)
    elif isinstance(param, list | tuple):
        pair = tuple(param)
    else:
        raise TypeError(f"{name}: expected an integer or a pair of integers, got {param!r}")
    if len(pair) != 2:
        raise ValueError(f"{name}: expected two values (vertical, horizontal), got {param!r}")
    if not all(isinstance(p, int | np.integer) for p in pair):
        raise TypeError(f"{name}: expected integers, got {param!r}")
    if min(pair) < 1:
        raise ValueError(f"{name}: expected values of at least 1, got {param!r}")
    return (int(pair[0]), int(pair[1]))


def get_conv_same_padding(in_size: int, conv_size: int, stride: int) -> int:
    """Return the rows or columns of zeros before the input in "same" mode.

    An odd total is completed after the input (bottom and right).
    """
    if in_size % stride == 0:
        return max(conv_size - stride, 0) // 2
    return max(conv_size - in_size % stride, 0) // 2


def get_shape_3d(name: str, population: Population) -> Shape3D:
    """Return a shape (height, width, channels); :class:`ValueError` if it is none."""
    shape = population.shape
    if shape is None or len(shape) != 3:
        raise ValueError(
            f"{name}: population '{population}' must have the shape (height, width, channels), "
            f"but has {shape}"
        )
    return (int(shape[0]), int(shape[1]), int(shape[2]))


def get_valid_size(in_size: int, size: int, stride: int) -> int:
    """Return how many windows of a size fit into an input: ceil((in - size + 1) / stride)."""
    return -((in_size - size + 1) // -stride)


def get_conv_output(
    in_size: tuple[int, int], size: tuple[int, int], strides: tuple[int, int], padding: PadMode
) -> tuple[int, int]:
    """Return the height and width that a convolution gives."""
    if padding is PadMode.SAME:
        return (-(in_size[0] // -strides[0]), -(in_size[1] // -strides[1]))
    return (
        get_valid_size(in_size[0], size[0], strides[0]),
        get_valid_size(in_size[1], size[1], strides[1]),
    )


def get_conv_padding(
    in_size: tuple[int, int], size: tuple[int, int], strides: tuple[int, int], padding: PadMode
) -> tuple[int, int]:
    """Return the rows and columns of zeros before the input."""
    if padding is PadMode.VALID:
        return (0, 0)
    return (
        get_conv_same_padding(in_size[0], size[0], strides[0]),
        get_conv_same_padding(in_size[1], size[1], strides[1]),
    )


def update_target_shape(
    target: Population, output_shape: tuple[int, ...], flatten_out: bool
) -> None:
    """Give a population the shape that connectivity produces, or check that it has it.

    Raises
    ------
    RuntimeError
        If the population has another shape.
    """
    if min(output_shape) < 1:
        raise RuntimeError(
            f"population '{target}': the connectivity would give the shape {output_shape}; the "
            f"kernel or pool is larger than its input"
        )
    shape = (prod(output_shape),) if flatten_out else tuple(output_shape)
    if target.shape is None:
        target.shape = shape
    elif tuple(target.shape) != shape:
        raise RuntimeError(
            f"population '{target}' has the shape {tuple(target.shape)}, but the connectivity "
            f"gives {shape}"
        )


def check_kernel_shape(name: str, weight: Any, shape: tuple[int, ...]) -> None:
    """Raise :class:`RuntimeError` if an array of weights does not have the kernel's shape."""
    if is_value_array(weight) and np.shape(weight) != shape:
        raise RuntimeError(f"{name}: weights must have the shape {shape}, got {np.shape(weight)}")


def scale_weight(name: str, weight: Any, factor: float) -> Any:
    """Multiply weights by a factor, before they are drawn if they come from an initialiser."""
    if is_value_array(weight) or is_value_constant(weight):
        return weight * factor
    if isinstance(weight, Normal):
        return Normal(weight.mean * factor, weight.sd * factor)
    if isinstance(weight, Uniform):
        return Uniform(weight.min * factor, weight.max * factor)
    raise NotImplementedError(
        f"{name}: weights must be a number, an array, Normal or Uniform, got {weight!r}"
    )


def expand_kernel(
    name: str, value: Any, kernel_shape: tuple[int, ...], shared: bool, what: str = "weight"
) -> Any:
    """Return weights or delays in the form that a kind of storage takes.

    Parameters
    ----------
    name
        Kind of connectivity, for messages.
    value
        Number, initialiser or array: one element per kernel element, or (flat, not shared) one per
        synapse in row order, as checkpoints of individually stored weights hold.
    kernel_shape
        Shape of the kernel.
    shared
        Whether synapses share the kernel in storage.
    what
        What the value is, ``"weight"`` or ``"delay"``; delays are rounded to timesteps.
    """
    if not is_value_array(value):
        return value
    value = np.round(value) if what == "delay" else np.asarray(value)
    if value.shape == kernel_shape or value.shape == (prod(kernel_shape),):
        return value.flatten() if shared else KernelInit(value)
    if shared or value.ndim != 1:
        raise RuntimeError(
            f"{name}: {what} must have the shape {kernel_shape} (or be flat with as many "
            f"elements), got {value.shape}"
        )
    return value


def get_pool_sizes(
    name: str, pool_size: Param2D, pool_strides: Param2D
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return size and strides of pooling; :class:`NotImplementedError` if pools overlap."""
    size = get_param_2d("pool_size", pool_size)
    strides = get_param_2d("pool_strides", pool_strides, default=size)
    if strides[0] < size[0] or strides[1] < size[1]:
        raise NotImplementedError(
            f"{name}: pools must not overlap, but strides {strides} are smaller than pools {size}"
        )
    return size, strides


def get_pool_output(
    in_size: tuple[int, int], size: tuple[int, int], strides: tuple[int, int]
) -> tuple[int, int]:
    """Return the height and width that pooling gives."""
    return (
        get_valid_size(in_size[0], size[0], strides[0]),
        get_valid_size(in_size[1], size[1], strides[1]),
    )


def get_pool_params(size: tuple[int, int], strides: tuple[int, int]) -> dict[str, int]:
    """Return size and strides of pooling as parameters of snippets."""
    return {
        "pool_kh": size[0],
        "pool_kw": size[1],
        "pool_sh": strides[0],
        "pool_sw": strides[1],
    }
