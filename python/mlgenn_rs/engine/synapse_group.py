"""Groups of synapses between two populations."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .arrays import (
    AnyArray,
    DelayedArray,
    InitialArray,
    NamedItems,
    make_egps,
    make_variables,
)
from .connectivity import (
    ConnectivityInit,
    check_matrix_type,
    describe_snippet,
    drawn_row_lengths,
    has,
    is_uninitialised,
)
from .enums import (
    ParallelismHint,
    SynapseMatrixConnectivity,
    SynapseMatrixType,
    SynapseMatrixWeight,
    VarAccess,
)
from .errors import ModelError, RuntimeFault, UnknownName
from .group import Group, describe_initial
from .initialisers import PostsynapticInit, SparseConnectivityInit, WeightUpdateInit
from .names import check_complete
from .neuron_group import NeuronGroup
from .parameters import Parameters
from .reference_types import local_references
from .sparse import Indices, SparsePairs

if TYPE_CHECKING:
    from .description import NetworkDescription


class SynapseGroup(Group):
    """A group of synapses from one population to another."""

    path_prefix = "syn"
    what = "synapse group"

    def __init__(
        self,
        network: NetworkDescription,
        name: str,
        matrix_type: SynapseMatrixType,
        source: NeuronGroup,
        target: NeuronGroup,
        weight_update: WeightUpdateInit,
        postsynaptic: PostsynapticInit,
        connectivity: ConnectivityInit,
    ) -> None:
        """See :meth:`GeNNModel.add_synapse_population`."""
        super().__init__(network, name)
        check_matrix_type(matrix_type, connectivity, weight_update, self.label)
        self.matrix_type = matrix_type
        self.src = source
        self.trg = target
        self.wu_model = weight_update.model
        self.ps_model = postsynaptic.model
        self._connectivity = connectivity
        self._pairs: SparsePairs | None = None
        self._max_connections: int | None = None
        self._max_source_connections: int | None = None
        self.narrow_sparse_ind_enabled = network.default_narrow_sparse_ind_enabled
        """Whether indices may be stored in fewer bits; never changes results."""
        self._parallelism_hint = ParallelismHint.POSTSYNAPTIC
        self.num_threads_per_spike = 1
        """Number of threads that share a row on a GPU; never changes results."""
        self._axonal_delay_steps = 0
        self._back_prop_delay_steps = 0
        self._max_dendritic_delay_timesteps: int | None = None
        self._post_target_var = "Isyn"
        self._pre_target_var = "Isyn"
        self._make_weight_update(weight_update)
        self._make_postsynaptic(postsynaptic)
        self.connectivity_extra_global_params = make_egps(
            network,
            f"{self.path}.connectivity_egps",
            f"connectivity of {self.label}",
            () if connectivity is None else connectivity.snippet.extra_global_params,
        )
        """Extra global parameters of the connectivity snippet by name."""
        self.out_post = DelayedArray(network, f"{self.path}.out_post", True)
        """Synaptic output accumulated for each target neuron."""
        self.den_delay = DelayedArray(network, f"{self.path}.den_delay", True)
        """Dendritic delay buffer: one slot per timestep of delay."""

    def _make_weight_update(self, init: WeightUpdateInit) -> None:
        model, what = init.model, f"weight update model of {self.label}"
        self.wu_params = Parameters(model, init.params, what)
        for declared, given, kind in (
            (model.vars, init.vars, "variables"),
            (model.pre_vars, init.pre_vars, "presynaptic variables"),
            (model.post_vars, init.post_vars, "postsynaptic variables"),
        ):
            check_complete(given, [var.name for var in declared], f"{what}: {kind}")
        for var in model.vars:
            if var.access is VarAccess.READ_ONLY_SHARED_NEURON:
                raise ModelError(f"{what}: synapse variable {var.name!r} cannot be shared by all")
        network = self._network
        self.vars = make_variables(
            network,
            f"{self.path}.vars",
            what,
            model.vars,
            init.vars,
            sparse_group=self.sparse_group,
        )
        """Synapse variables by name."""
        self.pre_vars = make_variables(
            network, f"{self.path}.pre_vars", what, model.pre_vars, init.pre_vars
        )
        """Presynaptic variables of the weight update model by name."""
        self.post_vars = make_variables(
            network, f"{self.path}.post_vars", what, model.post_vars, init.post_vars
        )
        """Postsynaptic variables of the weight update model by name."""
        self.extra_global_params = make_egps(
            network, f"{self.path}.egps", what, model.extra_global_params
        )
        """Extra global parameters of the weight update model by name."""
        self._pre_var_refs = local_references(
            model.pre_neuron_var_refs,
            init.pre_var_refs,
            self.src.vars,
            "neuron",
            self.src.name,
            f"{what}: presynaptic references",
        )
        self._post_var_refs = local_references(
            model.post_neuron_var_refs,
            init.post_var_refs,
            self.trg.vars,
            "neuron",
            self.trg.name,
            f"{what}: postsynaptic references",
        )
        self._psm_var_refs_given = init.psm_var_refs

    def _make_postsynaptic(self, init: PostsynapticInit) -> None:
        model, what = init.model, f"postsynaptic model of {self.label}"
        self.ps_params = Parameters(model, init.params, what)
        check_complete(init.vars, [var.name for var in model.vars], f"{what}: variables")
        self.psm_vars = make_variables(
            self._network, f"{self.path}.psm_vars", what, model.vars, init.vars
        )
        """Variables of the postsynaptic model by name."""
        self.psm_extra_global_params = make_egps(
            self._network, f"{self.path}.psm_egps", what, model.extra_global_params
        )
        """Extra global parameters of the postsynaptic model by name."""
        self._ps_var_refs = local_references(
            model.neuron_var_refs,
            init.var_refs,
            self.trg.vars,
            "neuron",
            self.trg.name,
            f"{what}: references",
        )
        self._psm_var_refs = local_references(
            self.wu_model.psm_var_refs,
            self._psm_var_refs_given,
            self.psm_vars,
            "psm",
            self.name,
            f"weight update model of {self.label}: references to the postsynaptic model",
        )

    # Connectivity

    @property
    def sparse_group(self) -> SynapseGroup | None:
        """The group itself if its synapse variables are stored in ragged rows."""
        return self if self.matrix_type is SynapseMatrixType.SPARSE else None

    @property
    def kernel_size(self) -> list[int]:
        """Shape of the kernel; empty if there is none."""
        if self._connectivity is None:
            return []
        return self._connectivity.snippet.kernel_size(self._connectivity.params.values)

    @property
    def weight_update_var_size(self) -> int:
        """Number of values that a synapse variable has in memory, padding included."""
        if has(self.matrix_type, SynapseMatrixWeight.KERNEL):
            return prod(self.kernel_size)
        if not has(self.matrix_type, SynapseMatrixWeight.INDIVIDUAL):
            return 0
        if self.matrix_type is SynapseMatrixType.SPARSE:
            return self.src.num_neurons * self.max_connections
        return self.src.num_neurons * self.trg.num_neurons

    @property
    def max_connections(self) -> int:
        """Length of the longest possible row."""
        bound = self._row_bound()
        return bound if self._max_connections is None else max(bound, self._max_connections)

    @max_connections.setter
    def max_connections(self, length: int) -> None:
        self._check_not_built("setting max_connections")
        if self.matrix_type is not SynapseMatrixType.SPARSE:
            raise ModelError(f"{self.label}: max_connections applies to SPARSE connectivity only")
        least = 0 if is_uninitialised(self._connectivity) else self._row_bound()
        if length < least:
            raise ModelError(
                f"{self.label}: max_connections {length} is below the {least} that the "
                f"connectivity needs"
            )
        self._max_connections = int(length)

    @property
    def max_source_connections(self) -> int:
        """Length of the longest possible column; 0 for Toeplitz connectivity."""
        if self._max_source_connections is not None:
            return self._max_source_connections
        if has(self.matrix_type, SynapseMatrixConnectivity.TOEPLITZ):
            return 0
        if isinstance(self._connectivity, SparseConnectivityInit):
            return self._connectivity.snippet.max_col_length(
                self.src.num_neurons,
                self.trg.num_neurons,
                self._connectivity.params.values,
            )
        return self.src.num_neurons

    @max_source_connections.setter
    def max_source_connections(self, length: int) -> None:
        self._check_not_built("setting max_source_connections")
        self._max_source_connections = int(length)

    def _row_bound(self) -> int:
        if self._pairs is not None:
            return self._pairs.max_row_length
        if self._connectivity is None or is_uninitialised(self._connectivity):
            if self._max_connections is not None:
                return self._max_connections
            return self.trg.num_neurons
        return self._connectivity.snippet.max_row_length(
            self.src.num_neurons, self.trg.num_neurons, self._connectivity.params.values
        )

    @property
    def lacks_connectivity(self) -> bool:
        """Whether pairs have still to be given."""
        return (
            self.matrix_type in (SynapseMatrixType.SPARSE, SynapseMatrixType.BITMASK)
            and self._pairs is None
            and is_uninitialised(self._connectivity)
        )

    def set_sparse_connections(
        self, pre_indices: npt.ArrayLike, post_indices: npt.ArrayLike
    ) -> None:
        """Connect explicit pairs, given in any order.

        Pairs are sorted by source and then target.  Arrays of initial values of synapse variables
        are given in the same order as the pairs, and are sorted with them.
        """
        if self.matrix_type is not SynapseMatrixType.SPARSE:
            raise ModelError(
                f"{self.label}: explicit pairs need the matrix type SPARSE, not "
                f"{self.matrix_type.name}"
            )
        if self._network.is_loaded:
            raise RuntimeFault(f"{self.label}: unload the network before connecting other pairs")
        if not is_uninitialised(self._connectivity):
            raise ModelError(f"{self.label}: the connectivity is already given by a snippet")
        self._pairs = SparsePairs(
            pre_indices, post_indices, self.src.num_neurons, self.trg.num_neurons, self.label
        )

    def get_sparse_pre_inds(self) -> Indices:
        """Return the presynaptic index of every synapse, in row order."""
        return self._indices()[0]

    def get_sparse_post_inds(self) -> Indices:
        """Return the postsynaptic index of every synapse, in row order."""
        return self._indices()[1]

    def _indices(self) -> tuple[Indices, Indices]:
        if self.matrix_type is not SynapseMatrixType.SPARSE:
            raise ModelError(
                f"{self.label}: only SPARSE connectivity stores indices, not "
                f"{self.matrix_type.name}"
            )
        if self._network.is_loaded:
            return self._network.simulation.indices(self.name)
        if self._pairs is not None:
            return self._pairs.pre, self._pairs.post
        raise RuntimeFault(f"{self.label}: load the network before reading its connectivity")

    def to_row_order(self, values: AnyArray, what: str) -> AnyArray:
        """Sort initial values, one per given pair along the last axis, into rows."""
        return values if self._pairs is None else self._pairs.to_row_order(values, what)

    def occupied(self, num_entries: int) -> npt.NDArray[np.bool_]:
        """Return which of the entries of all padded rows hold a synapse."""
        lengths = self._network.simulation.row_length(self.name)
        stride = num_entries // self.src.num_neurons
        return (np.arange(stride) < lengths[:, np.newaxis]).ravel()

    def pull_connectivity_from_device(self) -> None:
        """Copy connectivity from device to host; done anyway when it is read."""
        self._network.check_loaded()

    def push_connectivity_to_device(self) -> None:
        """Copy connectivity from host to device; done anyway when something runs."""
        self._network.check_loaded()

    # Delays, targets and hints

    @property
    def axonal_delay_steps(self) -> int:
        """Timesteps by which presynaptic spikes are held back."""
        return self._axonal_delay_steps

    @axonal_delay_steps.setter
    def axonal_delay_steps(self, steps: int) -> None:
        self._axonal_delay_steps = self._check_steps("axonal_delay_steps", steps, 0)

    @property
    def back_prop_delay_steps(self) -> int:
        """Timesteps by which postsynaptic spikes are held back."""
        return self._back_prop_delay_steps

    @back_prop_delay_steps.setter
    def back_prop_delay_steps(self, steps: int) -> None:
        self._back_prop_delay_steps = self._check_steps("back_prop_delay_steps", steps, 0)

    @property
    def max_dendritic_delay_timesteps(self) -> int | None:
        """Number of slots of the dendritic delay buffer; delays are smaller than it."""
        return self._max_dendritic_delay_timesteps

    @max_dendritic_delay_timesteps.setter
    def max_dendritic_delay_timesteps(self, steps: int) -> None:
        self._max_dendritic_delay_timesteps = self._check_steps(
            "max_dendritic_delay_timesteps", steps, 1
        )

    def _check_steps(self, name: str, steps: int, least: int) -> int:
        self._check_not_built(f"setting {name}")
        if steps < least:
            raise ModelError(f"{self.label}: {name} must be at least {least}, got {steps}")
        return int(steps)

    @property
    def post_target_var(self) -> str:
        """Input variable of the target that receives the current."""
        return self._post_target_var

    @post_target_var.setter
    def post_target_var(self, name: str) -> None:
        self._check_not_built("choosing the target variable")
        self._post_target_var = self.trg.check_input(name, self.label)

    @property
    def pre_target_var(self) -> str:
        """Input variable of the source that receives ``addToPre``."""
        return self._pre_target_var

    @pre_target_var.setter
    def pre_target_var(self, name: str) -> None:
        self._check_not_built("choosing the target variable")
        self._pre_target_var = self.src.check_input(name, self.label)

    @property
    def parallelism_hint(self) -> ParallelismHint:
        """How presynaptic updates are spread over threads; never changes results."""
        return self._parallelism_hint

    @parallelism_hint.setter
    def parallelism_hint(self, hint: ParallelismHint) -> None:
        if (
            hint is ParallelismHint.PRESYNAPTIC
            and not has(
                self.matrix_type,
                SynapseMatrixConnectivity.SPARSE | SynapseMatrixConnectivity.PROCEDURAL,
            )
        ) or (
            hint is ParallelismHint.WORD_PACKED_BITMASK
            and self.matrix_type is not SynapseMatrixType.BITMASK
        ):
            raise ModelError(
                f"{self.label}: {self.matrix_type.name} cannot use the hint {hint.name}"
            )
        self._parallelism_hint = hint

    # Dynamic parameters

    def set_wu_param_dynamic(self, name: str, dynamic: bool = True) -> None:
        """Let a parameter of the weight update model change while the network runs."""
        self._check_not_built("making a parameter dynamic")
        self.wu_params.set_dynamic(name, dynamic)

    def set_ps_param_dynamic(self, name: str, dynamic: bool = True) -> None:
        """Let a parameter of the postsynaptic model change while the network runs."""
        self._check_not_built("making a parameter dynamic")
        self.ps_params.set_dynamic(name, dynamic)

    def set_wu_dynamic_param_value(self, name: str, value: float) -> None:
        """Set a dynamic parameter of the weight update model."""
        self._set_dynamic_value(self.wu_params, "params", name, value)

    def set_ps_dynamic_param_value(self, name: str, value: float) -> None:
        """Set a dynamic parameter of the postsynaptic model."""
        self._set_dynamic_value(self.ps_params, "psm_params", name, value)

    def set_dynamic_param_value(self, name: str, value: float) -> None:
        """Set a dynamic parameter of whichever of the two models has it."""
        if name in self.wu_params.values:
            self.set_wu_dynamic_param_value(name, value)
        elif name in self.ps_params.values:
            self.set_ps_dynamic_param_value(name, value)
        else:
            raise UnknownName(f"{self.label} has no parameter {name!r}")

    # Recording

    @property
    def pre_spike_event_recording_data(self) -> list[tuple[AnyArray, AnyArray]]:
        """Recorded presynaptic events: per batch member, times in ms and ids of neurons."""
        return self._network.simulation.pre_events(self.name)

    @property
    def post_spike_event_recording_data(self) -> list[tuple[AnyArray, AnyArray]]:
        """Recorded postsynaptic events: per batch member, times in ms and ids of neurons."""
        return self._network.simulation.post_events(self.name)

    # Description

    def array_groups(self) -> Iterator[NamedItems]:
        """Yield the dictionaries of arrays that may have initial values."""
        yield self.vars
        yield self.pre_vars
        yield self.post_vars
        yield self.psm_vars
        yield self.extra_global_params
        yield self.psm_extra_global_params
        yield self.connectivity_extra_global_params

    def initial_arrays(self) -> Iterator[tuple[str, InitialArray]]:
        """Yield paths and values of arrays to load."""
        if self._pairs is not None:
            yield f"{self.path}.pre_ind", self._pairs.pre
            yield f"{self.path}.post_ind", self._pairs.post
        yield from drawn_row_lengths(
            self._connectivity,
            self.src.num_neurons,
            self.trg.num_neurons,
            self._network.seed,
            f"{self.path}.connectivity_egps",
        )
        yield from super().initial_arrays()

    def describe(self) -> dict[str, Any]:
        """Return the description handed to the engine."""
        dt = self._network.dt
        return {
            "name": self.name,
            "matrix_type": self.matrix_type.name,
            "source": self.src.name,
            "target": self.trg.name,
            "weight_update": {
                "model": self.wu_model.describe(),
                "params": self.wu_params.describe(dt),
                "dynamic_params": self.wu_params.dynamic,
                "vars": describe_initial(self.vars),
                "pre_vars": describe_initial(self.pre_vars),
                "post_vars": describe_initial(self.post_vars),
                "pre_neuron_var_refs": self._pre_var_refs,
                "post_neuron_var_refs": self._post_var_refs,
                "psm_var_refs": self._psm_var_refs,
            },
            "postsynaptic": {
                "model": self.ps_model.describe(),
                "params": self.ps_params.describe(dt),
                "dynamic_params": self.ps_params.dynamic,
                "vars": describe_initial(self.psm_vars),
                "neuron_var_refs": self._ps_var_refs,
            },
            "connectivity": self._describe_connectivity(),
            "axonal_delay_steps": self._axonal_delay_steps,
            "back_prop_delay_steps": self._back_prop_delay_steps,
            "max_dendritic_delay_timesteps": self._max_dendritic_delay_timesteps,
            "max_connections": self._max_connections,
            "post_target_var": "" if self._post_target_var == "Isyn" else self._post_target_var,
            "pre_target_var": "" if self._pre_target_var == "Isyn" else self._pre_target_var,
        }

    def _describe_connectivity(self) -> dict[str, Any]:
        if self._pairs is not None:
            return {
                "kind": "indices",
                "count": len(self._pairs),
                "max_row_length": self._pairs.max_row_length,
            }
        if self._connectivity is None or is_uninitialised(self._connectivity):
            return {"kind": "none"}
        return describe_snippet(
            self._connectivity, self.src.num_neurons, self.trg.num_neurons, self._network.dt
        )
