"""Custom updates that turn accumulated gradients into new weights, delays and biases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..engine import NeuronGroup, create_var_ref, create_wu_var_ref
from ..engine.enums import CustomUpdateVarAccess, VarAccessMode
from ..optimisers import Optimiser
from ..utils.model import CustomUpdateModel

BATCH_REDUCE_GROUP = "GradientBatchReduce"
"""Custom update group that sums gradients over the batch."""

LEARN_GROUP = "GradientLearn"
"""Custom update group that runs the optimisers."""

ZERO_GROUP = "ZeroGradient"
"""Custom update group that discards accumulated gradients."""

AddCustomUpdate = Callable[[CustomUpdateModel, str, str], Any]
"""Function that adds a custom update model to a group under a name and returns the update."""


@dataclass
class Learning:
    """Adds the custom updates that train variables of synapse and neuron groups.

    Parameters
    ----------
    add_custom_update
        Adds a custom update to the engine model.
    is_batched
        Whether gradients have to be summed over the batch (and ranks).
    """

    add_custom_update: AddCustomUpdate
    is_batched: bool
    reduced: list[Any] = field(default_factory=list)
    """Variables that hold gradients summed over the batch."""

    def add(
        self,
        genn_pop: Any,
        optimiser: Optimiser,
        variable: str,
        gradient: str,
        suffix: str,
        clamp: tuple[float, float] | None = None,
    ) -> Any:
        """Train a variable of a group, and return the update that the optimiser controls.

        Parameters
        ----------
        genn_pop
            Synapse or neuron group.
        optimiser
            Optimiser.
        variable, gradient
            Variable to train, and the one that accumulates its gradient.
        suffix
            End of the names of the custom updates.
        clamp
            Bounds that the variable is kept in.
        """
        refer: Callable[[Any, str], Any]
        refer = create_var_ref if isinstance(genn_pop, NeuronGroup) else create_wu_var_ref
        gradient_ref = refer(genn_pop, gradient)
        if self.is_batched:
            reduce = self.add_custom_update(
                _reduce_model(gradient_ref), BATCH_REDUCE_GROUP, f"CUBatchReduce{suffix}"
            )
            self.reduced.append(reduce.vars["ReducedGradient"])
            gradient_ref = refer(reduce, "ReducedGradient")
        model = optimiser.get_model(
            gradient_ref, refer(genn_pop, variable), not self.is_batched, clamp
        )
        return self.add_custom_update(model, LEARN_GROUP, f"CUGradientLearn{suffix}")


def zero_model(genn_pop: Any, gradients: Iterable[str]) -> CustomUpdateModel:
    """Return a custom update model that zeroes gradients of a synapse group."""
    gradients = list(gradients)
    return CustomUpdateModel(
        {
            "var_refs": [(name, "scalar", VarAccessMode.READ_WRITE) for name in gradients],
            "update_code": "\n".join(f"{name} = 0.0;" for name in gradients),
        },
        {},
        {},
        {name: create_wu_var_ref(genn_pop, name) for name in gradients},
    )


def _reduce_model(gradient_ref: Any) -> CustomUpdateModel:
    return CustomUpdateModel(
        {
            "vars": [("ReducedGradient", "scalar", CustomUpdateVarAccess.REDUCE_BATCH_SUM)],
            "var_refs": [("Gradient", "scalar", VarAccessMode.READ_WRITE)],
            "update_code": "ReducedGradient = Gradient; Gradient = 0.0;",
        },
        {},
        {"ReducedGradient": 0.0},
        {"Gradient": gradient_ref},
    )
