"""Custom updates that turn accumulated gradients into new weights, delays and biases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..callbacks import Callback
from ..callbacks.custom_update import Filter
from ..engine import NeuronGroup, create_var_ref, create_wu_var_ref
from ..engine.enums import CustomUpdateVarAccess, VarAccessMode
from ..optimisers import Optimiser
from ..utils.model import CustomUpdateModel

BATCH_REDUCE_GROUP = "GradientBatchReduce"
"""Custom update group that sums gradients over the batch."""

NEURON_SUM_GROUP = "GradientNeuronSum"
"""Custom update group that sums gradients over populations that share a parameter."""

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
    has_shared: bool = False
    """Whether gradients have to be summed over populations, after the batch."""
    _gradients: dict[Optimiser, list[Any]] = field(default_factory=dict)
    """Variables with the gradients that each optimiser uses."""

    def add(
        self,
        genn_pop: Any,
        optimiser: Optimiser,
        variable: str,
        gradient: str,
        suffix: str,
        clamp: tuple[float, float] | None = None,
        is_shared: bool = False,
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
        is_shared
            Whether all neurons of the group use the sum of their gradients.
        """
        refer: Callable[[Any, str], Any]
        refer = create_var_ref if isinstance(genn_pop, NeuronGroup) else create_wu_var_ref
        gradient_ref = refer(genn_pop, gradient)
        gradient_var = genn_pop.vars[gradient]
        if self.is_batched:
            reduce = self.add_custom_update(
                _reduce_model(gradient_ref), BATCH_REDUCE_GROUP, f"CUBatchReduce{suffix}"
            )
            gradient_var = reduce.vars["ReducedGradient"]
            self.reduced.append(gradient_var)
            gradient_ref = refer(reduce, "ReducedGradient")
        if is_shared:
            total = self.add_custom_update(
                _neuron_sum_model(gradient_ref), NEURON_SUM_GROUP, f"CUNeuronSum{suffix}"
            )
            gradient_var = total.vars["SummedGradient"]
            gradient_ref = refer(total, "SummedGradient")
            self.has_shared = True
        self._gradients.setdefault(optimiser, []).append(gradient_var)
        is_accumulated = not (self.is_batched or is_shared)
        model = optimiser.get_model(gradient_ref, refer(genn_pop, variable), is_accumulated, clamp)
        return self.add_custom_update(model, LEARN_GROUP, f"CUGradientLearn{suffix}")

    def clip_callbacks(self, filter_fn: Filter | None = None) -> list[Callback]:
        """Return callbacks that limit the norms of gradients, of optimisers that have a limit.

        They come between the sum over the batch and learning.

        Parameters
        ----------
        filter_fn
            Function of the number of a batch that says whether gradients will be used.
        """
        return [
            ClipGradients(optimiser, gradients, filter_fn)
            for optimiser, gradients in self._gradients.items()
            if optimiser.clip_norm is not None
        ]


class ClipGradients(Callback):
    """Scales the gradients of an optimiser if their norm is larger than its ``clip_norm``.

    Pascanu, R., Mikolov, T. and Bengio, Y. (2013). On the difficulty of training recurrent neural
    networks. International Conference on Machine Learning.

    Parameters
    ----------
    optimiser
        Optimiser.
    gradients
        Variables with the gradients that it uses.
    filter_fn
        Function of the number of a batch that says whether gradients will be used; ``None`` means
        always.
    """

    def __init__(
        self, optimiser: Optimiser, gradients: Sequence[Any], filter_fn: Filter | None = None
    ) -> None:
        self._optimiser = optimiser
        self._gradients = list(gradients)
        self._filter_fn = filter_fn

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Scale gradients that are too large."""
        limit = self._optimiser.clip_norm
        if limit is None or (self._filter_fn is not None and not self._filter_fn(batch)):
            return
        together = [[gradient] for gradient in self._gradients]
        for gradients in together if self._optimiser.clip_each else [self._gradients]:
            _limit_norm(gradients, limit)


def zero_model(genn_pop: Any, gradients: Iterable[str]) -> CustomUpdateModel:
    """Return a custom update model that zeroes gradients of a synapse or neuron group."""
    refer: Callable[[Any, str], Any]
    refer = create_var_ref if isinstance(genn_pop, NeuronGroup) else create_wu_var_ref
    gradients = list(gradients)
    return CustomUpdateModel(
        {
            "var_refs": [(name, "scalar", VarAccessMode.READ_WRITE) for name in gradients],
            "update_code": "\n".join(f"{name} = 0.0;" for name in gradients),
        },
        {},
        {},
        {name: refer(genn_pop, name) for name in gradients},
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


def _neuron_sum_model(gradient_ref: Any) -> CustomUpdateModel:
    return CustomUpdateModel(
        {
            "vars": [("SummedGradient", "scalar", CustomUpdateVarAccess.REDUCE_NEURON_SUM)],
            "var_refs": [("Gradient", "scalar", VarAccessMode.READ_WRITE)],
            "update_code": "SummedGradient = Gradient; Gradient = 0.0;",
        },
        {},
        {"SummedGradient": 0.0},
        {"Gradient": gradient_ref},
    )


def _limit_norm(gradients: Sequence[Any], limit: float) -> None:
    """Scale gradients so that the root of the sum of all their squares is at most ``limit``.

    The sum is taken in double precision and in a fixed order.  Gradients that are not finite stay
    as they are: they are reported at the end of the epoch.
    """
    values = []
    for gradient in gradients:
        gradient.pull_from_device()
        values.append(gradient.values)
    squares = [np.sum(np.square(array, dtype=np.float64)) for array in values]
    norm = float(np.sqrt(np.sum(squares)))
    if not limit < norm < np.inf:
        return
    for gradient, array in zip(gradients, values, strict=True):
        gradient.values = array * np.float32(limit / norm)
        gradient.push_to_device()
