"""Callbacks: recorders natively and step by step, custom updates, schedules, checkpoints."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.callbacks import (
    BatchProgressBar,
    Callback,
    Checkpoint,
    ConnVarRecorder,
    CustomUpdateOnBatchBegin,
    CustomUpdateOnTimestepEnd,
    OptimiserParamSchedule,
    SpikeRecorder,
    VarRecorder,
)
from mlgenn_rs.compilers import EventPropCompiler, InferenceCompiler
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from mlgenn_rs.optimisers import Adam
from mlgenn_rs.serialisers import Numpy
from mlgenn_rs.utils.callback_list import CallbackList
from mlgenn_rs.utils.data import preprocess_spikes

from .networks import CONSTANTS, build, to_spikes

NUM_EXAMPLES = 5
SCE = "sparse_categorical_crossentropy"


class EveryTimestep(Callback):
    """Makes the simulation return to Python in every timestep."""

    def on_timestep_end(self, timestep: int) -> None:
        pass


def network() -> tuple[Network, Population, Population, Population, Connection]:
    net = Network()
    with net:
        inp = Population(SpikeInput(), 3, record_spikes=True)
        hid = Population(LeakyIntegrateFire(v_thresh=0.5, tau_refrac=2.0), 4, record_spikes=True)
        out = Population(LeakyIntegrate(readout="avg_var"), 2)
        conn = Connection(inp, hid, Dense(CONSTANTS["W_ih"], delay=np.full((3, 4), 2)))
        Connection(hid, out, Dense(CONSTANTS["W_ho"]))
    return net, inp, hid, out, conn


def predict(callbacks: Any, batch_size: int, stepping: bool) -> dict[Any, Any]:
    net, inp, hid, out, conn = network()
    compiled = InferenceCompiler(20, batch_size=batch_size).compile(net, "test")
    examples = to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3)
    with compiled:
        _, data = compiled.predict(
            {inp: examples},
            out,
            callbacks=[*callbacks(inp, hid, out, conn), *([EveryTimestep()] if stepping else [])],
        )
    return data


def recorders(inp: Population, hid: Population, out: Population, conn: Connection) -> list[Any]:
    return [
        VarRecorder(hid, "v", key="v"),
        VarRecorder(hid, genn_var="RefracTime", key="refrac", neuron_filter=[0, 2]),
        VarRecorder(out, "v", key="some", example_filter=[1, 4]),
        VarRecorder(out, "v", key="one", example_filter=3, neuron_filter=[True, False]),
        SpikeRecorder(hid, key="spikes"),
        SpikeRecorder(inp, key="counts", record_counts=True),
        SpikeRecorder(hid, key="few", example_filter=[0], neuron_filter=[1]),
        ConnVarRecorder(conn, "g", key="g", src_neuron_filter=[0, 1], trg_neuron_filter=[3]),
    ]


@pytest.mark.parametrize("batch_size", [1, 2])
def test_native_recording_equals_stepping(batch_size: int) -> None:
    native = predict(recorders, batch_size, stepping=False)
    stepped = predict(recorders, batch_size, stepping=True)
    slots = -(-NUM_EXAMPLES // batch_size) * batch_size  # without filter, padding comes too
    assert native.keys() == stepped.keys()
    for key, shape, count in (
        ("v", (20, 4), slots),
        ("refrac", (20, 2), slots),
        ("some", (20, 2), 2),
        ("one", (20, 1), 1),
        ("g", (20, 2, 1), slots),
        ("counts", (3,), slots),
    ):
        assert [a.shape for a in native[key]] == [shape] * count, key
        for a, b in zip(native[key], stepped[key], strict=True):
            np.testing.assert_array_equal(a, b)
    for key, count in (("spikes", slots), ("few", 1)):
        for a, b in zip(native[key], stepped[key], strict=True):
            assert len(a) == count
            for x, y in zip(a, b, strict=True):
                np.testing.assert_array_equal(x, y)
    assert native["v"][0].dtype == np.float32
    assert native["spikes"][0][0].dtype == np.float64
    assert native["spikes"][1][0].dtype == np.int32
    assert np.any(native["v"][0] != 0.0)
    assert set(native["few"][1][0]) <= {1}


def test_recorded_spikes_are_those_of_the_input() -> None:
    data = predict(
        lambda inp, *rest: [
            SpikeRecorder(inp, key="spikes"),
            SpikeRecorder(inp, key="counts", record_counts=True),
        ],
        2,
        stepping=False,
    )
    times, ids = data["spikes"]
    for i in range(NUM_EXAMPLES):
        rows = CONSTANTS["X"][CONSTANTS["X"][:, 0] == i]
        expected = sorted(zip(rows[:, 2], rows[:, 1], strict=True))
        assert sorted(zip(times[i], ids[i], strict=True)) == expected
        assert list(data["counts"][i]) == list(np.bincount(rows[:, 1].astype(int), minlength=3))


def test_each_timestep_records_what_a_variable_is_after_it() -> None:
    net = Network()
    with net:
        inp = Population(SpikeInput(), 1)
        out = Population(LeakyIntegrate(readout="var", tau_mem=20.0), 1)
        Connection(inp, out, Dense(np.array([[0.5]])))
    compiled = InferenceCompiler(4).compile(net, "test")
    spikes = [preprocess_spikes(np.array([0.0]), np.array([0]), 1)]
    with compiled:
        predictions, data = compiled.predict({inp: spikes}, out, [VarRecorder(out, "v", key="v")])
    alpha = np.exp(-1.0 / 20.0)
    expected = [0.0, 0.5, 0.5 * alpha, 0.5 * alpha**2]
    np.testing.assert_allclose(data["v"][0][:, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(predictions[out][0], data["v"][0][-1])


def test_subclass_with_its_own_timestep_method_is_stepped() -> None:
    class Doubled(VarRecorder):
        calls = 0

        def on_timestep_end(self, timestep: int) -> None:
            type(self).calls += 1
            super().on_timestep_end(timestep)

    data = predict(lambda inp, hid, *rest: [Doubled(hid, "v", key="v")], 1, stepping=False)
    assert Doubled.calls == 20 * NUM_EXAMPLES
    assert len(data["v"]) == NUM_EXAMPLES


def test_timestep_updates_before_and_after_recorders() -> None:
    """What a custom update writes is recorded by recorders that come after it only."""

    def run(order: str, stepping: bool) -> np.ndarray:
        net, inp, hid, out, _ = network()
        compiled = InferenceCompiler(20).compile(net, "test")
        update = CustomUpdateOnTimestepEnd("Reset", lambda n: n % 2 == 1)
        recorder = VarRecorder(hid, "v", key="v")
        callbacks = [update, recorder] if order == "update first" else [recorder, update]
        if stepping:
            callbacks.append(EveryTimestep())
        with compiled:
            _, data = compiled.predict(
                {inp: to_spikes(CONSTANTS["X"], 1, 3)}, out, callbacks=callbacks
            )
        return data["v"][0]

    for order in ("update first", "recorder first"):
        np.testing.assert_array_equal(run(order, False), run(order, True))
    assert np.all(run("update first", False)[1::2] == 0.0)
    assert np.any(run("recorder first", False)[1::2] != 0.0)


def test_recorder_errors() -> None:
    net, inp, hid, out, conn = network()
    with pytest.raises(RuntimeError, match="genn_var"):
        VarRecorder(hid)
    with pytest.raises(RuntimeError):
        VarRecorder(hid, "tau_mem")
    compiled = InferenceCompiler(20).compile(net, "test")
    x = {inp: to_spikes(CONSTANTS["X"], 1, 3)}
    with compiled:
        for callback, message in (
            (VarRecorder(hid, "v_thresh"), "no variable 'Vthresh'"),
            (SpikeRecorder(out), "record_spikes=True"),
            (ConnVarRecorder(conn, "nothing"), "no variable 'nothing'"),
        ):
            with pytest.raises(RuntimeError, match=message):
                compiled.predict(x, out, callbacks=[callback])
        with pytest.raises(RuntimeError):
            compiled.predict(x, out, callbacks=["no_such_callback"])
        with pytest.raises(RuntimeError):
            compiled.predict(x, out, callbacks=[BatchProgressBar])
        with pytest.raises(IndexError, match="NoSuchGroup"):
            compiled.predict(x, out, callbacks=[CustomUpdateOnBatchBegin("NoSuchGroup")])


def test_callback_keys() -> None:
    net, inp, hid, out, _ = network()
    compiled = InferenceCompiler(20).compile(net, "test")
    x = {inp: to_spikes(CONSTANTS["X"], 1, 3)}
    with compiled:
        with pytest.warns(UserWarning, match="no key"):
            _, data = compiled.predict(x, out, callbacks=[VarRecorder(hid, "v")])
        assert list(data) == [1]  # position 0 is the compiler's own callback
        with pytest.raises(KeyError):
            compiled.predict(
                x, out, callbacks=[VarRecorder(hid, "v", key=0), VarRecorder(out, "v", key=0)]
            )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled.predict(x, out, callbacks=[VarRecorder(hid, "v", key="v")])


def test_callbacks_are_copied_and_first_of_each_class_is_told() -> None:
    class First(Callback):
        is_first = False

        def set_first(self) -> None:
            self.is_first = True

    mine = First()
    callbacks = CallbackList([mine, First(), "batch_progress_bar"], num_batches=3)
    assert [callbacks[0].is_first, callbacks[1].is_first] == [True, False]
    assert not mine.is_first


def train(callbacks: Any, num_epochs: int = 2, **kwargs: Any) -> Any:
    built = build()
    compiled = EventPropCompiler(20, losses=SCE, optimiser=Adam(0.01), **kwargs).compile(
        built.network, "test"
    )
    inp, out = built.populations["in"], built.populations["out"]
    with compiled:
        compiled.train(
            {inp: to_spikes(CONSTANTS["X"], NUM_EXAMPLES, 3)},
            {out: CONSTANTS["Y"]},
            num_epochs,
            shuffle=False,
            callbacks=callbacks,
        )
        weights = {
            name: compiled.connection_populations[conn].vars["g"].values
            for name, conn in built.connections.items()
        }
    return built, compiled, weights


def test_optimiser_schedule() -> None:
    _, compiled, _ = train([OptimiserParamSchedule("alpha", lambda epoch, alpha: alpha / 2)], 3)
    assert [optimiser.alpha for optimiser, _ in compiled.optimisers] == [0.01 / 8]
    _, _, frozen = train([OptimiserParamSchedule("alpha", lambda epoch, alpha: 0.0)])
    np.testing.assert_array_equal(frozen["ih"], CONSTANTS["W_ih"].astype(np.float32).ravel())


def test_checkpoints_can_be_loaded(tmp_path: Path) -> None:
    built, _, weights = train([Checkpoint(Numpy(str(tmp_path)), epoch_interval=2)], num_epochs=3)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["0-ho-g.npy", "0-ih-g.npy", "2-ho-g.npy", "2-ih-g.npy"]
    built.network.load((2,), Numpy(str(tmp_path)))
    for name, conn in built.connections.items():
        np.testing.assert_array_equal(conn.connectivity.weight, weights[name])
    with pytest.raises(ValueError):
        Checkpoint(epoch_interval=0)
    with pytest.raises(TypeError):
        Checkpoint(epoch_interval=1.5)  # type: ignore[arg-type]


def test_progress_bar_shows_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    train([BatchProgressBar()])
    shown = capsys.readouterr().err
    assert "Epoch 1" in shown
    assert "SparseCategoricalAccuracy: " in shown
    assert "5/5" in shown
