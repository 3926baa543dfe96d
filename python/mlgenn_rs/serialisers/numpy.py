"""Checkpoints in files of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .serialiser import Serialiser


class Numpy(Serialiser):
    """Stores every array as ``<path>/<key>-<key>-....npy``.

    Keys, and so the names of populations and connections, must not contain ``-``.

    Parameters
    ----------
    path
        Directory, created if it does not exist; the current one by default.
    """

    def __init__(self, path: str = "") -> None:
        self.path = path
        if path:
            Path(path).mkdir(parents=True, exist_ok=True)

    def serialise(self, keys: Sequence[Any], data: npt.NDArray[Any]) -> None:
        """Write an array, replacing what was there."""
        np.save(self._get_file(keys), data)

    def deserialise(self, keys: Sequence[Any]) -> npt.NDArray[Any]:
        """Read an array; :class:`FileNotFoundError` if there is none."""
        array: npt.NDArray[Any] = np.load(self._get_file(keys))
        return array

    def deserialise_all(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Read all arrays with one more key, by that key.

        Raises
        ------
        AssertionError
            If the name of a file has more parts.
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
            arrays[rest] = np.load(file)
        return arrays

    def _get_file(self, keys: Sequence[Any]) -> Path:
        return Path(self.path) / ("-".join(str(k) for k in keys) + ".npy")

    def __repr__(self) -> str:
        """Return the directory."""
        return f"Numpy(path={self.path!r})"
