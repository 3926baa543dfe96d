"""Custom updates of a whole network, and the callbacks that run them at the right events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...callbacks import (
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnTimestepBegin,
    CustomUpdateOnTimestepEnd,
)
from ...callbacks.custom_update import CustomUpdate, Filter
from ...connection import Connection
from ...engine import create_var_ref
from ...losses import Loss
from ...optimisers import Optimiser, default_optimisers
from ...population import Population
from ...utils.model import CustomUpdateModel
from ...utils.module import get_object
from ..check_finite import CheckFinite
from ..clear_events import ClearEvents
from ..learning import (
    BATCH_REDUCE_GROUP,
    LEARN_GROUP,
    NEURON_SUM_GROUP,
    ZERO_GROUP,
    Learning,
    zero_model,
)
from ..reset import ResetVar, create_reset_custom_update
from ..softmax import NUM_SOFTMAX_STAGES
from .callbacks import CheckSpikeTapes, UpdateTrial
from .learned_parameters import VARIABLES
from .lif_output_model import first_spike_sums_model
from .passes import ChoosePass, CustomUpdateOnBackwardBegin
from .population import PopulationState
from .settings import Settings
from .spike_tape import SpikeTape

if TYPE_CHECKING:
    from ..compiler import Compiler


_DERIVE_GROUP = "DeriveConstants"
"""Custom update group that computes constants of neurons from learned parameters."""


@dataclass
class NetworkState:
    """What became of the parts of a network while it was compiled."""

    losses: dict[Population, Loss]
    """Loss of each output."""
    is_exact: bool = False
    """Whether gradients take account of all that neurons do, see :class:`EventPropCompiler`."""
    populations: dict[Population, PopulationState] = field(default_factory=dict)
    """Every population."""
    weight_connections: list[Connection] = field(default_factory=list)
    """Connections whose weights are trained."""
    delay_connections: list[Connection] = field(default_factory=list)
    """Connections whose delays are trained."""
    drawn_delay_connections: list[Connection] = field(default_factory=list)
    """Connections whose delays are not trained, but drawn from an initialiser."""
    feedback_connections: list[Connection] = field(default_factory=list)
    """Connections that send adjoint variables back to their source."""

    @property
    def learned_variables(self) -> list[tuple[Population, str]]:
        """Populations with names of variables that hold learned parameters."""
        return [
            (pop, VARIABLES[name])
            for pop, state in self.populations.items()
            if state.learned is not None
            for name in state.learned.names
        ]


@dataclass
class Assembly:
    """Adds the custom updates of a network and collects the callbacks that run them.

    The methods are called in the order in which the callbacks have to run.
    """

    compiler: Compiler
    settings: Settings
    genn_model: Any
    neuron_populations: dict[Population, Any]
    connection_populations: dict[Connection, Any]
    state: NetworkState
    train_callbacks: list[Any] = field(default_factory=list)
    """Callbacks for training."""
    validate_callbacks: list[Any] = field(default_factory=list)
    """Callbacks for validation."""
    optimisers: list[tuple[Optimiser, list[Any]]] = field(default_factory=list)
    """Optimisers and the custom updates that they control."""
    cross_rank_sums: dict[str, list[Any]] = field(default_factory=dict)
    """Variables to be summed over ranks after custom update groups."""

    def __post_init__(self) -> None:
        self._learning = Learning(self._add, self.settings.full_batch_size > 1)
        self._has_gradients = False
        self._has_derived = False
        self._num_resets = 0

    @property
    def learns(self) -> Filter | None:
        """Function of the number of a batch that says whether there are gradients at its end."""
        return None if self.settings.same_batch else _is_later

    def add_learning(self, optimiser: Optimiser, delay_optimiser: Optimiser) -> None:
        """Train weights and delays."""
        learning = self._learning
        trained: list[Connection] = []
        for kind, variable, gradient, conns, used in (
            ("Weight", "g", "Gradient", self.state.weight_connections, optimiser),
            ("Delay", "d", "DelayGradient", self.state.delay_connections, delay_optimiser),
        ):
            # Each compiled network has optimisers of its own, whose parameters may be scheduled
            own = get_object(used, Optimiser, "Optimiser", default_optimisers)
            updates = []
            for i, conn in enumerate(conns):
                clamp = (0.0, float(conn.max_delay_steps or 0)) if kind == "Delay" else None
                group = self.connection_populations[conn]
                updates.append(learning.add(group, own, variable, gradient, f"{kind}{i}", clamp))
            if kind == "Weight" or conns:
                self.optimisers.append((own, updates))
            trained += [conn for conn in conns if conn not in trained]
        for i, conn in enumerate(trained):
            group = self.connection_populations[conn]
            gradients = [name for name in ("Gradient", "DelayGradient") if name in group.vars]
            self._add(zero_model(group, gradients), ZERO_GROUP, f"CUZeroConnGradient{i}")
        self._has_gradients |= bool(trained)

    def add_parameter_learning(self, optimisers: Mapping[str, Optimiser], is_shared: bool) -> None:
        """Train parameters of neurons, of each of them or shared by all of a population."""
        # Each compiled network has optimisers of its own, whose parameters may be scheduled
        own = {
            given: (get_object(given, Optimiser, "Optimiser", default_optimisers), list[Any]())
            for given in optimisers.values()
        }
        for i, (pop, state) in enumerate(self.state.populations.items()):
            if state.learned is None or not state.learned.names:
                continue
            group = self.neuron_populations[pop]
            variables = state.learned.learned_variables(self.settings)
            for name, var in zip(state.learned.names, variables, strict=True):
                optimiser, updates = own[optimisers[name]]
                updates.append(
                    self._learning.add(
                        group,
                        optimiser,
                        var.name,
                        var.gradient,
                        f"{VARIABLES[name]}{i}",
                        var.clamp,
                        is_shared,
                    )
                )
            gradients = [var.gradient for var in variables]
            self._add(zero_model(group, gradients), ZERO_GROUP, f"CUZeroParamGradient{i}")
            derive = state.learned.derive_model(group)
            if derive is not None:
                self._add(derive, _DERIVE_GROUP, f"CUDeriveConstants{i}")
                self._has_derived = True
        self.optimisers += [(optimiser, updates) for optimiser, updates in own.values() if updates]
        self._has_gradients = True

    def add_learning_callbacks(self) -> None:
        """Run what was added for learning at the end of each batch that there are gradients of."""
        learning, learns = self._learning, self.learns
        if learning.reduced:
            self.cross_rank_sums[BATCH_REDUCE_GROUP] = learning.reduced
            self.train_callbacks.append(CustomUpdateOnBatchEnd(BATCH_REDUCE_GROUP, learns))
        if learning.has_shared:
            self.train_callbacks.append(CustomUpdateOnBatchEnd(NEURON_SUM_GROUP, learns))
        self.train_callbacks += learning.clip_callbacks(learns)
        if self._has_gradients:
            self.train_callbacks.append(CustomUpdateOnBatchEnd(LEARN_GROUP, learns))
        if self._has_derived:
            self.train_callbacks.append(CustomUpdateOnBatchEnd(_DERIVE_GROUP, learns))
        if self._has_gradients:
            begin, end = CustomUpdateOnBatchBegin, CustomUpdateOnBatchEnd
            discard = begin if self.settings.same_batch else end
            self.train_callbacks.append(discard(ZERO_GROUP, _is_first))

    def add_trials(self) -> None:
        """Tell outputs the number of the batch."""
        self.train_callbacks += [
            UpdateTrial(self.neuron_populations[pop])
            for pop, state in self.state.populations.items()
            if state.has_trial
        ]

    def add_current_zeroing(self) -> None:
        """Zero synaptic currents before the last timestep of an example.

        Backward passes with timesteps of their own begin without any, and so do examples then.
        """
        for i, group in enumerate(self.connection_populations.values()):
            self.compiler.add_out_post_zero_custom_update(
                self.genn_model, group, "ZeroOutPost", f"CUZeroOutPost{i}"
            )
        if self.settings.same_batch:
            self._add_to_both(ClearEvents())
        if self.connection_populations and self.settings.same_batch:
            self._add_to_both(CustomUpdateOnBatchBegin("ZeroOutPost"))
            self.train_callbacks.append(CustomUpdateOnBackwardBegin("ZeroOutPost"))
        elif self.connection_populations:
            last = self.settings.example_timesteps - 1
            self._add_to_both(CustomUpdateOnTimestepBegin("ZeroOutPost", lambda n: n == last))

    def add_softmaxes(self) -> None:
        """Compute the softmax of outputs, after each example or each timestep."""
        for prefix, every_timestep, callback in (
            ("Batch", False, self._on_example_end),
            ("", True, CustomUpdateOnTimestepEnd),
        ):
            selected = [
                (pop, state.softmax_var)
                for pop, state in self.state.populations.items()
                if state.softmax_var is not None and state.softmax_every_timestep == every_timestep
            ]
            for pop, variable in selected:
                self.compiler.add_softmax_custom_updates(
                    self.genn_model, self.neuron_populations[pop], variable, "Softmax", prefix
                )
            if selected:
                stages = range(1, NUM_SOFTMAX_STAGES + 1)
                self.train_callbacks += [callback(f"{prefix}Softmax{i}") for i in stages]

    def add_spike_counts(self) -> None:
        """Sum the spike counts of regularised populations over the batch."""
        counts: list[Any] = []
        for pop, state in self.state.populations.items():
            regularisation = state.regularisation
            if regularisation is not None and regularisation.is_reduced:
                group = self.neuron_populations[pop]
                model = regularisation.reduce_model(group)
                self._add(model, "SpikeCountReduce", f"CUReduceSpikeCount{len(counts)}")
                counts.append(group.vars["SpikeCountBackBatch"])
        if counts:
            self.cross_rank_sums["SpikeCountReduce"] = counts
            self.train_callbacks.append(self._on_example_end("SpikeCountReduce"))

    def add_first_spike_sums(self) -> None:
        """Sum first spike times over outputs whose loss needs it."""
        selected = [
            (pop, state.label_type)
            for pop, state in self.state.populations.items()
            if state.has_first_spike_sums and state.label_type is not None
        ]
        for i, (pop, label_type) in enumerate(selected):
            group = self.neuron_populations[pop]
            model = first_spike_sums_model(group, label_type, self.settings)
            self._add(model, "TTFSReduce", f"CUTTFSReduce{i}")
        if selected:
            self.train_callbacks.append(self._before_wind("TTFSReduce"))

    def add_resets(self) -> None:
        """Start a new example in every population at the beginning of each batch.

        What was written becomes what is read then, too, or at the beginning of the backward pass.
        """
        for pop, state in self.state.populations.items():
            group = self.neuron_populations[pop]
            refer = partial(create_var_ref, group)
            labels = []
            if state.label_type is not None:
                labels.append(("YTrueBack", state.label_type, "YTrue"))
            if self.settings.same_batch:
                self._add_reset("Wind", labels, refer)
                self._add_reset("Wind", state.kept_vars, refer, group, winds=state)
                self._add_reset("Reset", state.reset_vars, refer, group, clears=state)
            else:
                self._add_reset("Reset", labels, refer)
                reset_vars = [*state.kept_vars, *state.reset_vars]
                self._add_reset("Reset", reset_vars, refer, group, winds=state)
        self._add_to_both(CustomUpdateOnBatchBegin("Reset"))
        if self.settings.same_batch:
            self.train_callbacks += [
                CustomUpdateOnBackwardBegin("Wind"),
                ChoosePass(list(self.neuron_populations.values())),
            ]

    def _add_reset(
        self,
        group: str,
        reset_vars: list[ResetVar],
        refer: Callable[[str], Any],
        genn_pop: Any = None,
        winds: PopulationState | None = None,
        clears: PopulationState | None = None,
    ) -> None:
        """Add a custom update that resets variables, and winds or clears tapes."""
        model = create_reset_custom_update(reset_vars, refer)
        if winds is not None and winds.tape is not None:
            winds.tape.add_to_wind(model, genn_pop)
        if winds is not None and winds.state_tape is not None:
            winds.state_tape.add_to_wind(model, genn_pop)
        if clears is not None and clears.tape is not None:
            clears.tape.add_to_clear(model, genn_pop)
        if model.model["var_refs"]:
            self._add(model, group, f"CUResetNeuron{self._num_resets}")
            self._num_resets += 1

    def add_checks(self, strict: bool) -> None:
        """Report spikes that did not fit into the tapes, and what is no longer finite."""
        spiking = [
            self.neuron_populations[pop]
            for pop, state in self.state.populations.items()
            if isinstance(state.tape, SpikeTape)
        ]
        trained: list[tuple[Any, str]] = [
            (self.connection_populations[conn], variable)
            for conns, variable in (
                (self.state.weight_connections, "g"),
                (self.state.delay_connections, "d"),
            )
            for conn in conns
        ]
        trained += [
            (self.neuron_populations[pop], variable)
            for pop, variable in self.state.learned_variables
        ]
        self.train_callbacks += [
            CheckSpikeTapes(spiking, self.settings, strict),
            CheckFinite(trained),
        ]

    @property
    def _on_example_end(self) -> type[CustomUpdate]:
        """Callback that runs custom updates when examples have been simulated."""
        return CustomUpdateOnBackwardBegin if self.settings.same_batch else CustomUpdateOnBatchEnd

    @property
    def _before_wind(self) -> type[CustomUpdate]:
        """Callback that runs custom updates before tapes are wound."""
        return CustomUpdateOnBackwardBegin if self.settings.same_batch else CustomUpdateOnBatchBegin

    def _add_to_both(self, callback: Any) -> None:
        self.train_callbacks.append(callback)
        self.validate_callbacks.append(callback)

    def _add(self, model: CustomUpdateModel, group: str, name: str) -> Any:
        return self.compiler.add_custom_update(self.genn_model, model, group, name)


def _is_first(batch: int) -> bool:
    return batch == 0


def _is_later(batch: int) -> bool:
    return batch > 0
