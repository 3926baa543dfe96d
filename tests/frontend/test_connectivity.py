"""Connectivity: shapes, storage and golden results of running it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    FixedProbability,
    OneToOne,
)
from mlgenn_rs.engine import SynapseMatrixType
from mlgenn_rs.initializers import Normal, Wrapper
from mlgenn_rs.utils.connectivity import KernelInit, PadMode, get_param_2d

from .support import Preferences

SPARSE, DENSE = SynapseMatrixType.SPARSE, SynapseMatrixType.DENSE
TOEPLITZ, KERNEL = SynapseMatrixType.TOEPLITZ, SynapseMatrixType.PROCEDURAL_KERNELG
PROCEDURAL, DENSE_PROCEDURAL = SynapseMatrixType.PROCEDURAL, SynapseMatrixType.DENSE_PROCEDURALG


def connect(conn: Any, source: Any = None, target: Any = None) -> tuple[Network, Connection]:
    with Network() as net:
        a = Population("integrate_fire", source)
        b = Population("integrate_fire", target)
        connection = Connection(a, b, conn)
    return net, connection


def get_snippet(conn: Any, preferences: Any, source: Any = None, target: Any = None) -> Any:
    net, connection = connect(conn, source, target)
    snippet = connection.connectivity.get_snippet(connection, Preferences(*preferences))
    assert net.populations
    return snippet


def test_dense() -> None:
    net, connection = connect(Dense(np.ones((2, 3))))
    assert (connection.source().shape, connection.target().shape) == ((2,), (3,))
    assert net.populations
    _, connection = connect(Dense(1.0), (2, 2), None)
    for source, target in (((2, 1), None), (None, (4,)), ((3,), None)):
        with pytest.raises(RuntimeError, match="Dense"):
            connect(Dense(np.ones((2, 3))), source, target)
    with pytest.raises(NotImplementedError):
        connect(Dense(np.ones(3)))
    snippet = get_snippet(Dense(Normal(), 2), [SPARSE, DENSE], (2, 2), 3)
    assert snippet.matrix_type == DENSE and snippet.snippet is None and snippet.delay == 2
    assert snippet.trainable
    with pytest.raises(NotImplementedError, match="DENSE"):
        get_snippet(Dense(1.0), [SPARSE], 2, 3)
    with pytest.raises(RuntimeError, match="delay has 2"):
        get_snippet(Dense(1.0, [1, 2]), [DENSE], 2, 3)
    with pytest.raises(RuntimeError, match="same shape"):
        Dense(np.ones((2, 3)), np.ones((3, 2)))


def test_one_to_one() -> None:
    _, connection = connect(OneToOne(1.0), (2, 3))
    net, connection = connect(OneToOne(1.0), (2, 3))
    assert connection.target().shape == (2, 3) and net.populations
    with pytest.raises(RuntimeError, match="shape"):
        connect(OneToOne(1.0), (2, 3), 6)
    assert get_snippet(OneToOne(1.0), [PROCEDURAL, SPARSE], 3).matrix_type == PROCEDURAL
    assert get_snippet(OneToOne([1, 2, 3]), [PROCEDURAL, SPARSE], 3).matrix_type == SPARSE
    with pytest.raises(RuntimeError, match="3 synapses"):
        get_snippet(OneToOne([1, 2]), [SPARSE], 3)


def test_fixed_probability() -> None:
    snippet = get_snippet(FixedProbability(0.25, 1.0), [SPARSE], 4, 5)
    assert snippet.snippet.snippet.name == "FixedProbability"
    for allow, name in ((False, "FixedProbabilityNoAutapse"), (True, "FixedProbability")):
        with Network() as net:
            pop = Population("integrate_fire", 5)
            conn = Connection(pop, pop, FixedProbability(1.0, 1.0, allow))
        snippet = conn.connectivity.get_snippet(conn, Preferences(SPARSE))
        assert snippet.snippet.snippet.name == name and net.populations
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            FixedProbability(p, 1.0)
    with pytest.raises(RuntimeError, match="number"):
        FixedProbability("0.5", 1.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="explicit pre_ind"):
        get_snippet(FixedProbability(0.5, np.ones(3)), [SPARSE], 4, 5)
    assert get_snippet(FixedProbability(0.0, 1.0), [SPARSE], 4, 5).matrix_type == SPARSE


def test_explicit_indices() -> None:
    net, connection = connect(OneToOne([1.0, 2.0]), 3)
    conn: Any = connection.connectivity
    conn.pre_ind, conn.post_ind = [2, 0], [1, 1]
    snippet = conn.get_snippet(connection, Preferences(PROCEDURAL, SPARSE))
    assert snippet.matrix_type == SPARSE and snippet.snippet is None
    assert snippet.pre_ind.tolist() == [2, 0] and snippet.post_ind.tolist() == [1, 1]
    for pre, post in (
        ([2, 0], None),
        ([2, 0], 1),
        ([2, 0], [1]),
        ([2, 3], [1, 1]),
        ([2, 0], [-1, 1]),
        ([0.5, 1.0], [1, 1]),
        ([0, 1, 2], [0, 1, 2]),
    ):
        conn.pre_ind, conn.post_ind = pre, post
        with pytest.raises(RuntimeError, match="OneToOne"):
            conn.get_snippet(connection, Preferences(SPARSE))
    assert net.populations


def test_convolution_storage() -> None:
    weight = np.arange(18.0).reshape(3, 3, 1, 2)
    everything = [TOEPLITZ, KERNEL, SPARSE]
    toeplitz = get_snippet(Conv2D(weight, 2, 3), everything, (5, 5, 1))
    assert toeplitz.matrix_type == TOEPLITZ and toeplitz.weight.tolist() == list(range(18))
    strided = get_snippet(Conv2D(weight, 2, 3, conv_strides=2), everything, (5, 5, 1))
    assert strided.matrix_type == KERNEL
    even = Conv2D(1.0, 2, 4, conv_padding="same")
    assert get_snippet(even, everything, (5, 5, 1)).matrix_type == KERNEL
    sparse = get_snippet(Conv2D(weight, 2, 3, delay=weight), [SPARSE], (5, 5, 1))
    assert isinstance(sparse.weight, KernelInit) and isinstance(sparse.delay, KernelInit)
    assert get_snippet(Conv2D(0.5, 2, 3), [SPARSE], (5, 5, 1)).weight == 0.5
    with pytest.raises(NotImplementedError, match="TOEPLITZ"):
        get_snippet(Conv2D(1.0, 2, 3), [DENSE], (5, 5, 1))
    transposed = Conv2DTranspose(1.0, 2, 3)
    assert get_snippet(transposed, everything, (5, 5, 1)).matrix_type == KERNEL


def test_checkpointed_convolution_weights() -> None:
    net, connection = connect(Conv2D(np.ones((3, 3, 1, 1)), 1, 3), (4, 4, 1))
    conn: Any = connection.connectivity
    conn.weight = np.arange(9.0)
    assert isinstance(conn.get_snippet(connection, Preferences(SPARSE)).weight, KernelInit)
    conn.weight = np.arange(36.0)
    assert conn.get_snippet(connection, Preferences(SPARSE)).weight.shape == (36,)
    with pytest.raises(RuntimeError, match="Conv2D: weight"):
        conn.get_snippet(connection, Preferences(TOEPLITZ))
    assert net.populations


def test_pooling() -> None:
    pool = get_snippet(AvgPool2D((2, 1)), [SPARSE], (4, 4, 2))
    assert pool.weight == 0.5 and not pool.trainable
    fused = AvgPoolConv2D(np.ones((3, 3, 1, 2)), 2, 2, 3)
    assert get_snippet(fused, [TOEPLITZ], (8, 8, 1)).weight.tolist() == [0.25] * 18
    constant = get_snippet(AvgPoolConv2D(1.0, 2, 2, 3), [SPARSE], (8, 8, 1))
    assert constant.weight == 0.25
    drawn = get_snippet(AvgPoolConv2D(Normal(4.0, 2.0), 2, 2, 3), [SPARSE], (8, 8, 1))
    assert (drawn.weight.mean, drawn.weight.sd) == (1.0, 0.5)
    with pytest.raises(NotImplementedError, match="Normal or Uniform"):
        get_snippet(AvgPoolConv2D(Wrapper("Gamma"), 2, 2, 3), [SPARSE], (8, 8, 1))

    dense = AvgPoolDense2D(np.ones((4, 3)), 2)
    snippet = get_snippet(dense, [DENSE_PROCEDURAL, DENSE], (4, 4, 1))
    assert snippet.matrix_type == DENSE_PROCEDURAL
    assert snippet.weight.egp_vals["weight"].tolist() == [0.25] * 12
    constant = get_snippet(AvgPoolDense2D(2.0, 2), [DENSE], (4, 4, 1), 3)
    assert constant.weight.egp_vals["weight"].tolist() == [0.5] * 12
    with pytest.raises(NotImplementedError, match="number or an array"):
        get_snippet(AvgPoolDense2D(Normal(), 2), [DENSE], (4, 4, 1), 3)
    with pytest.raises(RuntimeError, match="4 rows"):
        connect(AvgPoolDense2D(np.ones((5, 3)), 2), (4, 4, 1))
    with pytest.raises(NotImplementedError, match="pool outputs"):
        connect(AvgPoolDense2D(np.ones(4), 2), (4, 4, 1))


def test_constructor_errors() -> None:
    for build_pool in (
        lambda: AvgPool2D(3, pool_strides=2),
        lambda: AvgPoolConv2D(1.0, 1, (2, 3), 1, pool_strides=2),
        lambda: AvgPoolDense2D(1.0, 3, (3, 2)),
    ):
        with pytest.raises(NotImplementedError, match="overlap"):
            build_pool()
    with pytest.raises(NotImplementedError, match="delays"):
        AvgPool2D(2, delay=[1, 2])
    with pytest.raises(NotImplementedError, match="strides"):
        AvgPoolConv2D(1.0, 1, 2, 2, conv_strides=2)
    with pytest.raises(ValueError, match="full"):
        Conv2D(1.0, 1, 2, conv_padding="full")
    with pytest.raises(RuntimeError, match="larger than its input"):
        connect(Conv2D(1.0, 1, 5), (4, 4, 1))


def test_pairs() -> None:
    assert get_param_2d("x", 3) == (3, 3)
    assert get_param_2d("x", [1, 2]) == (1, 2)
    assert get_param_2d("x", None, (4, 5)) == (4, 5)
    for bad in (None, (1, 2, 3), 0):
        with pytest.raises(ValueError, match="x"):
            get_param_2d("x", bad)
    for bad in ("a", 1.5, (1.5, 2)):
        with pytest.raises(TypeError, match="x"):
            get_param_2d("x", bad)  # type: ignore[arg-type]
    assert PadMode("same") is PadMode.SAME
