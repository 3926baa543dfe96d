"""Thresholds and ranges that converters choose."""

import numpy as np
import pytest

from mlgenn_rs.keras.converters import DataNorm, FewSpike, Simple, spike_normalise
from mlgenn_rs.neurons import FewSpikeReluInput

from .models import dense, keras, layers, worked_example


def thresholds(net):
    return [p.neuron.v_thresh for p in net.populations[1:]]


def alphas(net):
    return [p.neuron.alpha for p in net.populations]


@pytest.mark.parametrize("form", ["list", "bare", "iterator", "batches"])
def test_data_norm_worked_numbers(form):
    model, x = worked_example()
    batches = [(x[:1], None), (x[1:], None)] if form == "batches" else [(x, None)]
    data = {"list": [batches], "bare": batches, "iterator": [iter(batches)], "batches": [batches]}
    net, *_ = DataNorm(10, norm_data=data[form]).convert(model)
    assert thresholds(net) == [2.0, 2.25]
    assert all(type(t) is float for t in thresholds(net))


def test_data_norm_without_data():
    model, _ = worked_example()
    net, *_ = DataNorm(10).convert(model)
    assert thresholds(net) == [1.0, 1.0]


def test_data_norm_activation_inherits_and_softmax_is_measured_before():
    model = keras.Sequential(
        [layers.Input((2,)), dense(2, None), layers.ReLU(), dense(1, "softmax")]
    )
    reference, x = worked_example()
    model.set_weights(reference.get_weights())
    net, *_ = DataNorm(10, norm_data=[[(x, None)]]).convert(model)
    assert thresholds(net) == [2.0, 2.25]


def test_data_norm_dead_layer(caplog):
    model, x = worked_example()
    model.layers[0].set_weights([-np.ones((2, 2))])
    net, *_ = DataNorm(10, norm_data=[[(x, None)]]).convert(model)
    assert thresholds(net) == [1.0, 3.0]
    assert "never active" in caplog.text


def branching_model():
    x = layers.Input((3,))
    a = dense(4, name="a")(x)
    b = dense(4, name="b")(a)
    joined = layers.Add()([dense(4, name="c")(b), dense(4, name="d")(b)])
    return keras.Model(x, dense(2, name="e")(joined))


def test_normalisation_stops_at_branches():
    x = np.full((1, 3), 0.9, dtype=np.float32)
    model = branching_model()
    model.set_weights([np.full(w.shape, 2.0) for w in model.get_weights()])
    net, *_ = DataNorm(10, norm_data=[[(x, None)]]).convert(model)
    assert thresholds(net)[0] == pytest.approx(5.4)
    assert thresholds(net)[1:] == [1.0] * 4
    net, inputs, outputs, _ = Simple(10, input_type="spike").convert(model)
    spike_normalise(net, inputs, outputs, [(x, None)], 5)
    assert thresholds(net) == [6.0, 1.0, 1.0, 1.0, 1.0]


def test_several_inputs_are_refused():
    a, b = layers.Input((3,)), layers.Input((3,))
    model = keras.Model([a, b], dense(2)(layers.Add()([dense(2)(a), dense(2)(b)])))
    with pytest.raises(NotImplementedError, match="one input"):
        DataNorm(10).convert(model)
    net, inputs, outputs, _ = Simple(10).convert(model)
    with pytest.raises(NotImplementedError, match="one input"):
        spike_normalise(net, inputs, outputs, [], 5)
    data = [[([np.ones((2, 3)), np.full((2, 3), 3.0)], None)]]
    net, *_ = FewSpike(4, norm_data=data).convert(model)
    assert alphas(net)[:2] == [3.2, 3.2]


@pytest.mark.parametrize("wrap", [False, True])
def test_spike_normalise_worked_numbers(wrap):
    model, _ = worked_example()
    converter = Simple(10, input_type="spike")
    net, inputs, outputs, _ = converter.convert(model)
    x = np.array([[1, 0], [1, 1]], dtype=np.float32)
    data = [(x, None)]
    spike_normalise(net, inputs, outputs, [data] if wrap else data, 8, batch_size=1)
    assert thresholds(net) == [1.5, 4.0]
    with converter.create_compiler(batch_size=2).compile(net) as compiled:
        counts, _ = compiled.predict({inputs[0]: x}, outputs[0], callbacks=[])
    # Row 1: input 3 in 5 of 8 timesteps; row 2: 3 every timestep, and 1 every second one.
    assert (counts[outputs[0]] > 0).all()


def test_spike_normalise_leaves_if_input_untouched():
    model, x = worked_example()
    net, inputs, outputs, _ = Simple(10, input_type="if").convert(model)
    spike_normalise(net, inputs, outputs, [(x, None)], 8, batch_size=2)
    assert inputs[0].neuron.v_thresh == 1.0
    # Of row (0.5, 1), the second input spikes alone in every second timestep.
    assert thresholds(net)[0] == 2.0


def test_few_spike_worked_numbers():
    model, x = worked_example()
    net, *_ = FewSpike(4, norm_data=[[(x, None)]]).convert(model)
    assert alphas(net) == pytest.approx([16 / 15, 1.6, 4.8])
    net, *_ = FewSpike(4, signed_input=True, norm_data=[[(-x, None)]]).convert(model)
    assert alphas(net)[0] == pytest.approx(4 / 3)
    assert type(net.populations[0].neuron) is FewSpikeReluInput


def test_few_spike_without_data():
    model, _ = worked_example()
    converter = FewSpike(6)
    net, *_ = converter.convert(model)
    assert alphas(net) == [25, 25, 25]
    assert {p.neuron.k for p in net.populations} == {6}
    assert converter.create_compiler(batch_size=3).k == 6


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("k", [7, 8])
def test_few_spike_represents_the_largest_input(k, signed):
    model = keras.Sequential([layers.Input((3,)), dense(3)])
    model.set_weights([np.eye(3)])
    x = np.array([[0.3, 0.9, 2.0]], dtype=np.float32)
    converter = FewSpike(k, signed_input=signed, norm_data=[[(x, None)]])
    net, inputs, outputs, _ = converter.convert(model)
    (conn,) = net.connections
    assert conn.source() is inputs[0]
    compiler = converter.create_compiler()
    inputs[0].record_spikes = True
    with compiler.compile(net, inputs=inputs, outputs=outputs) as compiled:
        compiled.set_input({inputs[0]: x})
        for _ in range(k):
            compiled.step_time()
        group = compiled.neuron_populations[inputs[0]]
        compiled.genn_model.pull_recording_buffers_from_device()
        times, ids = group.spike_recording_data[0]
    decoded = np.zeros(3)
    alpha = inputs[0].neuron.alpha
    for time, i in zip(np.rint(times).astype(int), ids, strict=True):
        if signed:
            size = alpha * 2.0 ** (-k // 2) * 2.0 ** (k // 2 - 1 - time // 2)
            decoded[i] += size if time % 2 == 0 else -size
        else:
            decoded[i] += alpha * 2.0 ** -(1 + time)
    step = alpha * 2.0 ** (-k // 2 if signed else -k)
    assert np.all(np.abs(decoded - x[0]) <= step * 1.001)


def test_few_spike_groups_of_sources_share_a_range():
    x = layers.Input((3,))
    a, b, c = (dense(4, name=name)(x) for name in "abc")
    first = dense(2, name="p")(layers.Add()([a, b]))
    second = dense(2, name="q")(layers.Add()([a, c]))
    model = keras.Model(x, [first, second])
    rng = np.random.default_rng(0)
    model.set_weights([rng.random(w.shape) * (i + 1) for i, w in enumerate(model.get_weights())])
    data = [[(rng.random((8, 3)).astype(np.float32), None)]]
    converter = FewSpike(6, norm_data=data)
    net, inputs, outputs, pops = converter.convert(model)
    shared = {pops[model.get_layer(name)].neuron.alpha for name in "abc"}
    assert len(shared) == 1
    converter.create_compiler().compile(net, inputs=inputs, outputs=outputs)


def test_few_spike_refuses_mixed_signs():
    x = layers.Input((3,))
    model = keras.Model(x, dense(2)(layers.Add()([x, dense(3)(x)])))
    FewSpike(4).convert(model)
    with pytest.raises(NotImplementedError, match="signed"):
        FewSpike(4, signed_input=True).convert(model)
