"""Lists of callbacks, and the events passed on to them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .module import get_given_object
from .timestep_plan import TimestepPlan

_TIMESTEP_METHODS = ("on_timestep_begin", "on_timestep_end")

_METHODS = (
    "on_test_begin",
    "on_test_end",
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_epoch_finished",
    "on_batch_begin",
    "on_batch_end",
    "on_backward_begin",
    "on_backward_end",
    *_TIMESTEP_METHODS,
)


class CallbackList:
    """Callbacks in order, and the events passed on to them.

    Callbacks given as objects are copied (shallowly), names stand for default-constructed ones.
    Which methods each of them has is looked up when the list is made.

    Parameters
    ----------
    callbacks
        Callbacks or their names.
    params
        Passed to ``set_params`` of every callback, with ``data``, a dictionary they share.

    Raises
    ------
    RuntimeError
        If an element is neither a callback nor the name of one.
    """

    def __init__(self, callbacks: Sequence[Any], **params: Any) -> None:
        # Callbacks use this package, so it cannot import them before they are complete
        from ..callbacks import Callback, default_callbacks
        from ..callbacks.joined_updates import join_updates

        self._callbacks: list[Any] = [
            get_given_object(callback, Callback, "Callback", default_callbacks)
            for callback in callbacks
        ]
        data: dict[Any, Any] = {}
        for callback in self._having("set_params"):
            callback.set_params(data=data, **params)
        seen: set[type] = set()
        for callback in self._callbacks:
            if type(callback) not in seen and hasattr(callback, "set_first"):
                callback.set_first()
            seen.add(type(callback))
        # Not in every batch, as there are many callbacks and most of them lack most methods
        self._acting = {method: self._having(method) for method in _METHODS}
        self._acting["on_batch_end"] = join_updates(
            self._acting["on_batch_end"], params.get("compiled_network")
        )
        self._acting_in_timesteps = self._having(*_TIMESTEP_METHODS)

    def __getitem__(self, index: int) -> Any:
        """Return the callback at a position."""
        return self._callbacks[index]

    def __len__(self) -> int:
        """Return the number of callbacks."""
        return len(self._callbacks)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the callbacks."""
        return iter(self._callbacks)

    def on_test_begin(self) -> None:
        """Pass on that inference or validation begins."""
        self._call("on_test_begin")

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Pass on that inference or validation ended."""
        self._call("on_test_end", metrics)

    def on_train_begin(self) -> None:
        """Pass on that training begins."""
        self._call("on_train_begin")

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Pass on that training ended."""
        self._call("on_train_end", metrics)

    def on_epoch_begin(self, epoch: int) -> None:
        """Pass on that an epoch begins."""
        self._call("on_epoch_begin", epoch)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Pass on that an epoch ended."""
        self._call("on_epoch_end", epoch, metrics)

    def on_epoch_finished(self, epoch: int) -> None:
        """Pass on that an epoch and its validation ended."""
        self._call("on_epoch_finished", epoch)

    def on_batch_begin(self, batch: int) -> None:
        """Pass on that a batch begins."""
        self._call("on_batch_begin", batch)

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Pass on that a batch ended."""
        self._call("on_batch_end", batch, metrics)

    def on_backward_begin(self, batch: int) -> None:
        """Pass on that a backward pass begins."""
        self._call("on_backward_begin", batch)

    def on_backward_end(self, batch: int) -> None:
        """Pass on that a backward pass ended."""
        self._call("on_backward_end", batch)

    def on_timestep_begin(self, timestep: int) -> None:
        """Pass on that a timestep begins."""
        self._call("on_timestep_begin", timestep)

    def on_timestep_end(self, timestep: int) -> None:
        """Pass on that a timestep ended."""
        self._call("on_timestep_end", timestep)

    def plan_timesteps(self, start: int, num_timesteps: int) -> TimestepPlan | None:
        """Return what the callbacks do in the next timesteps as a plan for the engine.

        ``None`` if some callback needs Python in every timestep.

        Parameters
        ----------
        start
            Timestep counter before the first timestep.
        num_timesteps
            Number of timesteps.
        """
        plan = TimestepPlan(start, num_timesteps)
        for callback in self._acting_in_timesteps:
            if not (_can_be_planned(callback) and callback.add_to_plan(plan)):
                return None
        return plan

    def get_data(self) -> dict[Any, Any]:
        """Return the data that callbacks collected, by key.

        The key of a callback without one is its position in the list, which includes the
        compiler's own callbacks.

        Raises
        ------
        KeyError
            If two callbacks have the same key.
        """
        data: dict[Any, Any] = {}
        for position, callback in enumerate(self._callbacks):
            if not hasattr(callback, "get_data"):
                continue
            key, value = callback.get_data()
            if key is None:
                warnings.warn(
                    f"{type(callback).__name__} has no key, so its data is returned under its "
                    f"position in the callback list ({position}); give it a key",
                    stacklevel=3,
                )
                key = position
            if key in data:
                raise KeyError(
                    f"two callbacks return data under the key {key!r}; give each its own key"
                )
            data[key] = value
        return data

    def _having(self, *methods: str) -> list[Any]:
        """Return the callbacks that have any of some methods."""
        return [
            callback
            for callback in self._callbacks
            if any(getattr(callback, method, None) is not None for method in methods)
        ]

    def _call(self, method: str, *args: Any) -> None:
        for callback in self._acting[method]:
            getattr(callback, method)(*args)


def check_callbacks(callbacks: Any) -> list[Any]:
    """Return a sequence of callbacks as a list; :class:`TypeError` if it is none."""
    if isinstance(callbacks, str) or not isinstance(callbacks, Iterable):
        raise TypeError(
            f"callbacks must be a list of callbacks and names of callbacks, got {callbacks!r}"
        )
    return list(callbacks)


def _can_be_planned(callback: Any) -> bool:
    """Return whether ``add_to_plan`` stands for the callback's timestep methods.

    It does not if a subclass overrides one of them only, or if one was assigned to the object.
    """
    names = (*_TIMESTEP_METHODS, "add_to_plan")
    if any(name in vars(callback) for name in names):
        return False
    for cls in type(callback).__mro__:
        if any(name in vars(cls) for name in names):
            return "add_to_plan" in vars(cls)
    return False
