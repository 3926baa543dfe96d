"""Neuron models, inputs and synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.connectivity import Dense, OneToOne
from mlgenn_rs.engine import VarAccess, create_neuron_model, create_postsynaptic_model
from mlgenn_rs.neurons import (
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    FewSpikeRelu,
    FewSpikeReluInput,
    IntegrateFire,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
    default_neurons,
)
from mlgenn_rs.neurons.input import InputBase
from mlgenn_rs.readouts import SpikeCount
from mlgenn_rs.synapses import Delta, Exponential
from mlgenn_rs.utils.data import PreprocessedSpikes, preprocess_spikes
from mlgenn_rs.utils.model import NeuronModel

from .support import FakeArray, make_group


def get_model(
    neuron: Any, shape: Any = (2, 3), dt: float = 1.0, batch_size: int = 1
) -> NeuronModel:
    population = Population(neuron, shape, add_to_model=False)
    return population.neuron.get_model(population, dt, batch_size)


@pytest.mark.parametrize("name", default_neurons)
def test_engine_accepts_models(name: str) -> None:
    description, params, dynamic, variables, egps, _ = get_model(name).process()
    description.pop("negative_threshold_condition_code", None)
    create_neuron_model(name, **description)
    assert set(params) == {p[0] for p in description["params"]} and dynamic == set()
    assert set(variables) == {v[0] for v in description["vars"]}
    assert set(egps) == {e[0] for e in description.get("extra_global_params", [])}


@pytest.mark.parametrize(
    ("neuron", "expected"),
    [
        (IntegrateFire(), ["V"]),
        (LeakyIntegrate(), ["V"]),
        (LeakyIntegrateFire(), ["V"]),
        (LeakyIntegrateFire(tau_refrac=2.0), ["V", "RefracTime"]),
        (AdaptiveLeakyIntegrateFire(), ["V", "A"]),
        (AdaptiveLeakyIntegrateFire(tau_refrac=2.0), ["V", "A", "RefracTime"]),
        (IntegrateFireInput(), ["V"]),
        (SpikeInput(5), ["StartSpike", "NextSpikeTime"]),
        (FewSpikeRelu(), ["Fx", "V"]),
        (FewSpikeReluInput(), ["V"]),
    ],
)
def test_reset_vars(neuron: Any, expected: list[str]) -> None:
    assert [v[0] for v in get_model(neuron).reset_vars] == expected


def test_parameter_values() -> None:
    model = get_model(AdaptiveLeakyIntegrateFire(tau_mem=10.0, tau_refrac=3.0), dt=0.5)
    assert model.param_vals == {
        "Vthresh": 1.0,
        "Vreset": 0.0,
        "Alpha": pytest.approx(np.exp(-0.05)),
        "Beta": 0.0174,
        "Rho": pytest.approx(np.exp(-0.5 / 2000.0)),
        "TauRefrac": 3.0,
    }
    assert model.output_var_name == "V"
    few = get_model(FewSpikeReluInput(k=5, alpha=8.0, signed_input=True))
    assert few.param_vals == {"K": 5, "Scale": 1.0}
    assert get_model(FewSpikeReluInput(k=3, alpha=8.0)).param_vals["Scale"] == 1.0


@pytest.mark.parametrize("cls", [IntegrateFireInput, LeakyIntegrateFireInput])
def test_input_replaces_current(cls: Any) -> None:
    model = get_model(cls(), batch_size=4)
    assert "Isyn" not in model.model["sim_code"] and "Input" in model.model["sim_code"]
    assert model.model["vars"][-1] == ("Input", "scalar", VarAccess.READ_ONLY_DUPLICATE)
    framed = get_model(cls(input_frames=5, input_frame_timesteps=2), batch_size=4)
    assert "Isyn" not in framed.model["sim_code"]
    assert framed.model["extra_global_params"] == [("Input", "scalar*")]
    assert framed.egp_vals["Input"].shape == (4 * 5 * 6,)
    assert not framed.has_var("Input")


@pytest.mark.parametrize("cls", [PoissonInput, BinarySpikeInput])
def test_signed_spikes(cls: Any) -> None:
    assert "negative_threshold_condition_code" not in get_model(cls()).model
    model = get_model(cls(signed_spikes=True))
    condition = model.model["negative_threshold_condition_code"]
    assert any(v[0] in condition for v in model.model["vars"])
    framed = get_model(cls(input_frames=3))
    assert "inputFrameValue" in framed.model["threshold_condition_code"]
    with pytest.raises(NotImplementedError, match="time-varying"):
        cls(signed_spikes=True, input_frames=2)


def test_frames_need_an_array() -> None:
    class Custom(IntegrateFire, InputBase):
        pass

    assert Custom(input_frames=1).var_name == "Input"
    with pytest.raises(RuntimeError, match="time-varying"):
        Custom(input_frames=2)
    with pytest.raises(ValueError, match="at least"):
        IntegrateFireInput(input_frames=0)


DATA = np.arange(24, dtype=np.float64).reshape(4, 2, 3)


@pytest.mark.parametrize(
    ("batch_size", "data"),
    [(1, DATA[0]), (1, DATA[:1]), (4, DATA), (4, DATA[:2]), (4, DATA[:2].tolist())],
)
def test_set_static_input(batch_size: int, data: Any) -> None:
    array = FakeArray((6,) if batch_size == 1 else (batch_size, 6))
    IntegrateFireInput().set_input(make_group(Input=array), batch_size, (2, 3), data)
    expected = np.zeros((batch_size, 6), dtype=np.float32)
    flat = np.asarray(data).reshape(-1, 6)
    expected[: len(flat)] = flat
    np.testing.assert_array_equal(array.view.reshape(batch_size, 6), expected)
    assert array.pushes == 1


@pytest.mark.parametrize(
    ("batch_size", "data"),
    [(1, DATA), (1, DATA[None]), (3, np.stack((DATA, 2 * DATA))), (3, DATA[None])],
)
def test_set_framed_input(batch_size: int, data: Any) -> None:
    array = FakeArray((batch_size * 24,))
    neuron = IntegrateFireInput(input_frames=4)
    neuron.set_input(make_group(Input=array), batch_size, (2, 3), data)
    expected = np.zeros(batch_size * 24)
    expected[: data.size] = data.ravel()
    np.testing.assert_array_equal(array.view, expected)


@pytest.mark.parametrize(
    ("frames", "batch_size", "shape"),
    [
        (1, 1, (2, 2, 3)),
        (1, 1, (3, 2)),
        (1, 1, (3,)),
        (1, 4, (2, 3)),
        (1, 4, (5, 2, 3)),
        (1, 4, (1, 2, 2, 3)),
        (4, 1, (3, 2, 3)),
        (4, 1, (2, 4, 2, 3)),
        (4, 2, (4, 2, 3)),
        (4, 2, (3, 4, 2, 3)),
        (4, 2, (2, 3, 2, 3)),
    ],
)
def test_input_shape_errors(frames: int, batch_size: int, shape: Any) -> None:
    array = FakeArray((batch_size, frames * 6))
    neuron = IntegrateFireInput(input_frames=frames)
    with pytest.raises(RuntimeError, match="must have the shape"):
        neuron.set_input(make_group(Input=array), batch_size, (2, 3), np.zeros(shape))


def test_spike_input() -> None:
    examples = [
        preprocess_spikes(np.asarray([3.0, 1.0]), [1, 0], 2),
        preprocess_spikes(np.asarray([2.0]), [0], 2),
    ]
    group = make_group(SpikeTimes=FakeArray((5,)), SpikeStarts=FakeArray((7,), np.uint32))
    SpikeInput(5).set_input(group, 3, (2,), examples)
    assert group.vars["SpikeTimes"].view[:3].tolist() == [1.0, 3.0, 2.0]
    assert group.vars["SpikeStarts"].view.tolist() == [0, 1, 2, 3, 3, 3, 3]
    with pytest.raises(AssertionError, match="max_spikes=2"):
        SpikeInput(2).set_input(group, 3, (2,), examples)
    with pytest.raises(RuntimeError, match="neurons"):
        SpikeInput(5).set_input(group, 3, (3,), examples)
    with pytest.raises(RuntimeError, match="list"):
        SpikeInput(5).set_input(group, 3, (2,), examples[0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_spikes"):
        SpikeInput(0)


def test_spike_input_in_other_forms_gives_the_same() -> None:
    rng = np.random.default_rng(3)
    examples = [
        preprocess_spikes(rng.random(size) * 9.0, rng.integers(0, 6, size), 6)
        for size in (11, 0, 30)
    ]

    def upload(batch_size: int, as_usual: bool) -> Any:
        group = make_group(
            SpikeTimes=FakeArray((50,)), SpikeStarts=FakeArray((batch_size * 6 + 1,), np.uint32)
        )
        forms = [
            s if as_usual else PreprocessedSpikes(s.end_spikes.astype(np.int32), s.spike_times)
            for s in examples
        ]
        SpikeInput(50).set_input(group, batch_size, (2, 3), forms)
        assert all(array.pushes == 1 for array in group.vars.values())
        return group.vars

    for batch_size in (3, 5):
        usual, other = upload(batch_size, True), upload(batch_size, False)
        for name in ("SpikeTimes", "SpikeStarts"):
            np.testing.assert_array_equal(usual[name].view, other[name].view)


def test_unsound_spike_trains_leave_no_spikes() -> None:
    sound = preprocess_spikes(np.asarray([1.0, 2.0]), np.asarray([0, 1]), 2)
    for ends, times in (
        ([2, 1], [1.0, 2.0]),
        ([1, 3], [1.0, 2.0]),
        ([-1, 2], [1.0, 2.0]),
        ([1, 2], [1.0, np.nan]),
        ([1, 2, 2], [1.0, 2.0]),
    ):
        group = make_group(SpikeTimes=FakeArray((5,)), SpikeStarts=FakeArray((5,), np.uint32))
        unsound = PreprocessedSpikes(np.asarray(ends), np.asarray(times))
        with pytest.raises((RuntimeError, ValueError), match="batch_spikes"):
            SpikeInput(5).set_input(group, 2, (2,), [sound, unsound])
        assert np.all(group.vars["SpikeStarts"].view == 0)


def test_few_spike_sources() -> None:
    def connect(*sources: Any, k: int = 4) -> NeuronModel:
        with Network() as net:
            target = Population(FewSpikeRelu(k=k, alpha=2.0), 2)
            for source in sources:
                Connection(Population(source, 2), target, Dense(1.0))
        model = target.neuron.get_model(target, 1.0, 1)
        assert net.populations
        return model

    assert connect().param_vals["SrcScale"] == 2.0 / 16
    assert connect(FewSpikeReluInput(4, 8.0)).param_vals["SrcScale"] == 0.5
    assert connect(FewSpikeReluInput(4, 8.0, True)).param_vals["SrcScale"] == 2.0
    for bad in (
        [IntegrateFire()],
        [FewSpikeRelu(5, 2.0)],
        [FewSpikeRelu(4, 2.0), FewSpikeRelu(4, 3.0)],
        [FewSpikeReluInput(4, 2.0, True), FewSpikeRelu(4, 2.0)],
    ):
        with pytest.raises(ValueError, match="FewSpikeRelu in"):
            connect(*bad)


def test_readout_property() -> None:
    neuron = IntegrateFire(readout="spike_count")
    assert isinstance(neuron.readout, SpikeCount)
    with pytest.raises(RuntimeError, match="Readout"):
        IntegrateFire(readout=3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="no readout"):
        IntegrateFire().get_readout(None, 1, (2,))


def test_synapses() -> None:
    with Network() as net:
        a, b = Population("integrate_fire", 2), Population("integrate_fire", 2)
        conn = Connection(a, b, OneToOne(1.0))
    assert net.connections == [conn]
    for synapse in (Delta(), Exponential(), Exponential(scale_i=True), Exponential([1.0, 2.0])):
        description, _, _, _, _, _, refs = synapse.get_model(conn, 0.5, 1).process()
        create_postsynaptic_model("Synapse", **description)
        assert refs == {}
    params = Exponential(tau=4.0, scale_i=True).get_model(conn, 0.5, 1).param_vals
    decay = np.exp(-0.125)
    assert params == pytest.approx({"ExpDecay": decay, "IScale": 8.0 * (1.0 - decay)})
