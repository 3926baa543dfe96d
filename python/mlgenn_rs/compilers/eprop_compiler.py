"""Compiler that trains spiking networks with e-prop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..communicators import Communicator
from ..connection import Connection
from ..engine.enums import SynapseMatrixType
from ..losses import Loss, default_losses
from ..network import Network
from ..neurons import (
    AdaptiveLeakyIntegrateFire,
    Input,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
)
from ..optimisers import Optimiser, default_optimisers
from ..population import Population
from ..synapses import Delta
from ..utils.checks import check_count, check_number, check_positive
from ..utils.endpoints import check_parts, get_source, get_target
from ..utils.model import NeuronModel, SynapseModel, WeightUpdateModel
from ..utils.module import get_given_object, get_object, get_object_mapping
from ..utils.network import ConnectionType
from ..utils.snippet import ConnectivitySnippet
from .compiled_training_network import CompiledTrainingNetwork
from .compiler import Compiler
from .deep_r import DeepR
from .eprop.assembly import Assembly
from .eprop.hidden_model import FEEDBACK_INPUT, build_hidden
from .eprop.network_state import NetworkState, examine
from .eprop.output_model import build_output, check_output
from .eprop.settings import Settings
from .eprop.weight_update import build_hidden_weight_update, build_output_weight_update
from .loss_value import OutputLoss
from .static_pulse import is_heterogeneous

__all__ = ["EPropCompiler", "default_params"]

default_params: dict[type, dict[str, Any]] = {
    LeakyIntegrate: {"scale_i": False},
    LeakyIntegrateFire: {
        "relative_reset": True,
        "integrate_during_refrac": True,
        "scale_i": False,
    },
    LeakyIntegrateFireInput: {
        "relative_reset": True,
        "integrate_during_refrac": True,
        "scale_i": False,
    },
    AdaptiveLeakyIntegrateFire: {"relative_reset": True, "integrate_during_refrac": True},
}
"""Default parameters for networks that are trained with e-prop."""


class EPropCompiler(Compiler):
    """Compiles networks for training with e-prop.

    Hidden populations are leaky integrate-and-fire neurons, with or without adaptive thresholds,
    that share their time constants and are all connected to an output; outputs are leaky
    integrators; synapses are ``Delta``.  Networks should be built with ``default_params`` of this
    module.

    Weights are updated after every batch.  As in ml_genn, only readouts are reset between examples:
    all other state, and the traces that gradients are computed from, carry over, also from
    validation.  With ``reset_all_between_batches`` nothing does.

    Bellec, G., Scherr, F., Subramoney, A., Hajek, E., Salaj, D., Legenstein, R. and Maass, W.
    (2020). A solution to the learning dilemma for recurrent networks of spiking neurons. Nature
    Communications 11, 3625.

    Parameters
    ----------
    example_timesteps
        Number of timesteps of an example.
    losses
        Loss or its name, or a dictionary with one for each population with a readout.
    optimiser
        Optimiser of weights and biases, or its name.
    tau_reg
        Time constant (ms) with which the firing rates of hidden neurons are averaged.
    c_reg
        Strength of the push of these rates towards ``f_target``.
    f_target
        Firing rate (Hz) that hidden neurons are to have.
    train_output_bias
        Whether biases of outputs are trained.
    dt
        Duration of a timestep in ms.
    batch_size
        Number of examples that are simulated at once, over all ranks.
    rng_seed
        Seed of all random numbers; 0 for a different one in every run.
    kernel_profiling
        Measure the time spent in each phase of the simulation.
    reset_time_between_batches
        Start every batch at time zero.
    communicator
        Communication between the ranks of a data parallel run.
    deep_r_conns
        Sparse connections or layers that are rewired by Deep-R after every batch.
    deep_r_l1_strength
        Strength of the L1 regularisation of their weights.
    deep_r_record_rewirings
        Connections or layers whose rewirings are counted, with keys for the data that training
        returns: a list with a tuple for each batch, of the number of rewirings and of full rows
        that were tried.
    reset_all_between_batches
        Reset all state before each batch, such that examples know nothing of each other: neurons,
        synaptic currents, spikes on their way, traces and averages of firing rates.  What the
        errors of the last two timesteps would contribute to gradients is then lost.
    genn_kwargs
        Backend and preferences of the engine.

    Raises
    ------
    RuntimeError
        If the optimiser is neither an object nor a known name.
    """

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        tau_reg: float = 500.0,
        c_reg: float = 0.001,
        f_target: float = 10.0,
        train_output_bias: bool = True,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        reset_time_between_batches: bool = True,
        communicator: Communicator | None = None,
        deep_r_conns: Sequence[ConnectionType] = (),
        deep_r_l1_strength: float = 0.01,
        deep_r_record_rewirings: Mapping[ConnectionType, Any] = MappingProxyType({}),
        *,
        reset_all_between_batches: bool = False,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            [SynapseMatrixType.SPARSE, SynapseMatrixType.DENSE],
            dt,
            batch_size,
            rng_seed,
            kernel_profiling,
            communicator,
            **genn_kwargs,
        )
        what = type(self).__name__
        self.settings = Settings(
            self.dt,
            check_count(example_timesteps, f"{what}: example_timesteps"),
            self.batch_size,
            self.full_batch_size,
            check_positive(tau_reg, f"{what}: tau_reg (ms)"),
            check_number(c_reg, f"{what}: c_reg"),
            check_number(f_target, f"{what}: f_target (Hz)"),
            bool(train_output_bias),
        )
        self.losses = losses
        self.reset_time_between_batches = reset_time_between_batches
        self.reset_all_between_batches = reset_all_between_batches
        self.deep_r = DeepR.parse(deep_r_conns, deep_r_l1_strength, deep_r_record_rewirings, what)
        self._optimiser = get_given_object(optimiser, Optimiser, "Optimiser", default_optimisers)

    @property
    def example_timesteps(self) -> int:
        """Number of timesteps of an example."""
        return self.settings.example_timesteps

    def pre_compile(self, network: Network, genn_model: Any, **kwargs: Any) -> NetworkState:
        """Check outputs, losses and hidden populations.

        Raises
        ------
        AssertionError
            If an output is not a leaky integrator, or there is no hidden population.
        NotImplementedError
            If hidden neurons are of another type, or differ in their time constants.
        RuntimeError
            If no population has a readout, losses are not given for exactly those that have, a
            hidden population is not connected to any, or a connection that is to be rewired is not
            part of the network.
        """
        super().pre_compile(network, genn_model, **kwargs)
        outputs = [
            pop for pop in network.populations if getattr(pop.neuron, "readout", None) is not None
        ]
        if not outputs:
            raise RuntimeError(
                "EPropCompiler: no population has a readout, so there is nothing to train; give "
                "the neurons of an output population a readout"
            )
        for pop in outputs:
            check_output(pop)
        what = f"{type(self).__name__}: deep_r_conns"
        check_parts(self.deep_r.connections, network.connections, what)
        losses = get_object_mapping(self.losses, outputs, Loss, "Loss", default_losses)
        return examine(network, losses)

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: NetworkState
    ) -> NeuronModel:
        """Add what the rule needs to the model of a population.

        Raises
        ------
        TypeError
            If an input emits signed spikes.
        """
        if isinstance(pop.neuron, Input):
            if "negative_threshold_condition_code" in model.model:
                raise TypeError(
                    f"population {pop.name!r}: e-prop does not support inputs with signed spikes; "
                    "use two populations, one for each sign"
                )
        model = super().build_neuron_model(pop, model, compile_state)
        if compile_state.is_hidden(pop):
            build_hidden(pop, model)
        elif pop in compile_state.losses:
            model = build_output(pop, model, self.settings, compile_state)
        compile_state.neuron_models[pop] = model
        return model

    def build_synapse_model(
        self, conn: Connection, model: SynapseModel, compile_state: NetworkState
    ) -> SynapseModel:
        """Check that the synapse is ``Delta``."""
        if not isinstance(conn.synapse, Delta):
            raise NotImplementedError(
                f"connection {conn.name!r}: e-prop needs Delta synapses, got "
                f"{type(conn.synapse).__name__}"
            )
        return model

    def build_weight_update_model(
        self,
        connection: Connection,
        connect_snippet: ConnectivitySnippet,
        compile_state: NetworkState,
    ) -> WeightUpdateModel:
        """Return a model that accumulates gradients and sends the error of outputs back.

        Raises
        ------
        NotImplementedError
            If synapses have delays of their own.
        """
        if is_heterogeneous(connect_snippet.delay):
            raise NotImplementedError(
                f"connection {connection.name!r}: e-prop supports one delay for all synapses of a "
                "connection, not one for each"
            )
        model = self._build_weight_update(connection, connect_snippet, compile_state)
        compile_state.weight_update_models[connection] = model
        return model

    def _build_weight_update(
        self, connection: Connection, connect_snippet: ConnectivitySnippet, state: NetworkState
    ) -> WeightUpdateModel:
        source, target = get_source(connection), get_target(connection)
        is_trained, weight = connect_snippet.trainable, connect_snippet.weight
        if is_trained:
            state.trained_connections.append(connection)
        if target in state.losses:
            sends_feedback = state.is_hidden(source)
            if sends_feedback:
                state.feedback_connections.append(connection)
            return build_output_weight_update(
                weight, is_trained, sends_feedback, self.settings, state
            )
        if is_trained:
            return build_hidden_weight_update(weight, target, self.settings, state)
        return super().build_weight_update_model(connection, connect_snippet, state)

    def create_compiled_network(
        self,
        genn_model: Any,
        neuron_populations: dict[Population, Any],
        connection_populations: dict[Connection, Any],
        compile_state: NetworkState,
    ) -> CompiledTrainingNetwork:
        """Add the custom updates of the rule and the callbacks that run them."""
        for conn in compile_state.feedback_connections:
            connection_populations[conn].pre_target_var = FEEDBACK_INPUT
        # Each compiled network has an optimiser of its own, whose parameters may be scheduled
        optimiser = get_object(self._optimiser, Optimiser, "Optimiser", default_optimisers)
        assembly = Assembly(
            self,
            self.settings,
            genn_model,
            neuron_populations,
            connection_populations,
            compile_state,
        )
        before, after = self.deep_r.add(self, genn_model, connection_populations, "DeltaG")
        assembly.train_callbacks += before
        updates = assembly.add_learning(optimiser)
        assembly.train_callbacks += after
        assembly.add_softmaxes()
        if self.reset_all_between_batches:
            assembly.add_all_resets()
        else:
            assembly.add_resets()
        assembly.add_checks()
        duration = self.settings.example_timesteps * self.dt
        return CompiledTrainingNetwork(
            genn_model,
            neuron_populations,
            connection_populations,
            self.communicator,
            compile_state.losses,
            self.example_timesteps,
            assembly.train_callbacks,
            assembly.validate_callbacks,
            [(optimiser, updates)],
            [(conn, "g") for conn in compile_state.trained_connections],
            [(pop, "Bias") for pop in assembly.trained_biases],
            self.reset_time_between_batches,
            cross_rank_sums=assembly.cross_rank_sums,
            output_losses={
                pop: OutputLoss(pop, loss, True, duration)
                for pop, loss in compile_state.losses.items()
            },
        )
