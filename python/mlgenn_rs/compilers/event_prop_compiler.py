"""Compiler that trains spiking networks with EventProp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

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
from ..synapses import Exponential
from ..utils.checks import check_count, check_number, check_positive
from ..utils.endpoints import check_parts, get_shape, get_source, get_target
from ..utils.model import NeuronModel, SynapseModel, WeightUpdateModel
from ..utils.module import get_given_object, get_object, get_object_mapping
from ..utils.network import ConnectionType, PopulationType, get_underlying_conn
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import is_value_initializer
from .compiled_training_network import CompiledTrainingNetwork
from .compiler import Compiler
from .deep_r import DeepR
from .delay import get_conn_max_delay, get_delay_type
from .event_prop.adjoint import get_tau_syn
from .event_prop.assembly import Assembly, NetworkState
from .event_prop.callbacks import UpdateTrial
from .event_prop.hidden_model import FEEDBACK_INPUT, build_hidden
from .event_prop.input_model import build_input
from .event_prop.learned_parameters import (
    LearnedParameters,
    check_learned,
    parse_learned,
    parse_param_optimisers,
)
from .event_prop.li_output_model import build_li_output
from .event_prop.lif_output_model import build_lif_output
from .event_prop.population import Role
from .event_prop.regularisation import (
    Lambda,
    SpikeCountRegularisation,
    get_lambda,
    parse_lambda,
)
from .event_prop.settings import Settings
from .event_prop.weight_update import build_weight_update, has_delay
from .loss_value import OutputLoss

__all__ = ["EventPropCompiler", "UpdateTrial", "default_params"]

default_params: dict[type, dict[str, Any]] = {
    LeakyIntegrate: {"scale_i": True},
    LeakyIntegrateFire: {
        "relative_reset": False,
        "integrate_during_refrac": False,
        "scale_i": True,
    },
    LeakyIntegrateFireInput: {
        "relative_reset": False,
        "integrate_during_refrac": False,
        "scale_i": True,
    },
    AdaptiveLeakyIntegrateFire: {
        "relative_reset": False,
        "integrate_during_refrac": False,
        "scale_i": True,
    },
    Exponential: {"scale_i": True},
}
"""Default parameters for networks that are trained with EventProp."""


BACKWARD = ("next_batch", "same_batch")
"""When the backward pass of a batch can run."""

LEARN_PER = ("neuron", "population")
"""What can have its own learned parameters."""


class EventPropCompiler(Compiler):
    """Compiles networks for training with EventProp.

    Hidden populations are leaky integrate-and-fire neurons, with or without adaptation; outputs are
    leaky integrators, or spiking neurons that are read out by their first spike times; synapses
    are ``Exponential``.  Networks should be built with ``default_params`` of this module.

    By default the backward pass of a batch runs in the same timesteps as the forward pass of the
    next batch, so the first batch of an epoch causes no update, and the last one does not
    contribute to any; as in ml_genn, spikes of the last two timesteps of an example leak into
    the next one, and neurons that spike in the last timestep have no gradient.  With
    ``backward="same_batch"`` each batch is followed by its own backward pass and one update, and
    examples know nothing of each other.  Readouts, metrics, recorders and the timestep methods of
    callbacks see forward passes only; ``on_backward_end`` of a callback can see gradients.

    By default gradients are those of ml_genn, which are exact for leaky integrate-and-fire neurons
    that are reset to a value and have no refractory period.  With ``exact_adjoint``, with learned
    parameters or if any population is adaptive they are exact for all of the network: resets by
    subtraction, refractory periods, in which neurons integrate or not, and adaptive thresholds.

    Wunderlich, T. C. and Pehle, C. (2021). Event-based backpropagation can compute exact gradients
    for spiking neural networks. Scientific Reports 11, 12829.

    Parameters
    ----------
    example_timesteps
        Number of timesteps of an example.
    losses
        Loss or its name, or a dictionary with one for each population with a readout.
    optimiser
        Optimiser of weights or its name.
    reg_lambda_upper, reg_lambda_lower
        Strength of the push towards fewer spikes of neurons that emit more than ``reg_nu_upper``
        spikes per example, and towards more of those that emit fewer: a number for all hidden
        populations or a dictionary by population or layer (missing: 0).
    reg_nu_upper
        Number of spikes per example that hidden neurons are to emit.
    max_spikes
        Number of slots for the spikes that one neuron emits in two successive examples (one of
        them stays empty), or in one with ``backward="same_batch"``.  Spikes beyond that are
        propagated but have no gradient, which is reported with a warning.  A slot takes 4 bytes for
        each input neuron, 8 or more for others, and member of the batch, but only if it is ever
        used by a neuron of the population.
    strict_buffer_checking
        Raise ``RuntimeError`` if spikes did not fit, instead of warning.
    per_timestep_loss
        Compare a leaky integrator output with its label in every timestep, instead of comparing
        its readout once per example.
    dt
        Duration of a timestep in ms.
    ttfs_alpha
        Strength of the pull towards earlier first spikes of the correct output, and of the pull
        towards the threshold at the end of the example if it is silent.
    softmax_temperature
        Temperature that first spike times are compared with, in ms.
    batch_size
        Number of examples that are simulated at once, over all ranks.
    rng_seed
        Seed of all random numbers; 0 for a different one in every run.
    kernel_profiling
        Measure the time spent in each phase of the simulation.
    communicator
        Communication between the ranks of a data parallel run.
    delay_optimiser
        Optimiser of delays; ``None`` for an independent copy of ``optimiser``.
    delay_learn_conns
        Connections or layers whose delays are trained; they need ``max_delay_steps``.
    deep_r_conns
        Sparse connections or layers that are rewired by Deep-R after every batch.
    deep_r_l1_strength
        Strength of the L1 regularisation of their weights.
    deep_r_record_rewirings
        Connections or layers whose rewirings are counted, with keys for the data that training
        returns: a list with a tuple for each batch, of the number of rewirings and of full rows
        that were tried.
    backward
        When the backward pass of a batch runs: ``"next_batch"``, together with the next batch, or
        ``"same_batch"``, after its own forward pass.
    exact_adjoint
        Take account of all that neurons do after a spike.  Gradients are then those of the mean
        loss per example: those of leaky integrator outputs are not divided by ``tau_mem``, and
        those of ``RelativeMeanSquareError`` are divided by the batch size.
    min_slope
        Smallest slope (input current minus potential at a spike) that exact gradients are divided
        by, relative to the distance of threshold and reset.  It keeps spikes that hardly reach
        the threshold from dominating a batch.
    learn
        Dictionary from populations or layers to names of parameters of their neurons that are
        trained: ``"tau_mem"``, ``"tau_syn"`` of the synapses to them, ``"tau_adapt"``, ``"beta"``,
        ``"v_thresh"``, ``"v_reset"``, ``"tau_refrac"``, and ``"bias"`` of leaky integrators.  Time
        constants are trained by their logarithms, so that steps are relative, and are at least
        ``dt``; ``tau_refrac`` (ms) is between 0 and the duration of an example.  For gradients of
        ``tau_mem`` and ``tau_syn`` states are kept in memory: each takes
        ``4 * example_timesteps`` bytes per neuron and member of the batch.
    learn_per
        Whether each ``"neuron"`` has its own learned parameters, or a ``"population"`` shares them.
    param_optimiser
        Optimiser of learned parameters, or a dictionary with optimisers of some of them by name,
        because their scales differ; ``None``, or missing: an independent copy of ``optimiser``.
    genn_kwargs
        Backend and preferences of the engine.

    Raises
    ------
    RuntimeError
        If an optimiser is neither an object nor a known name.
    ValueError
        If ``backward`` or ``learn_per`` is something else.
    """

    def __init__(
        self,
        example_timesteps: int,
        losses: Any,
        optimiser: Optimiser | str = "adam",
        reg_lambda_upper: Any = 0.0,
        reg_lambda_lower: Any = 0.0,
        reg_nu_upper: float = 0.0,
        max_spikes: int = 500,
        strict_buffer_checking: bool = False,
        per_timestep_loss: bool = False,
        dt: float = 1.0,
        ttfs_alpha: float = 0.01,
        softmax_temperature: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        communicator: Communicator | None = None,
        delay_optimiser: Optimiser | str | None = None,
        delay_learn_conns: Sequence[ConnectionType] = (),
        deep_r_conns: Sequence[ConnectionType] = (),
        deep_r_l1_strength: float = 0.01,
        deep_r_record_rewirings: Mapping[ConnectionType, Any] = MappingProxyType({}),
        *,
        backward: str = "next_batch",
        exact_adjoint: bool = False,
        min_slope: float = 0.2,
        learn: Mapping[PopulationType, Sequence[str] | str] = MappingProxyType({}),
        learn_per: str = "neuron",
        param_optimiser: Optimiser | str | Mapping[str, Optimiser | str] | None = None,
        **genn_kwargs: Any,
    ) -> None:
        super().__init__(
            [
                SynapseMatrixType.TOEPLITZ,
                SynapseMatrixType.PROCEDURAL_KERNELG,
                SynapseMatrixType.DENSE,
                SynapseMatrixType.SPARSE,
            ],
            dt,
            batch_size,
            rng_seed,
            kernel_profiling,
            communicator,
            **genn_kwargs,
        )
        what = type(self).__name__
        if backward not in BACKWARD:
            raise ValueError(
                f"{what}: backward must be {' or '.join(map(repr, BACKWARD))}, got {backward!r}"
            )
        self.backward = backward
        self.settings = Settings(
            self.dt,
            check_count(example_timesteps, f"{what}: example_timesteps"),
            self.batch_size,
            self.full_batch_size,
            check_count(max_spikes, f"{what}: max_spikes"),
            check_number(ttfs_alpha, f"{what}: ttfs_alpha"),
            check_positive(softmax_temperature, f"{what}: softmax_temperature"),
            check_positive(min_slope, f"{what}: min_slope"),
            backward == "same_batch",
        )
        self.losses = losses
        self.strict_buffer_checking = strict_buffer_checking
        self.per_timestep_loss = per_timestep_loss
        self.reg_lambda_upper: Lambda = parse_lambda(reg_lambda_upper, f"{what}: reg_lambda_upper")
        self.reg_lambda_lower: Lambda = parse_lambda(reg_lambda_lower, f"{what}: reg_lambda_lower")
        self.reg_nu_upper = check_number(reg_nu_upper, f"{what}: reg_nu_upper")
        self._optimiser = get_given_object(optimiser, Optimiser, "Optimiser", default_optimisers)
        self._delay_optimiser = get_object(
            self._optimiser if delay_optimiser is None else delay_optimiser,
            Optimiser,
            "Optimiser",
            default_optimisers,
        )
        self._param_optimisers = parse_param_optimisers(
            param_optimiser, self._optimiser, f"{what}: param_optimiser"
        )
        self.exact_adjoint = bool(exact_adjoint)
        self.learn = parse_learned(learn, f"{what}: learn")
        if learn_per not in LEARN_PER:
            raise ValueError(
                f"{what}: learn_per must be {' or '.join(map(repr, LEARN_PER))}, got {learn_per!r}"
            )
        self.learn_per = learn_per
        if not isinstance(delay_learn_conns, Iterable):
            raise TypeError(
                f"{what}: delay_learn_conns must be a list of connections or layers, got "
                f"{delay_learn_conns!r}"
            )
        self.deep_r = DeepR.parse(deep_r_conns, deep_r_l1_strength, deep_r_record_rewirings, what)
        self.delay_learn_conns = {get_underlying_conn(conn) for conn in delay_learn_conns}

    @property
    def example_timesteps(self) -> int:
        """Number of timesteps of an example."""
        return self.settings.example_timesteps

    @property
    def max_spikes(self) -> int:
        """Number of slots for the spikes of a neuron in two successive examples, or in one."""
        return self.settings.max_spikes

    def get_lambda(self, reg_lambda: Any, pop: Population) -> float:
        """Return the regularisation strength for a population, 0 if it has none."""
        return get_lambda(reg_lambda, pop)

    def regulariser_enabled(self, pop: Population) -> bool:
        """Return whether the spike counts of a population are regularised."""
        return (
            get_lambda(self.reg_lambda_lower, pop) != 0.0
            or get_lambda(self.reg_lambda_upper, pop) != 0.0
        )

    def pre_compile(self, network: Network, genn_model: Any, **kwargs: Any) -> NetworkState:
        """Check outputs and losses.

        Raises
        ------
        RuntimeError
            If no population has a readout, losses are not given for exactly those that have, an
            output has outgoing connections, trained delays have no bound, or something was named
            that is not part of the network.
        """
        super().pre_compile(network, genn_model, **kwargs)
        outputs = [pop for pop in network.populations if getattr(pop.neuron, "readout", None)]
        if not outputs:
            raise RuntimeError(
                "EventPropCompiler: no population has a readout, so there is nothing to train; "
                "give the neurons of an output population a readout"
            )
        for pop in outputs:
            if isinstance(pop.neuron, Input):
                raise NotImplementedError(
                    f"population {pop.name!r}: EventProp does not support inputs with a readout"
                )
            if any(conn() is not None for conn in pop.outgoing_connections):
                raise RuntimeError(
                    f"population {pop.name!r}: EventProp does not support outgoing connections of "
                    "populations with a readout"
                )
        what = type(self).__name__
        check_parts(self.delay_learn_conns, network.connections, f"{what}: delay_learn_conns")
        check_parts(self.deep_r.connections, network.connections, f"{what}: deep_r_conns")
        for name in ("reg_lambda_upper", "reg_lambda_lower"):
            given = getattr(self, name)
            if isinstance(given, Mapping):
                check_parts(given, network.populations, f"{what}: {name}")
        for conn in self.delay_learn_conns:
            if conn.max_delay_steps is None:
                raise RuntimeError(
                    f"connection {conn.name!r}: its delays are trained, so it needs "
                    "max_delay_steps, the longest delay in timesteps"
                )
        losses = get_object_mapping(self.losses, outputs, Loss, "Loss", default_losses)
        check_learned(self.learn, network.populations)
        is_exact = (
            self.exact_adjoint
            or bool(self.learn)
            or any(
                isinstance(pop.neuron, AdaptiveLeakyIntegrateFire) for pop in network.populations
            )
        )
        return NetworkState(losses, is_exact)

    def build_neuron_model(
        self, pop: Population, model: NeuronModel, compile_state: NetworkState
    ) -> NeuronModel:
        """Add the backward pass to the model of a population."""
        num_neurons = int(np.prod(get_shape(pop)))
        if isinstance(pop.neuron, Input):
            model, state = build_input(pop, model, num_neurons, self.settings)
            compile_state.populations[pop] = state
            return model
        model = super().build_neuron_model(pop, model, compile_state)
        loss = compile_state.losses.get(pop)
        learned = None
        if compile_state.is_exact:
            learned = LearnedParameters(self.learn[pop].names if pop in self.learn else ())
        if loss is None:
            regularisation = None
            if self.regulariser_enabled(pop):
                upper = get_lambda(self.reg_lambda_upper, pop)
                lower = get_lambda(self.reg_lambda_lower, pop)
                regularisation = SpikeCountRegularisation(
                    self.settings, upper, lower, self.reg_nu_upper
                )
            state = build_hidden(pop, model, num_neurons, self.settings, regularisation, learned)
        elif isinstance(pop.neuron, LeakyIntegrate):
            model, state = build_li_output(
                pop, model, num_neurons, self.settings, loss, self.per_timestep_loss, learned
            )
        elif isinstance(pop.neuron, LeakyIntegrateFire | AdaptiveLeakyIntegrateFire):
            model, state = build_lif_output(pop, model, num_neurons, self.settings, loss, learned)
        else:
            raise AssertionError(
                f"population {pop.name!r}: EventProp outputs are LeakyIntegrate, "
                "LeakyIntegrateFire or AdaptiveLeakyIntegrateFire neurons, not "
                f"{type(pop.neuron).__name__}"
            )
        compile_state.populations[pop] = state
        return model

    def build_synapse_model(
        self, conn: Connection, model: SynapseModel, compile_state: NetworkState
    ) -> SynapseModel:
        """Check that the synapse is ``Exponential``, and let a learned time constant act on it."""
        if not isinstance(conn.synapse, Exponential):
            raise NotImplementedError(
                f"connection {conn.name!r}: EventProp needs Exponential synapses, got "
                f"{type(conn.synapse).__name__}"
            )
        learned = compile_state.populations[get_target(conn)].learned
        return model if learned is None else learned.build_synapse_model(model)

    def build_weight_update_model(
        self, connection: Connection, connect_snippet: ConnectivitySnippet, compile_state: Any
    ) -> WeightUpdateModel:
        """Return a model that accumulates gradients and passes adjoint variables back."""
        target = compile_state.populations[get_target(connection)]
        sends_feedback = compile_state.populations[get_source(connection)].role is Role.HIDDEN
        learns_delay = connection in self.delay_learn_conns
        if connect_snippet.trainable:
            compile_state.weight_connections.append(connection)
        if learns_delay:
            compile_state.delay_connections.append(connection)
        elif is_value_initializer(connect_snippet.delay):
            compile_state.drawn_delay_connections.append(connection)
        if sends_feedback:
            compile_state.feedback_connections.append(connection)
        return build_weight_update(
            connection,
            connect_snippet,
            get_tau_syn(get_target(connection))
            if target.learned is None
            else target.learned.tau_syn,
            sends_feedback,
            learns_delay,
        )

    def apply_delay(
        self, genn_pop: Any, conn: Connection, delay: Any, compile_state: NetworkState
    ) -> None:
        """Set the length of the dendritic delay buffer, which constant delays use too."""
        if conn in self.delay_learn_conns or has_delay(delay):
            slots = get_conn_max_delay(conn, delay)
            get_delay_type(slots)
            genn_pop.max_dendritic_delay_timesteps = slots

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
        assembly = Assembly(
            self,
            self.settings,
            genn_model,
            neuron_populations,
            connection_populations,
            compile_state,
        )
        before, after = self.deep_r.add(
            self, genn_model, connection_populations, "Gradient", assembly.learns
        )
        assembly.train_callbacks += before
        assembly.add_learning(self._optimiser, self._delay_optimiser)
        if self.learn:
            assembly.add_parameter_learning(self._param_optimisers, self.learn_per == "population")
        assembly.add_learning_callbacks()
        assembly.add_trials()
        assembly.add_current_zeroing()
        assembly.add_softmaxes()
        assembly.add_spike_counts()
        assembly.add_first_spike_sums()
        assembly.add_resets()
        assembly.train_callbacks += after
        assembly.add_checks(self.strict_buffer_checking)
        return CompiledTrainingNetwork(
            genn_model,
            neuron_populations,
            connection_populations,
            self.communicator,
            compile_state.losses,
            self.example_timesteps,
            assembly.train_callbacks,
            assembly.validate_callbacks,
            assembly.optimisers,
            [(conn, "g") for conn in compile_state.weight_connections]
            + [
                (conn, "d")
                for conn in (
                    *compile_state.delay_connections,
                    *compile_state.drawn_delay_connections,
                )
            ],
            compile_state.learned_variables,
            cross_rank_sums=assembly.cross_rank_sums,
            backward_timesteps=self.example_timesteps if self.settings.same_batch else 0,
            output_losses={
                pop: OutputLoss(
                    pop,
                    loss,
                    self.per_timestep_loss,
                    self.settings.example_time,
                    self.settings.ttfs_alpha,
                )
                for pop, loss in compile_state.losses.items()
            },
        )
