"""Convolution and pooling equal plain numpy, in every way of storing them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.compilers.matrix_type import SupportedMatrixType
from mlgenn_rs.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Conv2DTranspose,
)
from mlgenn_rs.engine import SynapseMatrixType
from mlgenn_rs.neurons import BinarySpikeInput, IntegrateFire

SPARSE, DENSE = SynapseMatrixType.SPARSE, SynapseMatrixType.DENSE
TOEPLITZ, KERNEL = SynapseMatrixType.TOEPLITZ, SynapseMatrixType.PROCEDURAL_KERNELG
PROCEDURAL, DENSE_PROCEDURAL = SynapseMatrixType.PROCEDURAL, SynapseMatrixType.DENSE_PROCEDURALG

Pair = tuple[int, int]

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
# Output channels that lie side by side are added together from four on.
filter_counts = st.sampled_from([1, 2, 3, 5, 8, 17])
paddings = st.sampled_from(["valid", "same"])
forms = st.sampled_from([SPARSE, KERNEL, TOEPLITZ])
inputs = st.tuples(
    st.integers(1, 3), st.integers(3, 7), st.integers(3, 7), st.integers(1, 3)
).flatmap(lambda shape: st.builds(lambda seed: spikes(shape, seed), st.integers(0, 99)))

check = settings(max_examples=60, deadline=None, derandomize=True)


def spikes(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return random zeros and ones, one example per row."""
    return (np.random.default_rng(seed).random(shape) < 0.4).astype(np.float32)


def weights(*shape: int) -> np.ndarray:
    """Return weights of a shape that all differ."""
    return np.random.default_rng(shape).normal(size=shape)


def windows(size: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Return the number of windows along an axis, and the zeros before it, as TensorFlow does."""
    if padding == "valid":
        return (size - kernel) // stride + 1, 0
    count = -(-size // stride)
    return count, max((count - 1) * stride + kernel - size, 0) // 2


def convolve(x: np.ndarray, k: np.ndarray, strides: Pair, padding: str) -> np.ndarray:
    """Return the convolution of examples (height, width, channels)."""
    (rows, top), (cols, left) = (
        windows(x.shape[1 + axis], k.shape[axis], strides[axis], padding) for axis in (0, 1)
    )
    far = max(k.shape[:2]) + max(strides)
    x = np.pad(x, ((0, 0), (top, far), (left, far), (0, 0)))
    out = np.zeros((len(x), rows, cols, k.shape[3]))
    for row in range(rows):
        for col in range(cols):
            first, second = row * strides[0], col * strides[1]
            window = x[:, first : first + k.shape[0], second : second + k.shape[1]]
            out[:, row, col] = np.einsum("nrci,rcio->no", window, k)
    return out


def transposed(x: np.ndarray, k: np.ndarray, strides: Pair, padding: str) -> np.ndarray:
    """Return the transposed convolution of examples (height, width, channels)."""
    _, height, width, _ = x.shape
    full = np.zeros(
        (
            len(x),
            (height - 1) * strides[0] + k.shape[0] + strides[0],
            (width - 1) * strides[1] + k.shape[1] + strides[1],
            k.shape[2],
        )
    )
    for row, col in np.ndindex(height, width):
        first, second = row * strides[0], col * strides[1]
        full[:, first : first + k.shape[0], second : second + k.shape[1]] += np.einsum(
            "ni,rcoi->nrco", x[:, row, col], k
        )
    (_, top), (_, left) = (
        windows(x.shape[1 + axis], k.shape[axis], strides[axis], padding) for axis in (0, 1)
    )
    if padding == "same":
        shape = (height * strides[0], width * strides[1])
    else:
        shape = tuple(
            n * s + max(k - s, 0)
            for n, s, k in zip((height, width), strides, k.shape[:2], strict=True)
        )
    far = shape[0] + shape[1]
    full = np.pad(full, ((0, 0), (0, far), (0, far), (0, 0)))
    return full[:, top : top + shape[0], left : left + shape[1]]


def pool(x: np.ndarray, size: Pair, strides: Pair) -> np.ndarray:
    """Return the mean of windows that lie inside of examples (height, width, channels)."""
    (rows, _), (cols, _) = (
        windows(x.shape[1 + axis], size[axis], strides[axis], "valid") for axis in (0, 1)
    )
    out = np.zeros((len(x), rows, cols, x.shape[3]))
    for row, col in np.ndindex(rows, cols):
        first, second = row * strides[0], col * strides[1]
        window = x[:, first : first + size[0], second : second + size[1]]
        out[:, row, col] = window.mean(axis=(1, 2))
    return out


def run(x: np.ndarray, connectivity: Any, form: SynapseMatrixType) -> np.ndarray:
    """Return what one timestep of spikes delivers through a connection stored in a form."""
    with Network() as net:
        source = Population(BinarySpikeInput(), x.shape[1:])
        target = Population(IntegrateFire(v_thresh=1e9, readout="var"))
        if isinstance(connectivity, AvgPoolDense2D):
            target.shape = (connectivity.weight.shape[1],)
        connection = Connection(source, target, connectivity)
    compiler = InferenceCompiler(2, batch_size=len(x), backend="cpu")
    compiler.supported_matrix_type = SupportedMatrixType([form])
    compiled = compiler.compile(net)
    assert compiled.connection_populations[connection].matrix_type == form
    with compiled:
        outputs, _ = compiled.predict({source: x}, [target], [])
    return np.asarray(outputs[target])


def compare(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual.reshape(expected.shape), expected, atol=1e-4)


def fits(x: np.ndarray, kernel: Pair, padding: str, form: SynapseMatrixType) -> bool:
    """Whether a kernel is no larger than its input, and can be stored in a form."""
    even = kernel[0] % 2 == 0 or kernel[1] % 2 == 0
    inside = x.shape[1] >= kernel[0] and x.shape[2] >= kernel[1]
    return inside and not (form is TOEPLITZ and padding == "same" and even)


@check
@given(inputs, pairs, pairs, filter_counts, paddings, forms)
def test_convolution(
    x: np.ndarray, kernel: Pair, strides: Pair, filters: int, padding: str, form: Any
) -> None:
    if form is TOEPLITZ:
        strides = (1, 1)
    assume(fits(x, kernel, padding, form))
    k = weights(*kernel, x.shape[3], filters)
    connectivity = Conv2D(k, filters, kernel, conv_strides=strides, conv_padding=padding)
    compare(run(x, connectivity, form), convolve(x, k, strides, padding))


@check
@given(inputs, pairs, pairs, filter_counts, paddings, st.sampled_from([SPARSE, KERNEL]))
def test_transposed_convolution(
    x: np.ndarray, kernel: Pair, strides: Pair, filters: int, padding: str, form: Any
) -> None:
    k = weights(*kernel, filters, x.shape[3])
    connectivity = Conv2DTranspose(k, filters, kernel, conv_strides=strides, conv_padding=padding)
    compare(run(x, connectivity, form), transposed(x, k, strides, padding))


@check
@given(inputs, pairs, pairs, pairs, filter_counts, paddings, forms)
def test_pooled_convolution(
    x: np.ndarray,
    size: Pair,
    gap: Pair,
    kernel: Pair,
    filters: int,
    padding: str,
    form: Any,
) -> None:
    strides = (size[0] + gap[0] - 1, size[1] + gap[1] - 1)
    pooled = pool(x, size, strides)
    assume(fits(pooled, kernel, padding, form))
    k = weights(*kernel, x.shape[3], filters)
    connectivity = AvgPoolConv2D(
        k, filters, size, kernel, pool_strides=strides, conv_padding=padding
    )
    compare(run(x, connectivity, form), convolve(pooled, k, (1, 1), padding))


@check
@given(inputs, pairs, pairs, st.sampled_from([SPARSE, PROCEDURAL]))
def test_pooling(x: np.ndarray, size: Pair, gap: Pair, form: Any) -> None:
    strides = (size[0] + gap[0] - 1, size[1] + gap[1] - 1)
    connectivity = AvgPool2D(size, pool_strides=strides)
    compare(run(x, connectivity, form), pool(x, size, strides))


@check
@given(inputs, pairs, pairs, st.integers(1, 5), st.sampled_from([DENSE, DENSE_PROCEDURAL]))
def test_pooled_dense(x: np.ndarray, size: Pair, gap: Pair, targets: int, form: Any) -> None:
    strides = (size[0] + gap[0] - 1, size[1] + gap[1] - 1)
    pooled = pool(x, size, strides).reshape(len(x), -1)
    w = weights(pooled.shape[1], targets)
    compare(run(x, AvgPoolDense2D(w, size, pool_strides=strides), form), pooled @ w)
