"""Convolution and pooling: inferred shapes and results against golden values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKENDS

from mlgenn_rs import Connection, Network, Population, connectivity
from mlgenn_rs.neurons import BinarySpikeInput, IntegrateFire

from .support import load_golden, run_inference

KINDS = {
    "c01_conv_valid": "Conv2D",
    "c02_conv_same": "Conv2D",
    "c03_conv_same_stride2": "Conv2D",
    "c04_conv_valid_stride": "Conv2D",
    "c05_conv_same_even": "Conv2D",
    "c06_convT_valid": "Conv2DTranspose",
    "c07_convT_same": "Conv2DTranspose",
    "c08_convT_same1": "Conv2DTranspose",
    "c09_avgpoolconv": "AvgPoolConv2D",
    "c10_avgpoolconv_same": "AvgPoolConv2D",
    "c11_avgpooldense": "AvgPoolDense2D",
    "c12_avgpool": "AvgPool2D",
}


def build(case: Any, **changes: Any) -> Any:
    args = {**case["params"], **changes}
    if "weight" in case["inputs"]:
        args.setdefault("weight", np.asarray(case["inputs"]["weight"]))
    return getattr(connectivity, KINDS[case["id"]])(**args)


def connect(conn: Any, source: Any, target: Any = None) -> tuple[Network, Connection]:
    with Network() as net:
        a = Population("integrate_fire", source)
        b = Population("integrate_fire", target)
        connection = Connection(a, b, conn)
    return net, connection


@pytest.mark.parametrize("name", KINDS)
def test_shapes(name: str) -> None:
    case = load_golden(name)
    shape = np.shape(case["inputs"]["x"])[1:]
    expected = tuple(case["outputs"]["output_shape"])
    net, connection = connect(build(case), shape)
    assert connection.target().shape == expected
    assert net.connections == [connection]
    connect(build(case), shape, expected)
    with pytest.raises(RuntimeError, match="shape"):
        connect(build(case), shape, (1, *expected))
    if "filters" in case["params"]:
        net, connection = connect(build(case, flatten=True), shape)
        assert connection.target().shape == (int(np.prod(expected)),)
        assert connection.connectivity.output_shape == expected
        with pytest.raises(RuntimeError, match="weights must have the shape"):
            connect(build(case, weight=np.ones((2, 2, 9, 9))), shape)
        with pytest.raises(ValueError, match="height, width, channels"):
            connect(build(case), (4, 4))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_results(name: str, in_memory: bool, backend: str) -> None:
    case = load_golden(name)
    x = np.asarray(case["inputs"]["x"])
    outputs = case["outputs"]
    expected = outputs.get("readout", outputs.get("readout_prefer_in_memory_True"))
    net = Network()
    with net:
        source = Population(BinarySpikeInput(), x.shape[1:])
        target = Population(IntegrateFire(v_thresh=1e9, readout="var"))
        Connection(source, target, build(case))

    readout, _ = run_inference(
        net,
        {source: x},
        target,
        {},
        evaluate_timesteps=2,
        backend=backend,
        prefer_in_memory_connect=in_memory,
    )
    np.testing.assert_allclose(readout, expected, atol=1e-5)
