"""The network and its life cycle: describe, build, load, run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import AnyArray
from .description import NetworkDescription
from .errors import ModelError, RuntimeFault, UnknownGroup
from .preferences import Preferences, check_preferences, get_default_backend
from .timers import Timers

if TYPE_CHECKING:
    from mlgenn_rs._core import CompiledModel

Scheduled = Iterable[str | tuple[str, int | None]]
"""Custom update groups to run in every timestep, or (group, timestep) to run in only one."""


class GeNNModel(NetworkDescription, Timers):
    """A network of spiking neurons: describe it, build it, load it, run it.

    Parameters
    ----------
    precision
        ``"float"`` or ``"double"``: type that ``scalar`` stands for.
    model_name
        Name, for messages.
    backend
        ``"cuda"`` (an NVIDIA GPU), ``"cpu"``, ``"single_threaded_cpu"`` (the same with one thread)
        or ``"interpreter"`` (slow, for checking).  Unless given: the environment variable
        ``MLGENN_BACKEND``, else ``"cuda"`` if a GPU can be used, else ``"cpu"``.
    time_precision
        ``"float"`` or ``"double"``: type of times; as ``precision`` unless given.
    genn_log_level, code_gen_log_level, transpiler_log_level, runtime_log_level, backend_log_level
        Accepted for compatibility; problems are reported as exceptions.
    **preferences
        Preferences of the backend, such as ``num_threads`` or ``manual_device_id`` (which GPU);
        checked when building.
    """

    def __init__(
        self,
        precision: str | None = "float",
        model_name: str = "GeNNModel",
        backend: str | None = None,
        time_precision: str | None = None,
        genn_log_level: Any = None,
        code_gen_log_level: Any = None,
        transpiler_log_level: Any = None,
        runtime_log_level: Any = None,
        backend_log_level: Any = None,
        **preferences: Any,
    ) -> None:
        super().__init__(model_name, precision or "float", time_precision or precision or "float")
        self._backend = backend
        self._preferences = preferences
        self._compiled: CompiledModel | None = None
        self._compiled_from = ""

    @property
    def backend_name(self) -> str:
        """Name of the backend."""
        return self._backend or get_default_backend(self._preferences)

    def check_preferences(self) -> None:
        """Raise :class:`ModelError` if there is no such backend or preference; building does too.

        That needs no device.
        """
        check_preferences(self._backend, self._preferences)

    def build(
        self, path_to_model: str = "./", always_rebuild: bool = False, never_rebuild: bool = False
    ) -> None:
        """Check and compile the network; nothing is written to disk.

        Raises
        ------
        ModelError
            If the description contradicts itself, or a preference is unknown.
        SnippetError
            If model code is wrong.
        BackendUnavailable
            If the backend was asked for and cannot be used on this machine.
        """
        if self._is_built:
            raise RuntimeFault("the network was already built")
        preferences = Preferences(self._backend, self._preferences)
        if not any(group.lacks_connectivity for group in self.synapse_populations.values()):
            self._compile(preferences)
        self._is_built = True

    def _compile(self, preferences: Preferences) -> CompiledModel:
        """Compile the description, unless it is what was compiled last."""
        from mlgenn_rs import _core

        description = json.dumps(self.describe(), allow_nan=False)
        if self._compiled is None or description != self._compiled_from:
            self._compiled = _core.compile(
                description,
                preferences.backend,
                preferences.num_threads,
                json.dumps(preferences.options),
            )
            self._compiled_from = description
        return self._compiled

    def load(self, num_recording_timesteps: int | None = None) -> None:
        """Allocate and initialise everything; the network can then run.

        Parameters
        ----------
        num_recording_timesteps
            Number of timesteps that recording of spikes and events covers.
        """
        from mlgenn_rs import _core

        if not self._is_built:
            raise RuntimeFault("build the network before loading it")
        if self._simulation is not None:
            raise RuntimeFault("the network is loaded; unload it before loading it again")
        for group in self.synapse_populations.values():
            if group.lacks_connectivity:
                raise ModelError(
                    f"{group.label}: SPARSE connectivity needs a snippet, or pairs given with "
                    f"set_sparse_connections"
                )
        # Explicit pairs may have been given or changed since the network was built.
        compiled = self._compile(Preferences(self._backend, self._preferences))
        arrays = dict(chain.from_iterable(group.initial_arrays() for group in self._groups()))
        self._simulation = _core.Simulation(compiled, arrays, num_recording_timesteps)

    def unload(self) -> None:
        """Give up the simulation; arrays taken from it stay readable."""
        self._simulation = None

    def memory_plan(self) -> list[dict[str, Any]]:
        """Return path, size in bytes, type and shape of everything that loading allocates.

        Extra global parameters count as empty.
        """
        if self._compiled is None:
            raise RuntimeFault("build the network before asking for its memory plan")
        return self._compiled.memory_plan()

    def dump(self, what: str = "cuda") -> str:
        """Return what the network was compiled to.

        Parameters
        ----------
        what
            ``"cuda"``: the CUDA C for a GPU; ``"cuda launches"``: which of its functions are
            launched in a timestep and in custom updates.  Needs no GPU.
        """
        if what not in ("cuda", "cuda launches"):
            raise ModelError(f"dump: expected 'cuda' or 'cuda launches', got {what!r}")
        if self._compiled is None:
            raise RuntimeFault("build the network before dumping it")
        return self._compiled.cuda_text() if what == "cuda" else self._compiled.cuda_launches()

    @property
    def num_threads(self) -> int:
        """Number of threads of the host that the backend of the loaded network uses."""
        self.check_loaded()
        assert self._compiled is not None
        return self._compiled.num_threads

    @property
    def is_on_gpu(self) -> bool:
        """Whether arrays of the loaded network are in the memory of a GPU."""
        return self.simulation.is_on_device

    # State

    def state_arrays(self) -> dict[str, AnyArray]:
        """Return live views of all arrays of the loaded network, by path.

        Together with what ``simulation.progress()`` returns they are all of its state.
        """
        return {
            str(item["path"]): self.simulation.view(item["path"]) for item in self.memory_plan()
        }

    def resume(self, progress: Sequence[Any]) -> None:
        """Go on from where a simulation of the same network was.

        Parameters
        ----------
        progress
            What ``simulation.progress()`` returned; the arrays were written before.
        """
        seed, timestep, steps_made, connectivity_runs, rings = progress
        self.simulation.resume((seed, timestep, steps_made, connectivity_runs, list(rings)))

    def clear_events(self) -> None:
        """Forget all spikes and spike-like events that are on their way to synapses."""
        self.simulation.clear_events()

    # Running

    @property
    def timestep(self) -> int:
        """Number of timesteps made so far; settable, which changes nothing but the time."""
        return self.simulation.timestep

    @timestep.setter
    def timestep(self, timestep: int) -> None:
        self.simulation.timestep = int(timestep)

    @property
    def t(self) -> float:
        """Time in ms.  Assignments are ignored: time follows the timestep."""
        time_type = np.float64 if self.time_precision == "double" else np.float32
        return float(time_type(self.timestep) * time_type(self.dt))

    @t.setter
    def t(self, time: float) -> None:
        pass

    def step_time(self) -> None:
        """Make one timestep."""
        self.simulation.step()

    def custom_update(self, name: str, *others: str, wait: bool = True) -> None:
        """Run custom update groups, one after the other.

        Groups that work on the same synapses take less time in one call than in several; results
        are the same.  With ``timing_enabled`` they do not, so that each has a time of its own.

        Parameters
        ----------
        name, others
            Names of the groups.
        wait
            Wait until they have run, so that errors are raised here.  Otherwise a GPU may go on
            meanwhile, and a CPU make them with the next run; errors are then raised by that, or
            where results are read.

        Raises
        ------
        UnknownGroup
            If no custom update belongs to a group of one of the names; then nothing has run.
        """
        if not self.is_loaded:
            for group in (name, *others):
                self._check_update_group(group)
        self.simulation.custom_update(name, *others, wait=wait)

    def run(
        self,
        num_timesteps: int,
        begin: Scheduled = (),
        end: Scheduled = (),
        record: Sequence[str] = (),
        *,
        wait: bool = True,
    ) -> None:
        """Make many timesteps in one call, without returning to Python between them.

        Parameters
        ----------
        num_timesteps
            Number of timesteps.
        begin, end
            Custom update groups to run before or after every timestep, or ``(group, timestep)`` to
            run in only that timestep of this run, counted from 0.
        record
            Paths of variables to record after every timestep: see :attr:`Array.path` and
            :meth:`recorded`.
        wait
            Return when all is done.  Otherwise a GPU may go on meanwhile: whatever looks at results
            waits for them, and faults of model code are raised then.
        """
        from mlgenn_rs import _core

        plan = _core.RunPlan(int(num_timesteps), _schedule(begin), _schedule(end), list(record))
        self.simulation.run(plan, wait)

    def recorded(self, path: str) -> AnyArray:
        """Return a variable recorded in the last run: timesteps, copies, elements."""
        return self.simulation.recorded(path)

    def pull_recording_buffers_from_device(self) -> None:
        """Copy recorded spikes and events from device to host; done anyway when they are read."""
        self.check_loaded()

    def _check_update_group(self, name: str) -> None:
        known = {update.update_group_name for update in self.custom_updates.values()} | {
            update.update_group_name for update in self.custom_connectivity_updates.values()
        }
        if name not in known:
            raise UnknownGroup(
                f"there is no custom update group {name!r}; groups: "
                + (", ".join(sorted(known)) or "none")
            )


def _schedule(groups: Scheduled) -> list[tuple[str, int | None]]:
    return [(entry, None) if isinstance(entry, str) else entry for entry in groups]
