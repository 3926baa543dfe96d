"""Train a CNN with Keras and convert it to spiking networks with every converter.

Needs ``pip install mlgenn_rs[keras]`` and a backend of Keras that can train, e.g. ``jax`` (chosen
with the environment variable ``KERAS_BACKEND``).
"""

from __future__ import annotations

import argparse
from time import perf_counter

import keras
import numpy as np

from mlgenn_rs.keras.converters import DataNorm, FewSpike, Simple, spike_normalise


def load_data(mnist: str | None):
    """Return images with values from 0 to 1 and labels, for training and for testing."""
    if mnist is not None:
        with np.load(mnist) as data:
            arrays = [data[k] for k in ("x_train", "y_train", "x_test", "y_test")]
        x_train, y_train, x_test, y_test = arrays
        scale = 255.0
    else:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        digits = load_digits()
        x_train, x_test, y_train, y_test = train_test_split(
            digits.images, digits.target, test_size=360, random_state=0, stratify=digits.target
        )
        scale = 16.0
    images = [(x / scale).astype(np.float32)[..., np.newaxis] for x in (x_train, x_test)]
    return images[0], y_train, images[1], y_test


def create_model(shape, batch_norm, activity):
    """Return a CNN of two blocks of convolution and pooling, and two dense layers.

    A penalty on activations keeps them small, so that rates of spikes do not saturate.
    """
    layers = [keras.layers.Input(shape)]
    for filters in (16, 32):
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False))
        if batch_norm:
            layers.append(keras.layers.BatchNormalization(momentum=0.9))
        layers += [
            keras.layers.ReLU(),
            keras.layers.ActivityRegularization(l2=activity),
            keras.layers.AveragePooling2D(2),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu", use_bias=False),
        keras.layers.ActivityRegularization(l2=activity),
        keras.layers.Dense(10, activation="softmax", use_bias=False),
    ]
    return keras.Sequential(layers)


def get_converters(timesteps, k, norm_data):
    """Return the converters, by name; True where thresholds are normalised by spikes."""
    simple = Simple(timesteps, input_type="if")
    return {
        "Simple": (simple, False),
        "DataNorm": (DataNorm(timesteps, norm_data=[norm_data], input_type="if"), False),
        "Simple, spike-normalised": (simple, True),
        "FewSpike": (FewSpike(k, norm_data=[norm_data]), False),
    }


def evaluate(model, converter, is_normalised, norm_data, timesteps, x, y, batch_size):
    """Convert a model and return the accuracy of the spiking network."""
    net, inputs, outputs, _ = converter.convert(model)
    if is_normalised:
        spike_normalise(net, inputs, outputs, norm_data, timesteps, batch_size=batch_size)
    compiler = converter.create_compiler(batch_size=batch_size)
    if isinstance(converter, FewSpike):
        compiled = compiler.compile(net, inputs=inputs, outputs=outputs)
    else:
        compiled = compiler.compile(net)
    with compiled:
        metrics, _ = compiled.evaluate({inputs[0]: x}, {outputs[0]: y})
    return metrics[outputs[0]].result


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mnist", metavar="FILE", help="mnist.npz instead of the digits")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--timesteps", type=int, default=200, help="of rate-coded networks")
    parser.add_argument("--k", type=int, default=8, help="timesteps per layer of FewSpike")
    parser.add_argument("--batch-size", type=int, default=90)
    parser.add_argument("--activity", type=float, default=0.01, help="penalty on activations")
    parser.add_argument("--batch-norm", action="store_true", help="with batch normalisation")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    keras.utils.set_random_seed(args.seed)
    x_train, y_train, x_test, y_test = load_data(args.mnist)
    model = create_model(x_train.shape[1:], args.batch_norm, args.activity)
    optimizer = keras.optimizers.Adam(3e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=args.epochs, batch_size=64, verbose=0)
    print(f"Keras: {model.evaluate(x_test, y_test, verbose=0)[1]:.2%}")

    norm_data = [(x_train[:360], y_train[:360])]
    converters = get_converters(args.timesteps, args.k, norm_data)
    for name, (converter, is_normalised) in converters.items():
        start = perf_counter()
        accuracy = evaluate(
            model,
            converter,
            is_normalised,
            norm_data,
            args.timesteps,
            x_test,
            y_test,
            args.batch_size,
        )
        print(f"{name}: {accuracy:.2%} in {perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
