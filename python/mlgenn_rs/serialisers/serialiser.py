"""Base class of serialisers."""

from __future__ import annotations

import io
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


class Serialiser(ABC):
    """Store of arrays by keys: sequences of objects, of which ``str`` is taken."""

    @abstractmethod
    def serialise(self, keys: Sequence[Any], data: npt.NDArray[Any]) -> None:
        """Store an array, replacing what was there."""

    @abstractmethod
    def deserialise(self, keys: Sequence[Any]) -> npt.NDArray[Any]:
        """Return the array stored under some keys."""

    @abstractmethod
    def deserialise_all(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays with one more key, by that key."""

    def serialise_archive(
        self, keys: Sequence[Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Store arrays that belong together as one: either all of them are replaced or none.

        Unless a serialiser has something better, they are packed into a single array of bytes.

        Parameters
        ----------
        keys
            Keys of the archive.
        arrays
            Arrays by name.
        """
        stream = io.BytesIO()
        write_archive(stream, arrays)
        self.serialise(keys, np.frombuffer(stream.getvalue(), dtype=np.uint8))

    def deserialise_archive(self, keys: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return what :meth:`serialise_archive` stored.

        Raises
        ------
        ValueError
            If it is damaged.
        """
        packed = np.asarray(self.deserialise(keys), dtype=np.uint8)
        return read_archive(io.BytesIO(packed.tobytes()), "-".join(str(key) for key in keys))


def write_archive(stream: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays by name in the format of ``numpy.savez``, whose check sums find damage."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)


def read_archive(stream: BinaryIO, what: str) -> dict[str, npt.NDArray[Any]]:
    """Read what :func:`write_archive` wrote; ``what`` names it in the :class:`ValueError`."""
    try:
        with zipfile.ZipFile(stream) as archive:
            arrays = {}
            for name in archive.namelist():
                with archive.open(name) as entry:
                    data = io.BytesIO(entry.read())
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(
                    data, allow_pickle=False
                )
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{what} is damaged, incomplete or no archive of arrays ({error}); use another one"
        ) from error
