"""The description of a network: populations, synapse groups and everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .arrays import NamedItems
from .builtin import CURRENT_SOURCE_MODELS, CUSTOM_UPDATE_MODELS, NEURON_MODELS, resolve
from .connectivity import ConnectivityInit
from .current_source import CurrentSource
from .custom_connectivity_update import CustomConnectivityUpdate
from .custom_update import CustomUpdate
from .enums import SynapseMatrixType, VarLocation
from .errors import ModelError, RuntimeFault
from .group import Group
from .initialisers import PostsynapticInit, WeightUpdateInit
from .models import (
    CurrentSourceModel,
    CustomConnectivityUpdateModel,
    CustomUpdateModel,
    NeuronModel,
)
from .neuron_group import NeuronGroup
from .reference_types import EgpReference, VarReference
from .synapse_group import SynapseGroup
from .types import dtype_of

if TYPE_CHECKING:
    from mlgenn_rs._core import Simulation

G = TypeVar("G", bound=Group)

Values = Mapping[str, Any] | None
"""Values by name."""


_NOT_LOADED = (
    "the network is not loaded; use a compiled network inside of a `with` block, call build() and "
    "load() of an engine model first"
)


class NetworkDescription:
    """What a network consists of; nothing can be added once it is built.

    Parameters
    ----------
    name
        Name, for messages.
    precision, time_precision
        ``"float"`` or ``"double"``: what ``scalar`` and ``timepoint`` stand for.
    """

    def __init__(self, name: str, precision: str, time_precision: str) -> None:
        self.name = name
        self.precision = _precision(precision)
        self.time_precision = _precision(time_precision)
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
        self._simulation: Simulation | None = None

    @property
    def is_built(self) -> bool:
        """Whether the network is built."""
        return self._is_built

    @property
    def is_loaded(self) -> bool:
        """Whether the network is loaded."""
        return self._simulation is not None

    def check_loaded(self) -> None:
        """Raise :class:`RuntimeFault` unless the network is loaded."""
        if self._simulation is None:
            raise RuntimeFault(_NOT_LOADED)

    @property
    def simulation(self) -> Simulation:
        """The loaded simulation.

        Raises
        ------
        RuntimeFault
            If the network is not loaded.
        """
        if self._simulation is None:
            raise RuntimeFault(_NOT_LOADED)
        return self._simulation

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
