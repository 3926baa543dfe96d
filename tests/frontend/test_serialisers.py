"""Files of the numpy serialiser are whole or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgenn_rs import Connection, Network, Population
from mlgenn_rs.connectivity import Dense
from mlgenn_rs.serialisers import Memory, Numpy


def test_files_are_those_of_numpy(tmp_path: Path) -> None:
    data = np.arange(6, dtype=np.float32)
    Numpy(str(tmp_path)).serialise((3, "Conn", "g"), data)
    assert [file.name for file in tmp_path.iterdir()] == ["3-Conn-g.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "3-Conn-g.npy"), data)


def test_failed_writes_leave_the_old_file(tmp_path: Path) -> None:
    store = Numpy(str(tmp_path))
    store.serialise(("a",), np.ones(3))
    store.serialise_archive(("a",), {"x": np.ones(3)})

    class Unwritable:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        store.serialise(("a",), Unwritable())  # type: ignore[arg-type]
    with pytest.raises(InterruptedError):
        store.serialise_archive(("a",), {"x": np.zeros(3), "y": Unwritable()})  # type: ignore[dict-item]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npy", "a.npz"]
    np.testing.assert_array_equal(store.deserialise(("a",)), np.ones(3))
    np.testing.assert_array_equal(store.deserialise_archive(("a",))["x"], np.ones(3))


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_damaged_files_are_named(content: bytes | None, tmp_path: Path) -> None:
    store, file = Numpy(str(tmp_path)), tmp_path / "2-Conn-g.npy"
    store.serialise((2, "Conn", "g"), np.ones(100))
    file.write_bytes(file.read_bytes()[:300] if content is None else content)
    for read in (store.deserialise, lambda keys: store.deserialise_all(keys[:-1])):
        with pytest.raises(ValueError, match=r"2-Conn-g\.npy"):
            read((2, "Conn", "g"))


def test_archives_are_files_of_numpy(tmp_path: Path) -> None:
    arrays = {"array/neuron.P.vars.V": np.arange(6.0).reshape(2, 3), "b": np.zeros(0, np.uint8)}
    store = Numpy(str(tmp_path))
    store.serialise_archive((1, "state"), arrays)
    with np.load(tmp_path / "1-state.npz") as loaded:
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)
            np.testing.assert_array_equal(store.deserialise_archive((1, "state"))[name], array)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        Numpy(str(tmp_path)).deserialise_archive(("evil",))


def test_memory_keeps_copies() -> None:
    arrays: dict[tuple[str, ...], Any] = {}
    store, data = Memory(arrays), np.arange(3.0)
    store.serialise((1, "Conn", "g"), data)
    store.serialise((1, "Conn", "d"), np.ones(2))
    store.serialise((1, "Other", "g"), np.zeros(2))
    data[0] = 7.0
    store.deserialise((1, "Conn", "g"))[1] = 7.0
    store.deserialise_all((1, "Conn"))["g"][2] = 7.0
    np.testing.assert_array_equal(store.deserialise(("1", "Conn", "g")), np.arange(3.0))
    assert set(store.deserialise_all((1, "Conn"))) == {"d", "g"}
    assert store.deserialise_all((1, "Con")) == {} and len(arrays) == 3
    with pytest.raises(KeyError):
        store.deserialise((2, "Conn", "g"))
    store.serialise_archive((1, "state"), {"a": np.arange(4)})
    np.testing.assert_array_equal(store.deserialise_archive((1, "state"))["a"], np.arange(4))
    with pytest.raises(TypeError, match="dictionary"):
        Memory("folder")  # type: ignore[arg-type]


def test_memory_takes_weights_from_one_network_to_another() -> None:
    weights = Memory({})
    weights.serialise(("In_Out", "g"), np.asarray([0.5, 0.25]))
    network = Network()
    with network:
        source, target = Population("spike_input", 1), Population("integrate_fire", 2)
        connection = Connection(source, target, Dense(0.0), name="In_Out")
    network.load((), weights)
    np.testing.assert_array_equal(connection.connectivity.weight, [0.5, 0.25])
