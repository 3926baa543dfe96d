"""One volley of spikes gives what Keras computes."""

import numpy as np
import pytest

from mlgenn_rs.compilers import InferenceCompiler
from mlgenn_rs.keras.converters import Converter, FewSpike
from mlgenn_rs.neurons import BinarySpikeInput, IntegrateFire

from .models import conv, dense, keras, layers, randomise


class Volley(Converter):
    """Spikes once, into an output that never does."""

    def validate_tf_layer(self, tf_layer, config):
        pass

    def create_input_neurons(self, pre_convert_output):
        return BinarySpikeInput()

    def create_neurons(self, tf_layer, pre_convert_output, is_output):
        never = float(np.finfo(np.float32).max)
        return IntegrateFire(v_thresh=never if is_output else 1.0, readout="var")


def pool(size, strides):
    return layers.AveragePooling2D(size, strides)


CASES = {
    **{
        f"conv {i} to {o}": ((12, 12, i), lambda o=o: [conv(o, 3, None)])
        for i in (1, 2)
        for o in (1, 2)
    },
    "conv 2 to 16": ((8, 8, 2), lambda: [conv(16, 3, None, padding="same")]),
    "pool conv 2 to 16": ((8, 8, 2), lambda: [pool(2, 2), conv(16, 3, None, padding="same")]),
    "conv same": ((12, 12, 1), lambda: [conv(1, 3, None, padding="same")]),
    "conv 4": ((12, 12, 1), lambda: [conv(1, 4, None)]),
    "conv 4 same": ((12, 12, 1), lambda: [conv(1, 4, None, padding="same")]),
    "conv strided": ((12, 12, 1), lambda: [conv(1, 3, None, strides=2)]),
    "conv strided same": ((12, 12, 1), lambda: [conv(1, 3, None, strides=2, padding="same")]),
    **{
        f"pool {size} {strides} {c}": (
            (20, 20, c),
            lambda size=size, strides=strides: [
                pool(size, strides),
                layers.Flatten(),
                layers.ReLU(),
            ],
        )
        for size, strides, c in ((2, 2, 1), (2, 2, 2), (3, 3, 1), (2, 3, 1))
    },
    **{
        f"pool {size} {strides} conv {c} {k} {padding}": (
            (20, 20, c),
            lambda size=size, strides=strides, c=c, k=k, padding=padding: [
                pool(size, strides),
                conv(c, k, None, padding=padding),
            ],
        )
        for size, strides, c, k in ((2, 2, 1, 3), (2, 2, 2, 3), (3, 3, 1, 4), (3, 4, 1, 4))
        for padding in ("valid", "same")
    },
    **{
        f"pool {size} {strides} dense {c}": (
            (20, 20, c),
            lambda size=size, strides=strides: [
                pool(size, strides),
                layers.Flatten(),
                dense(10, None),
            ],
        )
        for size, strides in ((2, 2), (3, 3), (2, 3))
        for c in (1, 2)
    },
    "conv, norm": ((12, 12, 2), lambda: [conv(3, 3, None), layers.BatchNormalization()]),
    "norm of bias": (
        (12, 12, 1),
        lambda: [layers.Conv2D(2, 3), layers.BatchNormalization(center=False), layers.Flatten()],
    ),
}


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_volley(name, in_memory):
    shape, create = CASES[name]
    model = randomise(keras.Sequential([layers.Input(shape), *create()]))
    x = (np.random.default_rng(1).random((4, *shape)) < 0.5).astype(np.float32)
    expected = model.predict_on_batch(x)
    net, inputs, outputs, _ = Volley().convert(model)
    if "norm" in name:  # The bias is added in both timesteps, spikes only in the second.
        bias = np.asarray(outputs[0].neuron.bias).reshape(outputs[0].shape)
        expected = np.reshape(expected, (4, *outputs[0].shape)) + bias
    for batch_size in (1, 4):
        compiler = InferenceCompiler(
            evaluate_timesteps=2, batch_size=batch_size, prefer_in_memory_connect=in_memory
        )
        with compiler.compile(net, f"volley{batch_size}") as compiled:
            # One batch only: the spikes of the last timestep arrive in the next batch.
            data = {inputs[0]: x[:batch_size]}
            result, _ = compiled.predict(data, outputs[0], callbacks=[])
        np.testing.assert_allclose(result[outputs[0]], expected[:batch_size], rtol=1e-5, atol=1e-5)


def test_few_spike_with_batch_norm_follows_keras():
    model = keras.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Softmax(),
        ]
    )
    rng = np.random.default_rng(3)
    model.set_weights([rng.random(w.shape) + 0.1 for w in model.get_weights()])
    x = rng.random((32, 8)).astype(np.float32)
    scores = keras.Model(model.inputs, model.layers[-2].output).predict_on_batch(x)
    converter = FewSpike(k=14, norm_data=[[(x, None)]])
    net, inputs, outputs, _ = converter.convert(model)
    compiler = converter.create_compiler(batch_size=32)
    with compiler.compile(net, inputs=inputs, outputs=outputs) as compiled:
        compiled.set_input({inputs[0]: x})
        for _ in range(2):  # The output is complete one presentation after the input
            compiled.reset_time()
            for _ in range(14):
                compiled.step_time()
        result = np.copy(compiled.get_readout(outputs[0]))
    np.testing.assert_allclose(result, scores, rtol=0, atol=3e-3 * np.abs(scores).max())
