"""Custom updates of a whole network, and the callbacks that run them at the right events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...callbacks import (
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnTimestepEnd,
)
from ...connection import Connection
from ...engine import (
    create_var_ref,
    create_wu_post_var_ref,
    create_wu_pre_var_ref,
    create_wu_var_ref,
)
from ...optimisers import Optimiser
from ...population import Population
from ...utils.model import CustomUpdateModel
from ..check_finite import CheckFinite
from ..clear_events import ClearEvents
from ..learning import BATCH_REDUCE_GROUP, LEARN_GROUP, ZERO_GROUP, Learning, zero_model
from ..reset import ResetVar, create_reset_custom_update
from ..softmax import NUM_SOFTMAX_STAGES
from .network_state import NetworkState
from .output_model import SOFTMAX_VAR
from .settings import Settings

if TYPE_CHECKING:
    from ..compiler import Compiler

_GRADIENTS = ("DeltaG", "DeltaBias")
"""Variables that accumulate gradients."""


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
    cross_rank_sums: dict[str, list[Any]] = field(default_factory=dict)
    """Variables to be summed over ranks after custom update groups."""

    def add_learning(self, optimiser: Optimiser) -> list[Any]:
        """Train weights and biases after each batch; return the updates of the optimiser."""
        learning = Learning(self._add, self.settings.full_batch_size > 1)
        updates = [
            learning.add(self.connection_populations[conn], optimiser, "g", "DeltaG", f"Weight{i}")
            for i, conn in enumerate(self.state.trained_connections)
        ]
        updates += [
            learning.add(self.neuron_populations[pop], optimiser, "Bias", "DeltaBias", f"Bias{i}")
            for i, pop in enumerate(self.trained_biases)
        ]
        if learning.reduced:
            self.cross_rank_sums[BATCH_REDUCE_GROUP] = learning.reduced
            self.train_callbacks.append(CustomUpdateOnBatchEnd(BATCH_REDUCE_GROUP))
        self.train_callbacks += learning.clip_callbacks()
        if updates:
            self.train_callbacks.append(CustomUpdateOnBatchEnd(LEARN_GROUP))
        return updates

    def add_softmaxes(self) -> None:
        """Compute the softmax of outputs after each timestep."""
        for pop, variable in self.state.softmax_inputs.items():
            self.compiler.add_softmax_custom_updates(
                self.genn_model, self.neuron_populations[pop], variable, SOFTMAX_VAR
            )
        if self.state.softmax_inputs:
            for i in range(1, NUM_SOFTMAX_STAGES + 1):
                self._add_to_both(CustomUpdateOnTimestepEnd(f"Softmax{i}"))

    def add_resets(self) -> None:
        """Reset readouts at the beginning of each batch; everything else carries over."""
        readouts = [
            (pop, reset_vars)
            for pop in self.state.losses
            if pop.neuron.readout is not None and (reset_vars := pop.neuron.readout.reset_vars)
        ]
        for i, (pop, reset_vars) in enumerate(readouts):
            refer = partial(create_var_ref, self.neuron_populations[pop])
            model = create_reset_custom_update(reset_vars, refer)
            self._add(model, "Reset", f"CUResetNeuron{i}")
        if readouts:
            self._add_to_both(CustomUpdateOnBatchBegin("Reset"))

    def add_all_resets(self) -> None:
        """Reset everything but what is learned at the beginning of each batch.

        Gradients that validation left behind are discarded, too.
        """
        count = 0

        def add(reset_vars: Iterable[ResetVar], refer: Callable[[str], Any]) -> None:
            nonlocal count
            state_vars = [var for var in reset_vars if var[0] not in _GRADIENTS]
            if state_vars:
                self._add(
                    create_reset_custom_update(state_vars, refer), "Reset", f"CUResetAll{count}"
                )
                count += 1

        owners: list[Any] = []
        for pop, neuron_model in self.state.neuron_models.items():
            group = self.neuron_populations[pop]
            add(neuron_model.reset_vars, partial(create_var_ref, group))
            owners.append(group)
        for i, (conn, model) in enumerate(self.state.weight_update_models.items()):
            group = self.connection_populations[conn]
            add(model.reset_vars, partial(create_wu_var_ref, group))
            add(model.reset_pre_vars, partial(create_wu_pre_var_ref, group))
            add(model.reset_post_vars, partial(create_wu_post_var_ref, group))
            self.compiler.add_out_post_zero_custom_update(
                self.genn_model, group, "Reset", f"CUZeroOutPost{i}"
            )
            owners.append(group)
        for i, group in enumerate(owners):
            gradients = [name for name in _GRADIENTS if name in group.vars]
            if gradients:
                self._add(zero_model(group, gradients), ZERO_GROUP, f"CUZeroGradient{i}")
        self.train_callbacks.append(CustomUpdateOnBatchBegin(ZERO_GROUP, lambda batch: batch == 0))
        self._add_to_both(CustomUpdateOnBatchBegin("Reset"))
        self._add_to_both(ClearEvents())

    def add_checks(self) -> None:
        """Report trained variables that are no longer finite."""
        trained = [(self.connection_populations[c], "g") for c in self.state.trained_connections]
        trained += [(self.neuron_populations[pop], "Bias") for pop in self.trained_biases]
        self.train_callbacks.append(CheckFinite(trained))

    @property
    def trained_biases(self) -> list[Population]:
        """Outputs whose biases are trained."""
        return list(self.state.losses) if self.settings.train_output_bias else []

    def _add(self, model: CustomUpdateModel, group: str, name: str) -> Any:
        return self.compiler.add_custom_update(self.genn_model, model, group, name)

    def _add_to_both(self, callback: Any) -> None:
        self.train_callbacks.append(callback)
        self.validate_callbacks.append(callback)
