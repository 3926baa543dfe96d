"""The state of a training: all that is needed to go on after an interruption as if there was none.

That is every array of the loaded network (weights, gradients, moments of optimisers, neurons,
spikes on their way, tapes of EventProp, traces of e-prop, bit masks of Deep-R), what the engine
counts, the parameters of optimisers, numpy's global random number generator and the order of
examples.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import GeNNModel
from ..optimisers import Optimiser
from .mostly_zero import OccupiedParts

Arrays = dict[str, npt.NDArray[Any]]

Kind = tuple[np.dtype[Any], tuple[int, ...]]
"""Type and shape of an array."""

FORMAT = 2
"""Version of what is stored."""

_HEADER, _ORDER, _ARRAY = "header", "order", "array/"

_PARTS = {"numbers": "numbers/", "contents": "contents/", "rest": "rest/"}
"""Fields of :class:`OccupiedParts`, and what comes before the path of an array."""


@dataclass(frozen=True)
class Position:
    """Where in a call of ``train`` a training is."""

    epoch: int
    """The epoch that follows."""
    end: int
    """The epoch after the last one of the call."""
    order: npt.NDArray[np.int64]
    """Which of the given examples is where; shuffling permutes what is permuted already."""

    def continues(self, start_epoch: int) -> bool:
        """Return whether a call that starts at an epoch goes on with this one."""
        return self.epoch == start_epoch and self.epoch < self.end

    def get_order(self, size: int) -> npt.NDArray[np.int64]:
        """Return the order of examples, of which there are ``size`` now.

        Raises
        ------
        RuntimeError
            If it is another number.
        """
        if size != len(self.order):
            raise RuntimeError(
                f"train: the training state was saved in a training with {len(self.order)} "
                f"examples, which cannot go on with {size}; give the same examples in the same "
                "order, or start at another epoch than the one that load_training_state returned"
            )
        return self.order


def pack(genn_model: GeNNModel, optimisers: Sequence[Optimiser], position: Position) -> Arrays:
    """Return a training state as arrays by name; those of the network are live views."""
    header = {
        "format": FORMAT,
        "network": genn_model.name,
        "description": _digest(genn_model),
        "progress": genn_model.simulation.progress(),
        "optimisers": [_get_numbers(optimiser) for optimiser in optimisers],
        "numpy_random": _to_json(np.random.get_state(legacy=False)),
        "epoch": position.epoch,
        "end": position.end,
    }
    arrays: Arrays = {_ORDER: position.order}
    mostly_zero = {}
    for path, array in genn_model.state_arrays().items():
        parts = OccupiedParts.find(array)
        if parts is None:
            arrays[f"{_ARRAY}{path}"] = array
            continue
        mostly_zero[path] = [array.dtype.str, array.shape]
        for name, prefix in _PARTS.items():
            arrays[f"{prefix}{path}"] = getattr(parts, name)
    text = json.dumps({**header, "mostly_zero": mostly_zero}).encode()
    return {_HEADER: np.frombuffer(text, dtype=np.uint8), **arrays}


def unpack(
    arrays: Mapping[str, npt.NDArray[Any]],
    genn_model: GeNNModel,
    optimisers: Sequence[Optimiser],
    strict: bool,
) -> Position:
    """Put a network and its optimisers into the state that :func:`pack` returned.

    Nothing is changed if it does not fit.

    Raises
    ------
    RuntimeError
        If the state is none, or that of another network.
    """
    header = _get_header(arrays)
    saved = {
        name.removeprefix(_ARRAY): array
        for name, array in arrays.items()
        if name.startswith(_ARRAY)
    }
    live = genn_model.state_arrays()
    kinds = {
        path: (np.dtype(dtype), tuple(shape))
        for path, (dtype, shape) in header["mostly_zero"].items()
    }
    kinds |= {path: (array.dtype, array.shape) for path, array in saved.items()}
    _check_arrays(kinds, live, header["network"])
    if strict and header["description"] != _digest(genn_model):
        raise RuntimeError(
            "load_training_state: the network has the same arrays as the one that was saved, but "
            "its model code, a parameter or an initial value differs, so training would not go on "
            "as it would have; compile the same network, or load with strict=False"
        )
    if len(header["optimisers"]) != len(optimisers):
        raise RuntimeError(
            f"load_training_state: the state has {len(header['optimisers'])} optimisers, the "
            f"network has {len(optimisers)}"
        )
    for path, array in saved.items():
        live[path][...] = array
    for path in header["mostly_zero"]:
        parts = {name: arrays[f"{prefix}{path}"] for name, prefix in _PARTS.items()}
        OccupiedParts(**parts).restore(live[path])
    genn_model.resume(header["progress"])
    for optimiser, numbers in zip(optimisers, header["optimisers"], strict=True):
        vars(optimiser).update(numbers)
    np.random.set_state(_from_json(header["numpy_random"]))
    return Position(header["epoch"], header["end"], arrays[_ORDER])


def _get_header(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    if _HEADER not in arrays or _ORDER not in arrays:
        raise RuntimeError("load_training_state: these arrays are no training state")
    header: dict[str, Any] = json.loads(arrays[_HEADER].tobytes())
    if header.get("format") != FORMAT:
        raise RuntimeError(
            f"load_training_state: the training state has the format {header.get('format')}, this "
            f"version of mlgenn_rs reads format {FORMAT}"
        )
    return header


def _check_arrays(saved: Mapping[str, Kind], live: Arrays, network: str) -> None:
    """Raise unless arrays of the same names, types and shapes were saved."""
    differences = [f"{path} is missing" for path in live if path not in saved]
    differences += [f"{path} is unknown" for path in saved if path not in live]
    for path, (dtype, shape) in saved.items():
        if path in live and (dtype, shape) != (live[path].dtype, live[path].shape):
            differences.append(
                f"{path} was {dtype} {shape}, is {live[path].dtype} {live[path].shape}"
            )
    if differences:
        shown = "; ".join(differences[:3])
        more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise RuntimeError(
            f"load_training_state: the training state is that of another network ({network!r}) or "
            f"of another batch size: {shown}{more}"
        )


def _digest(genn_model: GeNNModel) -> str:
    """Return a digest of everything that the network does, but for its name."""
    description = {**genn_model.describe(), "name": ""}
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _get_numbers(optimiser: Optimiser) -> dict[str, Any]:
    """Return the attributes of an optimiser that a schedule may have changed."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(optimiser).items()
        if isinstance(value, bool | int | float | np.generic)
    }


def _to_json(value: Any) -> Any:
    """Return nested dictionaries with arrays as something that JSON can hold."""
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"__array__": value.tolist(), "dtype": value.dtype.str}
    return value.item() if isinstance(value, np.generic) else value


def _from_json(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "__array__" in value:
        return np.array(value["__array__"], dtype=value["dtype"])
    return {key: _from_json(item) for key, item in value.items()}
