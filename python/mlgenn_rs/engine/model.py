"""The network: populations, synapse groups and everything else, and its simulation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .arrays import AnyArray, NamedItems
from .builtin import CURRENT_SOURCE_MODELS, CUSTOM_UPDATE_MODELS, NEURON_MODELS, resolve
from .connectivity import ConnectivityInit
from .current_source import CurrentSource
from .custom_connectivity_update import CustomConnectivityUpdate
from .custom_update import CustomUpdate
from .enums import SynapseMatrixType, VarLocation
from .errors import ModelError, RuntimeFault, UnknownGroup
from .group import Group
from .initialisers import PostsynapticInit, WeightUpdateInit
from .models import (
    CurrentSourceModel,
    CustomConnectivityUpdateModel,
    CustomUpdateModel,
    NeuronModel,
)
from .neuron_group import NeuronGroup
from .preferences import Preferences
from .reference_types import EgpReference, VarReference
from .synapse_group import SynapseGroup
from .timers import Timers
from .types import dtype_of

if TYPE_CHECKING:
    from mlgenn_rs._core import CompiledModel, Simulation

G = TypeVar("G", bound=Group)

Values = Mapping[str, Any] | None
"""Values by name."""

Scheduled = Iterable[str | tuple[str, int | None]]
"""Custom update groups to run in every timestep, or (group, timestep) to run in only one."""


class GeNNModel(Timers):
    """A network of spiking neurons: describe it, build it, load it, run it.

    Parameters
    ----------
    precision
        ``"float"`` or ``"double"``: type that ``scalar`` stands for.
    model_name
        Name, for messages.
    backend
        ``"cpu"`` (the default), ``"single_threaded_cpu"`` (the same with one thread) or
        ``"interpreter"`` (slow, for checking).
    time_precision
        ``"float"`` or ``"double"``: type of times; as ``precision`` unless given.
    genn_log_level, code_gen_log_level, transpiler_log_level, runtime_log_level, backend_log_level
        Accepted for compatibility; problems are reported as exceptions.
    **preferences
        Preferences of the backend, such as ``num_threads``; checked when building.
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
        self.name = model_name
        self.precision = _precision(precision or "float")
        self.time_precision = _precision(time_precision or self.precision)
        self.dt = 0.5
        """Length of a timestep in ms."""
        self.batch_size = 1
        """Number of independent copies that run side by side."""
        self.seed = 0
        """Seed of all random numbers; 0 takes one from the operating system."""
        self.timing_enabled = False
        """Whether to measure the time spent in each part."""
        self.fuse_postsynaptic_models = False
        """Whether postsynaptic models of one population that agree may run once."""
        self.fuse_pre_post_weight_update_models = False
        """Whether pre- and postsynaptic updates of one population that agree may run once."""
        self.default_narrow_sparse_ind_enabled = False
        """Whether synapse groups added later may store indices in fewer bits."""
        self.default_var_location = VarLocation.HOST_DEVICE
        self.default_extra_global_param_location = VarLocation.HOST_DEVICE
        self.default_sparse_connectivity_location = VarLocation.HOST_DEVICE
        self._backend = backend
        self._preferences = preferences
        self.neuron_populations: dict[str, NeuronGroup] = NamedItems("neuron populations", {})
        """Populations by name."""
        self.synapse_populations: dict[str, SynapseGroup] = NamedItems("synapse populations", {})
        """Synapse groups by name."""
        self.current_sources: dict[str, CurrentSource] = NamedItems("current sources", {})
        """Current sources by name."""
        self.custom_updates: dict[str, CustomUpdate] = NamedItems("custom updates", {})
        """Custom updates by name."""
        self.custom_connectivity_updates: dict[str, CustomConnectivityUpdate] = NamedItems(
            "custom connectivity updates", {}
        )
        """Custom connectivity updates by name."""
        self._is_built = False
        self._compiled: CompiledModel | None = None
        self._compiled_from = ""
        self._simulation: Simulation | None = None

    # Description

    def add_neuron_population(
        self,
        pop_name: str,
        num_neurons: int,
        neuron: str | NeuronModel,
        params: Values = None,
        vars: Values = None,
    ) -> NeuronGroup:
        """Add a population.

        Parameters
        ----------
        pop_name
            Unique name.
        num_neurons
            Number of neurons.
        neuron
            Neuron model, or name of a built-in one.
        params
            Values of parameters.
        vars
            Initial values of variables: a number, an array, an initialiser or ``None``.
        """
        model = resolve(neuron, NEURON_MODELS, NeuronModel)
        group = NeuronGroup(self, pop_name, num_neurons, model, params or {}, vars or {})
        return self._add(self.neuron_populations, group)

    def add_synapse_population(
        self,
        pop_name: str,
        matrix_type: str | SynapseMatrixType,
        source: str | NeuronGroup,
        target: str | NeuronGroup,
        weight_update_init: WeightUpdateInit,
        postsynaptic_init: PostsynapticInit,
        connectivity_init: ConnectivityInit = None,
    ) -> SynapseGroup:
        """Add a group of synapses.

        Parameters
        ----------
        pop_name
            Unique name.
        matrix_type
            How connectivity and weights are stored.
        source, target
            Populations, or their names.
        weight_update_init, postsynaptic_init
            Models with their values: see :func:`init_weight_update`, :func:`init_postsynaptic`.
        connectivity_init
            Connectivity: see :func:`init_sparse_connectivity`,
            :func:`init_toeplitz_connectivity`; without it, all pairs or those given with
            ``set_sparse_connections``.
        """
        if not isinstance(weight_update_init, WeightUpdateInit):
            raise ModelError(f"expected init_weight_update(...), got {weight_update_init!r}")
        if not isinstance(postsynaptic_init, PostsynapticInit):
            raise ModelError(f"expected init_postsynaptic(...), got {postsynaptic_init!r}")
        group = SynapseGroup(
            self,
            pop_name,
            _matrix_type(matrix_type),
            self._population(source),
            self._population(target),
            weight_update_init,
            postsynaptic_init,
            connectivity_init,
        )
        return self._add(self.synapse_populations, group)

    def add_current_source(
        self,
        cs_name: str,
        current_source_model: str | CurrentSourceModel,
        pop: str | NeuronGroup,
        params: Values = None,
        vars: Values = None,
        var_refs: Values = None,
    ) -> CurrentSource:
        """Add a current source to a population; arguments as for populations."""
        model = resolve(current_source_model, CURRENT_SOURCE_MODELS, CurrentSourceModel)
        group = CurrentSource(
            self, cs_name, model, self._population(pop), params or {}, vars or {}, var_refs or {}
        )
        return self._add(self.current_sources, group)

    def add_custom_update(
        self,
        cu_name: str,
        group_name: str,
        custom_update_model: str | CustomUpdateModel,
        params: Values = None,
        vars: Values = None,
        var_refs: Mapping[str, VarReference] | None = None,
        egp_refs: Mapping[str, EgpReference] | None = None,
    ) -> CustomUpdate:
        """Add a custom update, which runs whenever its group ``group_name`` is run."""
        model = resolve(custom_update_model, CUSTOM_UPDATE_MODELS, CustomUpdateModel)
        group = CustomUpdate(
            self,
            cu_name,
            group_name,
            model,
            params or {},
            vars or {},
            var_refs or {},
            egp_refs or {},
        )
        return self._add(self.custom_updates, group)

    def add_custom_connectivity_update(
        self,
        cu_name: str,
        group_name: str,
        syn_group: str | SynapseGroup,
        custom_conn_update_model: CustomConnectivityUpdateModel,
        params: Values = None,
        vars: Values = None,
        pre_vars: Values = None,
        post_vars: Values = None,
        var_refs: Mapping[str, VarReference] | None = None,
        pre_var_refs: Mapping[str, VarReference] | None = None,
        post_var_refs: Mapping[str, VarReference] | None = None,
        egp_refs: Mapping[str, EgpReference] | None = None,
    ) -> CustomConnectivityUpdate:
        """Add a custom update of the connectivity of a sparse synapse group."""
        if not isinstance(custom_conn_update_model, CustomConnectivityUpdateModel):
            raise ModelError(
                f"expected a custom connectivity update model, got {custom_conn_update_model!r}"
            )
        if isinstance(syn_group, str):
            syn_group = self.synapse_populations[syn_group]
        group = CustomConnectivityUpdate(
            self,
            cu_name,
            group_name,
            syn_group,
            custom_conn_update_model,
            params or {},
            vars or {},
            pre_vars or {},
            post_vars or {},
            var_refs or {},
            pre_var_refs or {},
            post_var_refs or {},
            egp_refs or {},
        )
        return self._add(self.custom_connectivity_updates, group)

    def _population(self, group: str | NeuronGroup) -> NeuronGroup:
        return self.neuron_populations[group] if isinstance(group, str) else group

    def _add(self, groups: dict[str, G], group: G) -> G:
        if self._is_built:
            raise RuntimeFault(f"{group.label} was added after the network was built")
        if group.name in groups:
            raise ModelError(f"there already is a {group.label}; choose another name")
        groups[group.name] = group
        return group

    def _groups(self) -> Iterator[Group]:
        return chain(
            self.neuron_populations.values(),
            self.synapse_populations.values(),
            self.current_sources.values(),
            self.custom_updates.values(),
            self.custom_connectivity_updates.values(),
        )

    def dtype(self, type_name: str) -> np.dtype[np.generic]:
        """Return the numpy type of values of a type of the model-description language."""
        return dtype_of(type_name, self.precision, self.time_precision)

    def describe(self) -> dict[str, Any]:
        """Return the description of the network that the engine compiles."""
        return {
            "name": self.name,
            "precision": self.precision,
            "time_precision": self.time_precision,
            "dt": float(self.dt),
            "batch_size": int(self.batch_size),
            "seed": int(self.seed),
            "timing_enabled": bool(self.timing_enabled),
            "fuse_postsynaptic_models": bool(self.fuse_postsynaptic_models),
            "fuse_pre_post_weight_update_models": bool(self.fuse_pre_post_weight_update_models),
            "populations": _describe(self.neuron_populations),
            "synapse_groups": _describe(self.synapse_populations),
            "current_sources": _describe(self.current_sources),
            "custom_updates": _describe(self.custom_updates),
            "custom_connectivity_updates": _describe(self.custom_connectivity_updates),
        }

    # Life cycle

    @property
    def is_built(self) -> bool:
        """Whether :meth:`build` was called."""
        return self._is_built

    @property
    def is_loaded(self) -> bool:
        """Whether the network is loaded."""
        return self._simulation is not None

    @property
    def backend_name(self) -> str:
        """Name of the backend."""
        return self._backend or "cpu"

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

    def check_loaded(self) -> None:
        """Raise :class:`RuntimeFault` unless the network is loaded."""
        if self._simulation is None:
            raise RuntimeFault("the network is not loaded; call build() and load() first")

    @property
    def simulation(self) -> Simulation:
        """The loaded simulation.

        Raises
        ------
        RuntimeFault
            If the network is not loaded.
        """
        if self._simulation is None:
            raise RuntimeFault("the network is not loaded; call build() and load() first")
        return self._simulation

    def memory_plan(self) -> list[dict[str, Any]]:
        """Return path, size in bytes, type and shape of everything that loading allocates."""
        if self._compiled is None:
            raise RuntimeFault("build the network before asking for its memory plan")
        return self._compiled.memory_plan()

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

    def custom_update(self, name: str) -> None:
        """Run a custom update group.

        Raises
        ------
        UnknownGroup
            If no custom update belongs to a group of that name.
        """
        self._check_update_group(name)
        self.simulation.custom_update(name)

    def run(
        self,
        num_timesteps: int,
        begin: Scheduled = (),
        end: Scheduled = (),
        record: Sequence[str] = (),
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
        """
        from mlgenn_rs import _core

        plan = _core.RunPlan(
            int(num_timesteps), self._schedule(begin), self._schedule(end), list(record)
        )
        self.simulation.run(plan)

    def recorded(self, path: str) -> AnyArray:
        """Return a variable recorded in the last run: timesteps, copies, elements."""
        return self.simulation.recorded(path)

    def pull_recording_buffers_from_device(self) -> None:
        """Copy recorded spikes and events from device to host; nothing to do on a CPU."""
        self.check_loaded()

    def _schedule(self, groups: Scheduled) -> list[tuple[str, int | None]]:
        schedule: list[tuple[str, int | None]] = []
        for entry in groups:
            name, timestep = (entry, None) if isinstance(entry, str) else entry
            self._check_update_group(name)
            schedule.append((name, timestep))
        return schedule

    def _check_update_group(self, name: str) -> None:
        known = {update.update_group_name for update in self.custom_updates.values()} | {
            update.update_group_name for update in self.custom_connectivity_updates.values()
        }
        if name not in known:
            raise UnknownGroup(
                f"there is no custom update group {name!r}; groups: "
                + (", ".join(sorted(known)) or "none")
            )


def _describe(groups: Mapping[str, Group]) -> list[dict[str, Any]]:
    return [group.describe() for group in groups.values()]


def _precision(name: str) -> str:
    if name not in ("float", "double"):
        raise ModelError(f"a precision is 'float' or 'double', got {name!r}")
    return name


def _matrix_type(matrix_type: str | SynapseMatrixType) -> SynapseMatrixType:
    if isinstance(matrix_type, SynapseMatrixType):
        return matrix_type
    if matrix_type in SynapseMatrixType.__members__:
        return SynapseMatrixType[matrix_type]
    raise ModelError(
        f"{matrix_type!r} is not a matrix type; matrix types: "
        + ", ".join(SynapseMatrixType.__members__)
    )
