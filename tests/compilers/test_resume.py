"""A training that was killed goes on as if it had not been."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlgenn_rs
from mlgenn_rs.callbacks import Callback, Checkpoint
from mlgenn_rs.serialisers import Numpy, Serialiser

from .resume_cases import CASES, NUM_EXAMPLES, event_prop, train
from .test_training import LABELS, SPIKES, compile_network


def assert_same(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert actual.keys() == expected.keys()
    different = [name for name in expected if actual[name].tobytes() != expected[name].tobytes()]
    assert not different


def kill(case: str, folder: Path, epoch: int, batch: int) -> None:
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(Path(mlgenn_rs.__file__).parents[1])]
    command = [sys.executable, "-m", "compilers.resume_cases", case, str(folder)]
    ended = subprocess.run(
        [*command, str(epoch), str(batch)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize("case", ["event_prop", "e_prop_deep_r"])
def test_killed_training_goes_on(case: str, tmp_path: Path) -> None:
    expected = train(case, tmp_path / "whole")
    kill(case, tmp_path / "killed", epoch=2, batch=1)
    assert_same(train(case, tmp_path / "killed", resume=True), expected)
    for file in (tmp_path / "whole").glob("*.npy"):
        assert (tmp_path / "killed" / file.name).read_bytes() == file.read_bytes()


class Stop(Callback):
    """Ends training with an exception."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch_begin(self, batch: int) -> None:
        if (self.epoch, batch) == self.at:
            raise InterruptedError


@pytest.mark.parametrize("at", [(1, 0), (1, 2), (3, 1)])
@pytest.mark.parametrize("case", CASES)
def test_stopped_training_goes_on(case: str, at: tuple[int, int], tmp_path: Path) -> None:
    if case == "event_prop_deep_r":
        # Its seed differs from run to run, so what is compared is the rest of one training
        states: list[bytes] = []
        expected = train(case, tmp_path, Keep(tmp_path, at[0] - 1, states))
        (tmp_path / "training_state.npz").write_bytes(states[0])
    else:
        expected = train(case, tmp_path / "whole")
        with pytest.raises(InterruptedError):
            train(case, tmp_path, Stop(*at))
    assert_same(train(case, tmp_path, resume=True), expected)


class Keep(Callback):
    """Keeps the file of the training state after an epoch."""

    def __init__(self, folder: Path, epoch: int, states: list[bytes]) -> None:
        self.folder, self.epoch, self.states = folder, epoch, states

    def on_epoch_finished(self, epoch: int) -> None:
        if epoch == self.epoch:
            self.states.append((self.folder / "training_state.npz").read_bytes())


def test_resuming_matters(tmp_path: Path) -> None:
    """The comparison would notice if only the weights came back."""
    expected = train("event_prop", tmp_path)
    weights = {path for path in expected if path.endswith(("vars.g", "vars.d"))}
    assert weights
    with pytest.raises(InterruptedError):
        train("event_prop", tmp_path, Stop(2, 0))
    with np.load(tmp_path / "training_state.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    for name in arrays:
        if name.startswith("array/") and name.endswith("vars.M"):
            arrays[name] = np.zeros_like(arrays[name])
    Numpy(str(tmp_path)).serialise_archive(("training_state",), arrays)
    resumed = train("event_prop", tmp_path, resume=True)
    assert any(resumed[path].tobytes() != expected[path].tobytes() for path in weights)


def test_calls_that_ended_are_not_continued(tmp_path: Path) -> None:
    """Epochs that are trained one by one start with the examples as they are given."""
    orders: dict[bool, list[list[int]]] = {}
    serialiser = Numpy(str(tmp_path))
    for interrupted in (False, True):
        seen = orders[interrupted] = []
        np.random.seed(2)
        _, compiled, inp, out = compile_network()
        data = ({inp: SPIKES}, {out: np.asarray([0, 1, 1, 1, 0])})
        with compiled:
            for epoch in range(4):
                if interrupted and epoch == 2:
                    break
                compiled.train(*data, 1, epoch, callbacks=[Labels(out, seen)])
                compiled.save_training_state((epoch,), serialiser)
    np.random.seed(3)
    _, compiled, inp, out = compile_network()
    data = ({inp: SPIKES}, {out: np.asarray([0, 1, 1, 1, 0])})
    with compiled:
        assert compiled.load_training_state((1,), serialiser) == 2
        for epoch in (2, 3):
            compiled.train(*data, 1, epoch, callbacks=[Labels(out, orders[True])])
    assert orders[True] == orders[False]


class Labels(Callback):
    def __init__(self, output: Any, seen: list[list[int]]) -> None:
        self.output, self.seen = output, seen

    def set_params(self, compiled_network: Any, **_: Any) -> None:
        self.group = compiled_network.neuron_populations[self.output]

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        self.seen.append(self.group.vars["YTrue"].values.ravel().tolist())


def test_default_checkpoints_are_those_of_ml_genn(tmp_path: Path) -> None:
    _, compiled, inp, out = compile_network()
    with compiled:
        compiled.train(
            {inp: SPIKES}, {out: LABELS}, 3, callbacks=[Checkpoint(Numpy(str(tmp_path)), 2)]
        )
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "0-ho-g.npy",
        "0-ih-g.npy",
        "2-ho-g.npy",
        "2-ih-g.npy",
    ]


class Memory(Serialiser):
    """Keeps arrays in memory."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def serialise(self, keys: Any, data: np.ndarray) -> None:
        self.arrays["-".join(map(str, keys))] = data.copy()

    def deserialise(self, keys: Any) -> np.ndarray:
        return self.arrays["-".join(map(str, keys))]

    def deserialise_all(self, keys: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def __copy__(self) -> Memory:
        return self


def saved_in_memory() -> Memory:
    store = Memory()
    _, compiled, inp, out = compile_network()
    with compiled:
        compiled.train({inp: SPIKES}, {out: LABELS}, 2, callbacks=[])
        compiled.save_training_state((), store)
    return store


def test_any_serialiser_can_hold_it() -> None:
    store = saved_in_memory()
    _, compiled, *_ = compile_network()
    with compiled:
        assert compiled.load_training_state((), store) == 2
    store.arrays["training_state"] = store.arrays["training_state"][:-100]
    with compiled, pytest.raises(ValueError, match="training_state is damaged"):
        compiled.load_training_state((), store)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda data: data[: len(data) // 2], ValueError, "damaged, incomplete"),
        (lambda data: b"", ValueError, "damaged, incomplete"),
        (lambda data: b"hello", ValueError, "damaged, incomplete"),
        (lambda data: data[:3000] + b"\0\1\2\3" * 8 + data[3032:], ValueError, "damaged"),
        (lambda data: _archive(a=np.zeros(3)), RuntimeError, "no training state"),
    ],
    ids=["truncated", "empty", "text", "flipped", "foreign"],
)
def test_damaged_files(damage: Any, error: Any, message: str, tmp_path: Path) -> None:
    _, compiled, inp, out = compile_network()
    serialiser, file = Numpy(str(tmp_path)), tmp_path / "training_state.npz"
    with compiled:
        compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[])
        compiled.save_training_state((), serialiser)
        file.write_bytes(damage(file.read_bytes()))
        before = compiled.genn_model.state_arrays()
        copies = {path: array.copy() for path, array in before.items()}
        with pytest.raises(error, match=message) as caught:
            compiled.load_training_state((), serialiser)
        if error is ValueError:
            assert "training_state.npz" in str(caught.value)
        assert_same(compiled.genn_model.state_arrays(), copies)


def _archive(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_missing_file(tmp_path: Path) -> None:
    _, compiled, *_ = compile_network()
    with compiled, pytest.raises(FileNotFoundError, match=r"training_state\.npz"):
        compiled.load_training_state((), Numpy(str(tmp_path)))


def test_state_of_another_network() -> None:
    store = saved_in_memory()
    _, compiled, *_ = compile_network(batch_size=2)
    with compiled, pytest.raises(RuntimeError, match=r"another network .* batch size"):
        compiled.load_training_state((), store)
    _, compiled, *_ = compile_network(dt=0.5)
    with compiled:
        with pytest.raises(RuntimeError, match="strict=False"):
            compiled.load_training_state((), store)
        assert compiled.load_training_state((), store, strict=False) == 2


def test_other_examples(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        train("event_prop", tmp_path, Stop(2, 1))
    compiled, source, output, examples = event_prop()
    with compiled:
        epoch = compiled.load_training_state((), Numpy(str(tmp_path)))
        labels = [0] * (NUM_EXAMPLES - 3)
        with pytest.raises(RuntimeError, match="cannot go on with 6"):
            compiled.train({source: examples[3:]}, {output: labels}, 1, epoch, callbacks=[])


def test_outside_of_a_with_block(tmp_path: Path) -> None:
    _, compiled, *_ = compile_network()
    for method in (compiled.save_training_state, compiled.load_training_state):
        with pytest.raises(RuntimeError, match="inside of a `with` block"):
            method((), Numpy(str(tmp_path)))


def test_the_middle_of_an_epoch_is_not_saved(tmp_path: Path) -> None:
    _, compiled, inp, out = compile_network()
    with compiled:
        with pytest.raises(InterruptedError):
            compiled.train({inp: SPIKES}, {out: LABELS}, 2, callbacks=[Stop(1, 1)])
        with pytest.raises(RuntimeError, match="not ended"):
            compiled.save_training_state((), Numpy(str(tmp_path)))
        compiled.train({inp: SPIKES}, {out: LABELS}, 1, callbacks=[])
        compiled.save_training_state((), Numpy(str(tmp_path)))


def test_threads_do_not_matter(tmp_path: Path, monkeypatch: Any) -> None:
    expected = train("event_prop", tmp_path / "whole", num_threads=1)
    with pytest.raises(InterruptedError):
        train("event_prop", tmp_path, Stop(2, 1), num_threads=1)
    assert_same(train("event_prop", tmp_path, resume=True, num_threads=2), expected)
