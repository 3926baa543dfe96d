"""Checkpoints in files of numpy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .serialiser import Serialiser, read_archive, write_archive


class Numpy(Serialiser):
    """Stores every array as ``<path>/<key>-<key>-....npy``, archives as ``....npz``.

    Keys, and so the names of populations and connections, must not contain ``-``.  A file is
    replaced as a whole: whatever interrupts the writing, it holds either the old or the new arrays.

    Parameters
    ----------
    path
        Directory, created if it does not exist; the current one by default.
    """

    def __init__(self, path: str = "") -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"Numpy: path must be the name of a directory, got {path!r}")
        self.path = path
        if path:
            Path(path).mkdir(parents=True, exist_ok=True)

    def serialise(self, keys: Sequence[Any], data: npt.NDArray[Any]) -> None:
        """Write an array, replacing what was there."""
        _replace(self._get_file(keys), lambda stream: np.save(stream, data))

    def deserialise(self, keys: Sequence[Any]) -> npt.NDArray[Any]:
        """Read an array.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is damaged or not one of numpy.
        """
        return _load(self._get_file(keys))

    def deserialise_all(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Read all arrays with one more key, by that key.

        Raises
        ------
        AssertionError
            If the name of a file has more parts.
        ValueError
            If a file is damaged or not one of numpy.
        """
        prefix = "-".join(str(k) for k in keys) + "-" if keys else ""
        arrays = {}
        for file in sorted(Path(self.path).iterdir()):
            if file.suffix != ".npy" or not file.name.startswith(prefix):
                continue
            rest = file.stem[len(prefix) :]
            assert "-" not in rest, (
                f"'{file}': expected one more part after '{prefix}'; keys and names of populations "
                f"and connections must not contain '-'"
            )
            arrays[rest] = _load(file)
        return arrays

    def serialise_archive(
        self, keys: Sequence[Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Write arrays that belong together into one file, replacing what was there."""
        _replace(self._get_file(keys, ".npz"), lambda stream: write_archive(stream, arrays))

    def deserialise_archive(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Read arrays that belong together.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged.
        """
        file = self._get_file(keys, ".npz")
        with file.open("rb") as stream:
            return read_archive(stream, f"'{file}'")

    def _get_file(self, keys: Sequence[Any], suffix: str = ".npy") -> Path:
        return Path(self.path) / ("-".join(str(k) for k in keys) + suffix)

    def __repr__(self) -> str:
        """Return the directory."""
        return f"Numpy(path={self.path!r})"


def _load(file: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(file)
    except (ValueError, EOFError) as error:
        raise ValueError(f"'{file}' is damaged or no array saved by numpy: {error}") from error
    return array


def _replace(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write to another file, and give it the name once all of it is on disk."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
