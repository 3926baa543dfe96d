"""Regularisation of the number of spikes that hidden neurons emit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any, ClassVar

from ...engine import create_var_ref
from ...engine.enums import VarAccess, VarAccessMode
from ...population import Population
from ...utils.checks import check_number
from ...utils.model import CustomUpdateModel, NeuronModel
from ...utils.network import get_underlying_pop
from ..reset import ResetVar
from .settings import Settings

Lambda = float | Mapping[Population, float]
"""Strength for all hidden populations, or for each of them."""


def parse_lambda(given: Any, what: str) -> Lambda:
    """Return strengths by population, or one for all; layers stand for their populations.

    Raises
    ------
    TypeError, ValueError
        If a strength is not a finite number.
    """
    if isinstance(given, Mapping):
        return {
            get_underlying_pop(pop): check_number(value, f"{what} of {pop}")
            for pop, value in given.items()
        }
    if not isinstance(given, Number):
        raise TypeError(
            f"{what} must be a number or a dictionary from populations or layers to numbers, got "
            f"{given!r}"
        )
    return check_number(given, what)


def get_lambda(reg_lambda: Lambda, pop: Population) -> float:
    """Return the strength for a population, 0 if it has none."""
    if isinstance(reg_lambda, Mapping):
        return float(reg_lambda.get(pop, 0.0))
    return float(reg_lambda)


@dataclass(frozen=True)
class SpikeCountRegularisation:
    """Regularisation of the spike counts of one hidden population.

    In the backward pass, every spike of a neuron that emitted more than ``nu_upper`` spikes per
    example (averaged over the batch) pushes it towards fewer, in proportion to the excess, and
    every spike of one that emitted fewer towards more.
    """

    settings: Settings
    lambda_upper: float
    lambda_lower: float
    nu_upper: float

    def add_to_model(self, model: NeuronModel) -> None:
        """Count spikes."""
        full_batch_size = self.settings.full_batch_size
        model.add_param("RegNuUpperBatch", "int", int(self.nu_upper * full_batch_size))
        model.add_param("RegLambdaUpper", "scalar", self.lambda_upper / full_batch_size**2)
        model.add_param("RegLambdaLower", "scalar", self.lambda_lower / full_batch_size**2)
        model.add_var("SpikeCount", "int", 0)
        model.add_var("SpikeCountBackBatch", "int", 0, VarAccess.READ_ONLY)
        model.append_reset_code("SpikeCount++;")

    jump = """
        const int excess = SpikeCountBackBatch - RegNuUpperBatch;
        LambdaV -= ((excess > 0) ? RegLambdaUpper : RegLambdaLower) * excess;
    """
    """Code run at each spike met in the backward pass, after that of the neuron itself."""

    @property
    def is_reduced(self) -> bool:
        """Whether counts have to be summed over a batch."""
        return self.settings.full_batch_size > 1

    reset_vars: ClassVar[list[ResetVar]] = [("SpikeCount", "int", 0)]
    """What to reset before each example."""

    @property
    def kept_vars(self) -> list[ResetVar]:
        """What the backward pass needs, unless it is summed over the batch."""
        return [] if self.is_reduced else [("SpikeCountBackBatch", "int", "SpikeCount")]

    @staticmethod
    def reduce_model(genn_pop: Any) -> CustomUpdateModel:
        """Return a custom update model that sums spike counts over the batch."""
        return CustomUpdateModel(
            {
                "var_refs": [
                    ("SpikeCount", "int", VarAccessMode.READ_ONLY),
                    ("SpikeCountBackBatch", "int", VarAccessMode.REDUCE_SUM),
                ],
                "update_code": "SpikeCountBackBatch = SpikeCount;",
            },
            {},
            {},
            {
                name: create_var_ref(genn_pop, name)
                for name in ("SpikeCount", "SpikeCountBackBatch")
            },
        )
