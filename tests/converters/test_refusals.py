"""Models that cannot be converted, and what they are told."""

import numpy as np
import pytest

from mlgenn_rs.keras.converters import DataNorm, FewSpike, Simple, spike_normalise

from .models import conv, dense, keras, layers

IMAGE = (8, 8, 2)


def sequential(*stack, shape=IMAGE):
    return keras.Sequential([layers.Input(shape), *stack])


def tail():
    return [layers.Flatten(), dense(3)]


REFUSED = {
    "bias": lambda: sequential(layers.Dense(3, activation="relu"), shape=(4,)),
    "linear output": lambda: sequential(dense(3, "linear"), shape=(4,)),
    "sigmoid": lambda: sequential(dense(3, "sigmoid"), dense(2), shape=(4,)),
    "relu6": lambda: sequential(dense(3, "relu6"), dense(2), shape=(4,)),
    "hidden softmax": lambda: sequential(dense(3, "softmax"), dense(2), shape=(4,)),
    "hidden Softmax": lambda: sequential(dense(3), layers.Softmax(), dense(2), shape=(4,)),
    "linear activation": lambda: sequential(layers.Activation("linear"), *tail()),
    "output pooling": lambda: sequential(conv(2), layers.AveragePooling2D(2)),
    "linear, weighted": lambda: sequential(conv(2, 3, None), conv(2), *tail()),
    "linear, pooling": lambda: sequential(conv(2, 3, None), layers.AveragePooling2D(2), *tail()),
    "pooling twice": lambda: sequential(
        layers.AveragePooling2D(2), layers.AveragePooling2D(2), *tail()
    ),
    "padded pooling": lambda: sequential(layers.AveragePooling2D(3, padding="same"), *tail()),
    "overlapping pools": lambda: sequential(layers.AveragePooling2D(3, 2), *tail()),
    "strided fused": lambda: sequential(layers.AveragePooling2D(2), conv(2, strides=2), *tail()),
    "norm after relu": lambda: sequential(conv(2), layers.BatchNormalization(), *tail()),
    "norm axis": lambda: sequential(
        conv(2, 3, None), layers.BatchNormalization(axis=1), layers.ReLU(), *tail()
    ),
    "ZeroPadding2D": lambda: sequential(layers.ZeroPadding2D(1), *tail()),
    "MaxPooling2D": lambda: sequential(layers.MaxPooling2D(2), *tail()),
    "Conv2DTranspose": lambda: sequential(layers.Conv2DTranspose(2, 3), *tail()),
    "DepthwiseConv2D": lambda: sequential(layers.DepthwiseConv2D(3), *tail()),
    "LeakyReLU": lambda: sequential(conv(2), layers.LeakyReLU(), *tail()),
    "nested": lambda: sequential(keras.Sequential([layers.Input(IMAGE), conv(2)]), *tail()),
    "dilation": lambda: sequential(conv(2, dilation_rate=2), *tail()),
    "groups": lambda: sequential(conv(2, groups=2), *tail()),
    "channels_first": lambda: sequential(
        layers.GlobalAveragePooling2D(data_format="channels_first"), dense(3)
    ),
    "ReLU(max_value)": lambda: sequential(conv(2), layers.ReLU(max_value=6), *tail()),
    "Dense on image": lambda: sequential(conv(2), dense(3), layers.Flatten()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(NotImplementedError):
        Simple(5).convert(REFUSED[name]())


def test_message_names_layer_and_supported_ones():
    model = sequential(layers.MaxPooling2D(2, name="pool_7"), *tail())
    with pytest.raises(NotImplementedError, match=r"MaxPooling2D.*pool_7.*AveragePooling2D"):
        Simple(5).convert(model)


def test_unsupported_layers_are_found_before_data_are_read():
    def data():
        raise AssertionError("data were read")
        yield

    with pytest.raises(NotImplementedError):
        DataNorm(5, norm_data=[data()]).convert(REFUSED["MaxPooling2D"]())


def test_refused_graphs():
    x = layers.Input((4,))
    h = dense(4)
    twice = keras.Model(x, dense(2)(h(h(x))))
    add_output = keras.Model(x, layers.Add()([dense(4)(x), dense(4)(x)]))
    linear_add = keras.Model(x, dense(2)(layers.Add()([dense(4)(x), dense(4, None)(x)])))
    input_output = keras.Model(x, [dense(2)(x), x])
    constant = keras.Model(x, dense(2)(dense(4)(x) + 1.0))
    subtract = keras.Model(x, dense(2)(layers.Subtract()([dense(4)(x), dense(4)(x)])))
    for model in (twice, add_output, linear_add, input_output, constant, subtract):
        with pytest.raises(NotImplementedError):
            Simple(5).convert(model)


def test_layer_of_another_model_does_not_drag_it_in():
    x = layers.Input((4,))
    h = dense(4)(x)
    keras.Model(x, layers.LeakyReLU()(h))
    net, *_ = Simple(5).convert(keras.Model(x, dense(2)(h)))
    assert len(net.populations) == 3


def test_not_a_graph():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(NotImplementedError, match="graph"):
        Simple(5).convert(Own())
    with pytest.raises(TypeError, match="Keras model"):
        Simple(5).convert(np.zeros(3))
    with pytest.raises(ValueError, match="known"):
        Simple(5).convert(sequential(conv(2), shape=(None, 8, 1)))


def test_wrong_arguments_of_converters():
    with pytest.raises(ValueError, match="FewSpike: k must be at least 1"):
        FewSpike(k=0)
    with pytest.raises(TypeError, match="FewSpike: alpha must be a number"):
        FewSpike(alpha="a")
    with pytest.raises(TypeError, match="Simple: evaluate_timesteps must be a whole number"):
        Simple(evaluate_timesteps="a")


X = np.ones((2, 4), np.float32)


@pytest.mark.parametrize("norm_data", [X, [X], (X, None), 3, [3], [[X]], [[(3, None)]]])
def test_data_that_are_no_batches(norm_data):
    model = sequential(dense(3), dense(2), shape=(4,))
    for converter in (FewSpike(4, norm_data=norm_data), DataNorm(4, norm_data=norm_data)):
        with pytest.raises(TypeError, match="norm_data must give batches"):
            converter.convert(model)
    net, inputs, outputs, _ = Simple(4).convert(model)
    with pytest.raises(TypeError, match="norm_data must give batches"):
        spike_normalise(net, inputs, outputs, norm_data, 4)
