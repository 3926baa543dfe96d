"""What the engine does in the timesteps of an example, without returning to Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

PlanEntry = tuple[str, "int | None"]
"""Custom update group, and the index of the only timestep in which it runs (``None``: all)."""


class TimestepPlan:
    """What the engine does in the timesteps of an example, without returning to Python.

    Callbacks whose work the engine can do itself add it with :meth:`add_begin`, :meth:`add_end`
    and :meth:`add_recording`, in the order of the callback list.  Each returns whether the work
    fits into the plan; a callback that gets ``False`` must hand it on, and the timesteps are then
    run one by one.

    Parameters
    ----------
    start
        Timestep counter before the first timestep.
    num_timesteps
        Number of timesteps.
    """

    def __init__(self, start: int, num_timesteps: int) -> None:
        self.start = start
        self.num_timesteps = num_timesteps
        self.begin: list[PlanEntry] = []
        self.end: list[PlanEntry] = []
        self.record: list[str] = []
        self._after_run: list[Callable[[Callable[[str], np.ndarray[Any, Any]]], None]] = []

    @property
    def timesteps(self) -> range:
        """Timestep counter at the beginning of each timestep."""
        return range(self.start, self.start + self.num_timesteps)

    def add_begin(self, entries: list[PlanEntry]) -> bool:
        """Add custom update groups to run before timesteps."""
        self.begin += entries
        return True

    def add_end(self, entries: list[PlanEntry]) -> bool:
        """Add custom update groups to run after timesteps.

        The engine records after the last of them, so they must come before all recordings.
        """
        if entries and self.record:
            return False
        self.end += entries
        return True

    def add_recording(self, path: str, receive: Callable[[np.ndarray[Any, Any]], None]) -> bool:
        """Record a variable at the end of every timestep.

        ``receive`` gets the values after the run, shape ``(timesteps, copies, elements)`` where
        ``copies`` is the batch size, or 1 for variables that batch members share.
        """
        if path not in self.record:
            self.record.append(path)
        self._after_run.append(lambda recorded: receive(recorded(path)))
        return True

    def add_after_run(self, act: Callable[[], None]) -> bool:
        """Call a function once all timesteps have been run."""
        self._after_run.append(lambda recorded: act())
        return True

    def finish(self, recorded: Callable[[str], np.ndarray[Any, Any]]) -> None:
        """Hand out what was recorded; ``recorded`` returns the values of a path."""
        for act in self._after_run:
            act(recorded)
