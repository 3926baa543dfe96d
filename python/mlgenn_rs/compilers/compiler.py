"""Base class of compilers: turns a network into engine objects, with hooks for subclasses."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from ..communicators import Communicator
from ..connection import Connection
from ..engine import (
    GeNNModel,
    create_custom_connectivity_update_model,
    create_custom_update_model,
    create_den_delay_var_ref,
    create_neuron_model,
    create_out_post_var_ref,
    create_postsynaptic_model,
    create_weight_update_model,
    init_postsynaptic,
    init_weight_update,
)
from ..engine.enums import SynapseMatrixType, VarAccessMode
from ..network import Network
from ..population import Population
from ..utils.checks import check_count, check_name, check_positive
from ..utils.endpoints import check_parts, get_shape, get_source, get_target
from ..utils.model import (
    CustomConnectivityUpdateModel,
    CustomUpdateModel,
    NeuronModel,
    SynapseModel,
    WeightUpdateModel,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import check_sizes
from .compiled_network import UNPACK_GROUP, CompiledNetwork
from .delay import MAX_DELAY_SLOTS, check_delay, get_conn_max_delay, get_delay_type
from .engine_objects import create_local_var_refs, set_dynamic_param, set_egp, set_var_egps
from .keywords import check_engine_keywords
from .matrix_type import SupportedMatrixType
from .naming import check_distinct_names, get_calling_file, get_group_name, get_model_name
from .reset import create_reset_custom_update
from .softmax import max_model, softmax_model, sum_exp_model
from .static_pulse import (
    add_negative_spikes,
    is_heterogeneous,
    static_pulse_delay_model,
    static_pulse_model,
)

__all__ = [
    "Compiler",
    "SupportedMatrixType",
    "create_local_var_refs",
    "create_reset_custom_update",
    "get_conn_max_delay",
    "get_delay_type",
    "set_dynamic_param",
    "set_egp",
    "set_var_egps",
]


class Compiler:
    """Turns a network into a compiled network that can be simulated.

    Subclasses override the hooks ``pre_compile``, ``build_neuron_model``, ``build_synapse_model``,
    ``build_weight_update_model``, ``apply_delay`` and ``create_compiled_network``.  One compiler
    can compile any number of networks.

    Parameters
    ----------
    supported_matrix_type
        Matrix types that the compiler supports, best first.
    dt
        Duration of a timestep in ms.
    batch_size
        Number of examples that are simulated at once, over all ranks.
    rng_seed
        Seed of all random numbers; 0 for a different one in every run.
    kernel_profiling
        Measure the time spent in each phase of the simulation.
    communicator
        Communication between the ranks of a data parallel run.
    genn_kwargs
        Backend and preferences of the engine, see :class:`~mlgenn_rs.engine.GeNNModel`:
        ``backend="cuda"`` for an NVIDIA GPU, ``backend="cpu"`` with ``num_threads`` for so many
        threads.

    Raises
    ------
    RuntimeError
        If ``batch_size`` is not a multiple of the number of ranks.
    ValueError
        If a number is out of range, or neither a constructor nor the engine takes a keyword.
    """

    def __init__(
        self,
        supported_matrix_type: list[SynapseMatrixType],
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        communicator: Communicator | None = None,
        **genn_kwargs: Any,
    ) -> None:
        what = type(self).__name__
        self.dt = check_positive(dt, f"{what}: dt (ms)")
        with np.errstate(over="ignore"):
            if not 0.0 < np.float32(self.dt) < np.inf:
                raise ValueError(f"{what}: dt (ms) must fit a 32-bit float, got {dt}")
        self.full_batch_size = check_count(batch_size, f"{what}: batch_size")
        self.batch_size = self.full_batch_size
        if communicator is not None:
            if not hasattr(communicator, "num_ranks"):
                raise TypeError(f"{what}: expected a Communicator, got {communicator!r}")
            self.batch_size, rest = divmod(self.full_batch_size, communicator.num_ranks)
            if rest != 0:
                raise RuntimeError(
                    f"{what}: batch_size {batch_size} cannot be divided evenly between "
                    f"{communicator.num_ranks} ranks; use a multiple"
                )
        if isinstance(rng_seed, bool) or not isinstance(rng_seed, int | np.integer):
            raise TypeError(f"{what}: rng_seed must be a whole number, got {rng_seed!r}")
        if not 0 <= rng_seed < 2**64:
            raise ValueError(f"{what}: rng_seed must be from 0 to 2**64 - 1, got {rng_seed}")
        self.rng_seed = int(rng_seed)
        self.kernel_profiling = kernel_profiling
        self.supported_matrix_type = SupportedMatrixType(supported_matrix_type)
        self.communicator = communicator
        check_engine_keywords(self, Compiler, genn_kwargs)
        self.genn_kwargs = genn_kwargs

    def __repr__(self) -> str:
        """Return timestep and batch size."""
        return f"{type(self).__name__}(dt={self.dt}, batch_size={self.full_batch_size})"

    def pre_compile(self, network: Network, genn_model: Any, **kwargs: Any) -> Any:
        """Return the state that is handed to all other hooks; the place for validation.

        ``kwargs`` are the additional arguments of :meth:`compile`.
        """
        if kwargs:
            names = ", ".join(map(repr, kwargs))
            raise TypeError(f"{type(self).__name__}.compile: unknown arguments {names}")
        return None

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: Any
    ) -> NeuronModel:
        """Return the model to use for a population; must not change ``model``."""
        model_copy = deepcopy(model)
        # Connections evaluate it: negative spikes are spike-like events
        model_copy.model.pop("negative_threshold_condition_code", None)
        return model_copy

    def build_synapse_model(
        self, conn: Connection, model: SynapseModel, compile_state: Any
    ) -> SynapseModel:
        """Return the synapse model to use for a connection."""
        return model

    def build_weight_update_model(
        self, connection: Connection, connect_snippet: ConnectivitySnippet, compile_state: Any
    ) -> WeightUpdateModel:
        """Return the weight update model to use for a connection: a spike adds the weight."""
        if is_heterogeneous(connect_snippet.delay):
            model = static_pulse_delay_model(
                connection, connect_snippet.weight, connect_snippet.delay
            )
        else:
            model = static_pulse_model(connect_snippet.weight)
        source = get_source(connection)
        source_model = source.neuron.get_model(source, self.dt, self.batch_size)
        if "negative_threshold_condition_code" in source_model.model:
            add_negative_spikes(model, source_model)
        return model

    def apply_delay(self, genn_pop: Any, conn: Connection, delay: Any, compile_state: Any) -> None:
        """Set the delay of a synapse group: axonal if constant, else one per synapse."""
        if is_heterogeneous(delay):
            slots = get_conn_max_delay(conn, delay)
            get_delay_type(slots)
            genn_pop.max_dendritic_delay_timesteps = slots
        else:
            steps = round(delay)
            if steps > MAX_DELAY_SLOTS:
                raise NotImplementedError(
                    f"connection {conn.name!r}: delays are limited to {MAX_DELAY_SLOTS} "
                    f"timesteps, got {delay}"
                )
            genn_pop.axonal_delay_steps = steps

    def create_compiled_network(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        compile_state: Any,
    ) -> CompiledNetwork:
        """Return the compiled network; the place to add custom updates."""
        return CompiledNetwork(
            genn_model, neuron_populations, connection_populations, self.communicator
        )

    def compile(self, network: Network, name: str | None = None, **kwargs: Any) -> Any:
        """Compile a network.

        Parameters
        ----------
        network
            Network to compile; it is not changed.
        name
            Name of the model; by default that of the calling file.
        kwargs
            Additional arguments of the compiler.

        Returns
        -------
        CompiledNetwork
            Compiled network of the class that belongs to the compiler.

        Raises
        ------
        RuntimeError
            If the shape of a population is not known, or two populations or connections have the
            same name.
        NotImplementedError
            If the compiler does not support some part of the network.
        """
        if not isinstance(network, Network):
            raise TypeError(
                f"{type(self).__name__}.compile: expected a Network, got {type(network).__name__}"
            )
        if name is None:
            name = get_calling_file()
        check_name(name, f"{type(self).__name__}.compile: name")
        genn_model = self._create_genn_model(get_model_name(name, type(self).__name__))
        compile_state = self.pre_compile(network, genn_model, **kwargs)
        check_distinct_names(network.populations, "populations")
        check_distinct_names(network.connections, "connections")
        for conn in network.connections:
            ends = (get_source(conn), get_target(conn))
            check_parts(ends, network.populations, f"connection {conn.name!r}")
        neuron_populations = {
            pop: self._add_population(genn_model, pop, compile_state) for pop in network.populations
        }
        connection_populations = {
            conn: self._add_connection(genn_model, conn, neuron_populations, compile_state)
            for conn in network.connections
        }
        return self.create_compiled_network(
            genn_model, neuron_populations, connection_populations, compile_state
        )

    def add_custom_update(
        self, genn_model: Any, model: CustomUpdateModel, group: str, name: str
    ) -> Any:
        """Add a custom update to the engine model and return it.

        Parameters
        ----------
        genn_model
            Engine model.
        model
            What to run.
        group
            Custom update group that it is run with.
        name
            Unique name.
        """
        description, params, dynamic, var_vals, egps, var_egps, var_refs, egp_refs = model.process()
        custom_update = genn_model.add_custom_update(
            name,
            group,
            create_custom_update_model(name, **_engine_names(description)),
            params,
            var_vals,
            var_refs,
            egp_refs,
        )
        set_dynamic_param(dynamic, custom_update.set_param_dynamic)
        set_egp(egps, custom_update.extra_global_params)
        set_var_egps(var_egps, custom_update.vars)
        return custom_update

    def add_custom_connectivity_update(
        self,
        genn_model: Any,
        model: CustomConnectivityUpdateModel,
        synapse_group: Any,
        group: str,
        name: str,
    ) -> Any:
        """Add a custom connectivity update to the engine model and return it.

        Raises
        ------
        RuntimeError
            If the synapse group is not stored as ``SPARSE``.
        """
        if synapse_group.matrix_type != SynapseMatrixType.SPARSE:
            raise RuntimeError(
                f"custom connectivity update {name!r}: synapse group {synapse_group.name!r} is "
                f"stored as {synapse_group.matrix_type.name}, only SPARSE ones can be rewired"
            )
        (
            description,
            params,
            dynamic,
            var_vals,
            egps,
            var_egps,
            pre_var_vals,
            post_var_vals,
            var_refs,
            pre_var_refs,
            post_var_refs,
            egp_refs,
        ) = model.process()
        update = genn_model.add_custom_connectivity_update(
            name,
            group,
            synapse_group,
            create_custom_connectivity_update_model(name, **_engine_names(description)),
            params,
            var_vals,
            pre_var_vals,
            post_var_vals,
            var_refs,
            pre_var_refs,
            post_var_refs,
            egp_refs,
        )
        set_dynamic_param(dynamic, update.set_param_dynamic)
        set_egp(egps, update.extra_global_params)
        set_var_egps(var_egps, update.vars)
        return update

    def add_out_post_zero_custom_update(
        self, genn_model: Any, genn_syn_pop: Any, group: str, name: str
    ) -> None:
        """Add a custom update that zeroes what is on its way to the target of a synapse group.

        That is the accumulated input and, if there is more than one slot, the whole dendritic
        delay buffer.
        """
        model = CustomUpdateModel(
            {
                "var_refs": [("OutPost", "scalar", VarAccessMode.READ_WRITE)],
                "update_code": "OutPost = 0.0;",
            },
            {},
            {},
            {"OutPost": create_out_post_var_ref(genn_syn_pop)},
        )
        if (genn_syn_pop.max_dendritic_delay_timesteps or 1) > 1:
            model.add_var_ref("DenDelay", "scalar", create_den_delay_var_ref(genn_syn_pop))
            model.set_var_ref_access_mode("DenDelay", VarAccessMode.BROADCAST)
            model.append_update_code("DenDelay = 0.0;")
        self.add_custom_update(genn_model, model, group, name)

    def add_softmax_custom_updates(
        self,
        genn_model: Any,
        genn_pop: Any,
        input_var_name: str,
        output_var_name: str,
        custom_update_group_prefix: str = "",
        temperature: float = 1.0,
    ) -> None:
        """Add custom updates that compute the softmax of a variable over a population.

        They form the groups ``<prefix>Softmax1``, ``2`` and ``3``, to be run in that order.

        Parameters
        ----------
        genn_model
            Engine model.
        genn_pop
            Population.
        input_var_name, output_var_name
            Variable to take the softmax of, and the one that receives it.
        custom_update_group_prefix
            Put in front of the names of the groups.
        temperature
            The variable is divided by it.
        """
        group = f"{custom_update_group_prefix}Softmax"
        name = f"CU{group}"
        largest = self.add_custom_update(
            genn_model, max_model(genn_pop, input_var_name), f"{group}1", f"{name}1{genn_pop.name}"
        )
        total = self.add_custom_update(
            genn_model,
            sum_exp_model(genn_pop, input_var_name, largest, temperature),
            f"{group}2",
            f"{name}2{genn_pop.name}",
        )
        self.add_custom_update(
            genn_model,
            softmax_model(genn_pop, input_var_name, output_var_name, largest, total, temperature),
            f"{group}3",
            f"{name}3{genn_pop.name}",
        )

    def _create_genn_model(self, name: str) -> Any:
        genn_model = GeNNModel("float", name, **self.genn_kwargs)
        genn_model.dt = self.dt
        genn_model.batch_size = self.batch_size
        genn_model.seed = self.rng_seed
        genn_model.timing_enabled = self.kernel_profiling
        return genn_model

    def _add_population(self, genn_model: Any, pop: Population, compile_state: Any) -> Any:
        """Add the neuron group of a population and return it."""
        shape = get_shape(pop)
        if pop.neuron is None:
            raise RuntimeError(f"population {pop.name!r} has no neuron; assign one to its neuron")
        check_sizes(pop.neuron, int(np.prod(shape)), pop.name)
        model = pop.neuron.get_model(pop, self.dt, self.batch_size)
        model = self.build_neuron_model(pop, model, compile_state)
        description, params, dynamic, var_vals, egps, var_egps = model.process()
        group = genn_model.add_neuron_population(
            get_group_name(pop.name),
            int(np.prod(shape)),
            create_neuron_model(type(pop.neuron).__name__, **description),
            params,
            var_vals,
        )
        group.spike_recording_enabled = pop.record_spikes
        group.spike_event_recording_enabled = pop.record_spike_events
        set_dynamic_param(dynamic, group.set_param_dynamic)
        set_egp(egps, group.extra_global_params)
        set_var_egps(var_egps, group.vars)
        get_unpack_model = getattr(pop.neuron, "get_unpack_model", None)
        if get_unpack_model is not None:
            model = get_unpack_model(group)
            update_group = UNPACK_GROUP + group.name
            self.add_custom_update(genn_model, model, update_group, f"CUUnpack{group.name}")
        return group

    def _add_connection(
        self,
        genn_model: Any,
        conn: Connection,
        neuron_populations: dict[Population, Any],
        compile_state: Any,
    ) -> Any:
        """Add the synapse group of a connection and return it."""
        target_pop = get_target(conn)
        check_sizes(conn.synapse, int(np.prod(get_shape(target_pop))), target_pop.name)
        synapse = conn.synapse.get_model(conn, self.dt, self.batch_size)
        synapse = self.build_synapse_model(conn, synapse, compile_state)
        snippet = conn.connectivity.get_snippet(conn, self.supported_matrix_type)
        if snippet.weight is None:
            raise RuntimeError(f"connection {conn.name!r}: its connectivity has no weight")
        check_delay(conn, snippet.delay)
        weight_update = self.build_weight_update_model(conn, snippet, compile_state)

        (
            synapse_description,
            synapse_params,
            synapse_dynamic,
            synapse_vars,
            synapse_egps,
            synapse_var_egps,
            synapse_refs,
        ) = synapse.process()
        (
            wu_description,
            wu_params,
            wu_dynamic,
            wu_vars,
            wu_egps,
            wu_var_egps,
            wu_pre_vars,
            wu_post_vars,
            wu_pre_refs,
            wu_post_refs,
        ) = weight_update.process()

        source = neuron_populations[get_source(conn)]
        target = neuron_populations[target_pop]
        group = genn_model.add_synapse_population(
            get_group_name(conn.name),
            snippet.matrix_type,
            source,
            target,
            init_weight_update(
                create_weight_update_model("WeightUpdate", **wu_description),
                wu_params,
                wu_vars,
                wu_pre_vars,
                wu_post_vars,
                create_local_var_refs(wu_pre_refs, source),
                create_local_var_refs(wu_post_refs, target),
            ),
            init_postsynaptic(
                create_postsynaptic_model(type(conn.synapse).__name__, **synapse_description),
                synapse_params,
                synapse_vars,
                create_local_var_refs(synapse_refs, target),
            ),
            snippet.snippet,
        )
        self.apply_delay(group, conn, snippet.delay, compile_state)
        if snippet.pre_ind is not None and snippet.post_ind is not None:
            group.set_sparse_connections(snippet.pre_ind, snippet.post_ind)
        set_dynamic_param(wu_dynamic, group.set_wu_param_dynamic)
        set_dynamic_param(synapse_dynamic, group.set_ps_param_dynamic)
        set_egp(wu_egps, group.extra_global_params)
        set_egp(synapse_egps, group.psm_extra_global_params)
        set_var_egps(wu_var_egps, group.vars)
        set_var_egps(synapse_var_egps, group.psm_vars)
        return group


def _engine_names(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a custom update with its declarations named as in the engine."""
    names = {"egp_refs": "extra_global_param_refs"}
    return {names.get(key, key): value for key, value in description.items()}
