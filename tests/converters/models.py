"""Keras, or a skip, and models that several tests convert."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="needs Keras and jax")
pytest.importorskip(os.environ["KERAS_BACKEND"], reason="needs the backend of Keras")
layers = keras.layers


def randomise(model, seed=0):
    """Give a model weights from 0 to 1."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.random(w.shape) for w in model.get_weights()])
    return model


def dense(units, activation="relu", **kwargs):
    return layers.Dense(units, activation=activation, use_bias=False, **kwargs)


def conv(filters, size=3, activation="relu", **kwargs):
    return layers.Conv2D(filters, size, activation=activation, use_bias=False, **kwargs)


def worked_example():
    """Return the two-layer model and the data of the worked numbers."""
    model = keras.Sequential([layers.Input((2,)), dense(2), dense(1)])
    model.set_weights([np.array([[1, -1], [0.5, 2]]), np.array([[3.0], [1.0]])])
    return model, np.array([[1, 0], [0.5, 1]], dtype=np.float32)
