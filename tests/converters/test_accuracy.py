"""Networks trained on the digits keep their accuracy."""

import numpy as np
import pytest

from mlgenn_rs.keras.converters import DataNorm, FewSpike, Simple, spike_normalise

from .models import conv, dense, keras, layers

datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
TIMESTEPS = 200


@pytest.fixture(scope="module")
def digits():
    x, y = datasets.load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:-360], order[-360:]
    return x[train], y[train], x[test], y[test]


def train(model, digits):
    """Train a model and return its accuracy."""
    x, y, x_test, y_test = digits
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=25, batch_size=64, verbose=0)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    assert accuracy > 0.93
    return accuracy


def create_cnn(batch_norm, activity):
    """Return a CNN with a penalty on activations, so that rates of spikes do not saturate."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((8, 8, 1))])
    for filters in (12, 24):
        model.add(conv(filters, 3, None, padding="same"))
        if batch_norm:
            model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.ActivityRegularization(l2=activity))
        model.add(layers.AveragePooling2D(2))
    model.add(layers.Flatten())
    model.add(dense(48))
    model.add(layers.ActivityRegularization(l2=activity))
    model.add(dense(10, "softmax"))
    return model


@pytest.fixture(scope="module")
def cnn(digits):
    model = create_cnn(False, 0.01)
    return model, train(model, digits)


@pytest.fixture(scope="module")
def normalised_cnn(digits):
    model = create_cnn(True, 0.001)
    return model, train(model, digits)


def evaluate(converter, model, digits, normalise=False):
    x, _, x_test, y_test = digits
    net, inputs, outputs, _ = converter.convert(model)
    if normalise:
        data = [(x[:180], None)]
        spike_normalise(net, inputs, outputs, data, TIMESTEPS, batch_size=90)
    compiler = converter.create_compiler(batch_size=90)
    ends = {"inputs": inputs, "outputs": outputs} if isinstance(converter, FewSpike) else {}
    with compiler.compile(net, **ends) as compiled:
        metrics, _ = compiled.evaluate({inputs[0]: x_test}, {outputs[0]: y_test}, callbacks=[])
    return metrics[outputs[0]].result


def test_few_spike(cnn, digits):
    model, accuracy = cnn
    converter = FewSpike(8, norm_data=[[(digits[0], None)]])
    assert evaluate(converter, model, digits) >= accuracy - 0.01


def test_data_norm(cnn, digits):
    model, accuracy = cnn
    converter = DataNorm(TIMESTEPS, norm_data=[[(digits[0], None)]], input_type="if")
    assert evaluate(converter, model, digits) >= accuracy - 0.03


def test_simple(cnn, digits):
    model, accuracy = cnn
    assert evaluate(Simple(TIMESTEPS, input_type="if"), model, digits) >= accuracy - 0.05


def test_spike_normalised(cnn, digits):
    model, accuracy = cnn
    converter = Simple(TIMESTEPS, input_type="if")
    assert evaluate(converter, model, digits, normalise=True) >= accuracy - 0.03


def test_few_spike_with_batch_norm(normalised_cnn, digits):
    model, accuracy = normalised_cnn
    converter = FewSpike(8, norm_data=[[(digits[0], None)]])
    assert evaluate(converter, model, digits) >= accuracy - 0.01


def test_data_norm_with_batch_norm(normalised_cnn, digits):
    model, accuracy = normalised_cnn
    converter = DataNorm(TIMESTEPS, norm_data=[[(digits[0], None)]], input_type="if")
    assert evaluate(converter, model, digits) >= accuracy - 0.06


def test_residual_network(digits):
    keras.utils.set_random_seed(2)
    x = layers.Input((8, 8, 1))
    stem = conv(12, padding="same")(x)
    y = conv(12, padding="same")(stem)
    y = layers.Add()([conv(12, 3, None, padding="same")(y), stem])
    y = conv(24, padding="same", strides=2)(layers.ReLU()(y))
    y = dense(10, None)(layers.GlobalAveragePooling2D()(y))
    model = keras.Model(x, layers.Softmax()(y))
    accuracy = train(model, digits)
    converter = FewSpike(8, norm_data=[[(digits[0], None)]])
    assert evaluate(converter, model, digits) >= accuracy - 0.02
