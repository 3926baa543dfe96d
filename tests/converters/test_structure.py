"""Populations and connections that models become."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlgenn_rs.connectivity import AvgPoolConv2D, AvgPoolDense2D, Conv2D, Dense, OneToOne
from mlgenn_rs.keras.converters import FewSpike, Simple
from mlgenn_rs.neurons import BinarySpikeInput, IntegrateFire

from .models import conv, dense, keras, layers


def connections(net):
    return [
        (c.source().name, c.target().name, type(c.connectivity).__mro__) for c in net.connections
    ]


def check(net, expected):
    found = connections(net)
    assert [f[:2] for f in found] == [e[:2] for e in expected]
    for (*_, classes), (*_, cls) in zip(found, expected, strict=True):
        assert cls in classes


def test_sequential_cnn():
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3), name="in"),
            conv(16, name="conv"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            dense(10, name="dense"),
        ]
    )
    net, inputs, outputs, pops = Simple(5).convert(model)
    assert [p.name for p in net.populations] == ["in", "conv", "dense"]
    assert [p.shape for p in net.populations] == [(32, 32, 3), (30, 30, 16), (10,)]
    check(net, [("in", "conv", Conv2D), ("conv", "dense", AvgPoolDense2D)])
    for connection, name in zip(net.connections, ("conv", "dense"), strict=True):
        kernel = model.get_layer(name).get_weights()[0]
        np.testing.assert_array_equal(connection.connectivity.weight, kernel)
    assert list(pops.values()) == net.populations
    assert pops[model.get_layer("conv")] is net.populations[1]
    assert inputs == [net.populations[0]] and outputs == [net.populations[2]]
    assert type(inputs[0].neuron).__name__ == "PoissonInput"


@pytest.mark.parametrize("start", ["input", "build"])
def test_ways_to_build_sequential(start):
    stack = [dense(4, name="a"), dense(2, name="b")]
    if start == "input":
        stack.insert(0, layers.InputLayer(shape=(3,)))
    model = keras.Sequential(stack)
    if start == "build":
        with pytest.raises(ValueError, match="build"):
            Simple(5).convert(model)
        model.build((None, 3))
    net, *_ = Simple(5).convert(model)
    assert [p.shape for p in net.populations] == [(3,), (4,), (2,)]


def test_branches_share_weights():
    x = layers.Input((16, 16, 1), name="in")
    c1 = conv(4, name="c1")(x)
    c2 = conv(4, name="c2")(c1)
    c3 = conv(4, padding="same", name="c3")(layers.AveragePooling2D(2)(c2))
    joined = layers.Add()([layers.AveragePooling2D(2)(c3), layers.AveragePooling2D(4)(c2)])
    d1 = dense(8, name="d1")(layers.Flatten()(joined))
    net, *_ = FewSpike().convert(keras.Model(x, dense(3, name="d2")(d1)))
    check(
        net,
        [
            ("in", "c1", Conv2D),
            ("c1", "c2", Conv2D),
            ("c2", "c3", AvgPoolConv2D),
            ("c3", "d1", AvgPoolDense2D),
            ("c2", "d1", AvgPoolDense2D),
            ("d1", "d2", Dense),
        ],
    )
    np.testing.assert_array_equal(*(net.connections[i].connectivity.weight for i in (3, 4)))


@pytest.mark.parametrize("down", [False, True])
def test_residual(down):
    x = layers.Input((8, 8, 2), name="in")
    stem = conv(4, padding="same", name="x")(x)
    strides = 2 if down else 1
    y = layers.ReLU(name="r1")(conv(4, 3, "linear", padding="same", strides=strides)(stem))
    y = conv(4, 3, None, padding="same")(y)
    skip = conv(4, 1, "linear", strides=2)(stem) if down else stem
    y = layers.ReLU(name="r2")(layers.Add()([y, skip]))
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Softmax(name="out")(dense(5, "linear")(y))
    net, _, outputs, _ = Simple(5).convert(keras.Model(x, y))
    check(
        net,
        [
            ("in", "x", Conv2D),
            ("x", "r1", Conv2D),
            ("r1", "r2", Conv2D),
            ("x", "r2", Conv2D if down else OneToOne),
            ("r2", "out", AvgPoolDense2D),
        ],
    )
    assert outputs[0].name == "out" and outputs[0].shape == (5,)


def test_inputs_and_outputs_in_model_order():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    h = layers.Add()([dense(4, name="hb")(b), dense(4, name="ha")(a)])
    h = dense(4, name="h")(h)
    model = keras.Model([a, b], [dense(2, name="o2")(h), dense(2, name="o1")(h), h])
    _, inputs, outputs, _ = Simple(5).convert(model)
    assert [p.name for p in inputs] == ["a", "b"]
    assert [p.name for p in outputs] == ["o2", "o1", "h"]
    assert outputs[2].neuron.readout is not None


@pytest.mark.parametrize("operator", [False, True])
def test_add_of_the_same(operator):
    x = layers.Input((3,))
    h = dense(4, name="h")(x)
    joined = h + h if operator else layers.Add()([h, h])
    net, *_ = Simple(5).convert(keras.Model(x, layers.ReLU(name="r")(joined)))
    assert [c.name for c in net.connections[1:]] == ["Conn_h_r", "Conn_h_r_2"]
    Simple(5).create_compiler().compile(net).summary()


@pytest.mark.parametrize(
    ("stack", "shapes"),
    [
        ([conv(2), layers.Flatten(), dense(3)], [(6, 6, 1), (4, 4, 2), (3,)]),
        ([layers.Flatten(), dense(3)], [(6, 6, 1), (3,)]),
        ([conv(2), layers.Flatten(), layers.ReLU()], [(6, 6, 1), (4, 4, 2), (32,)]),
        ([conv(2, 3, None), layers.Flatten(), layers.ReLU()], [(6, 6, 1), (32,)]),
        ([layers.AveragePooling2D(2), layers.Flatten(), layers.ReLU()], [(6, 6, 1), (9,)]),
        ([conv(2), layers.GlobalAveragePooling2D(), layers.ReLU()], [(6, 6, 1), (4, 4, 2), (2,)]),
        ([conv(2), layers.Dropout(0.5), layers.Flatten()], [(6, 6, 1), (4, 4, 2)]),
    ],
)
def test_flattening(stack, shapes):
    fresh = [type(x).from_config(x.get_config()) for x in stack]
    net, inputs, outputs, _ = Simple(5, input_type="if").convert(
        keras.Sequential([layers.Input((6, 6, 1)), *fresh])
    )
    assert [p.shape for p in net.populations] == shapes
    assert outputs == [net.populations[-1]]
    with Simple(5).create_compiler().compile(net) as compiled:
        compiled.set_input({inputs[0]: np.ones((6, 6, 1))})
        compiled.step_time()


def test_flatten_leaves_sibling_branches_alone():
    x = layers.Input((6, 6, 1))
    c = conv(2, 3, "linear", name="c")(x)
    flat = layers.ReLU(name="flat")(layers.Flatten()(c))
    full = layers.ReLU(name="full")(c)
    net, *_ = Simple(5).convert(keras.Model(x, [flat, full]))
    assert {p.name: p.shape for p in net.populations[1:]} == {"flat": (32,), "full": (4, 4, 2)}


class Recorder(Simple):
    def __init__(self):
        super().__init__(5)
        self.calls = []

    def pre_convert(self, tf_model):
        self.calls.append("pre_convert")
        return "handed on"

    def create_input_neurons(self, pre_convert_output):
        self.calls.append(("input", pre_convert_output))
        return BinarySpikeInput()

    def create_neurons(self, tf_layer, pre_convert_output, is_output):
        self.calls.append(("neurons", tf_layer.name, pre_convert_output, is_output))
        return IntegrateFire()

    def validate_tf_layer(self, tf_layer, config):
        assert config.synapses == [] and config.tf_layer is tf_layer
        self.calls.append(("validate", tf_layer.name, config.has_activation, config.shape))

    def post_convert(self, mlg_network, mlg_network_inputs, mlg_model_outputs):
        self.calls.append("post_convert")


def test_hooks():
    model = keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            conv(2, 3, "linear", name="c", padding="same"),
            layers.ReLU(name="r"),
            layers.AveragePooling2D(2, name="p"),
            layers.Flatten(),
            dense(3, "linear", name="d"),
        ]
    )
    converter = Recorder()
    for _ in range(2):
        converter.calls.clear()
        net, *_ = converter.convert(model)
        assert converter.calls == [
            "pre_convert",
            ("input", "handed on"),
            ("neurons", "c", "handed on", False),
            ("validate", "c", False, (4, 4, 2)),
            ("neurons", "r", "handed on", False),
            ("validate", "r", True, (4, 4, 2)),
            ("validate", "p", False, (2, 2, 2)),
            ("neurons", "d", "handed on", True),
            ("validate", "d", False, (3,)),
            "post_convert",
        ]
        assert [p.name for p in net.populations[1:]] == ["r", "d"]


def test_order_does_not_depend_on_hashes():
    code = (
        "from models import *; from mlgenn_rs.keras.converters import Simple\n"
        "x = layers.Input((3,)); hs = [dense(4, name=f'h{i}')(x) for i in range(8)]\n"
        "net, *_ = Simple(5).convert(keras.Model(x, dense(2)(layers.Add()(hs))))\n"
        "print([p.name for p in net.populations], [c.name for c in net.connections])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1 and "h0" in runs.pop()
