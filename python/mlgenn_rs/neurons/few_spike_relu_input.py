"""Encoder of data as few spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..utils.checks import check_count, check_positive
from ..utils.model import NeuronModel
from ..utils.snippet import ConstantValueDescriptor
from .input import InputBase
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population


class FewSpikeReluInput(Neuron, InputBase):
    """Encodes data as few spikes (Stöckl and Maass, 2021).

    A value is presented for ``k`` timesteps; a spike in timestep p stands for
    ``alpha * 2**-(1 + p)``.

    Parameters
    ----------
    k
        Timesteps per presentation.
    alpha
        Range of values.
    signed_input
        Whether negative values can be encoded: even timesteps then stand for positive and odd ones
        for negative amounts.
    """

    k = ConstantValueDescriptor()
    alpha = ConstantValueDescriptor()

    def __init__(self, k: int = 10, alpha: float = 25, signed_input: bool = False) -> None:
        super().__init__(var_name="V")
        self.k = k
        self.alpha = alpha
        check_count(k, "FewSpikeReluInput: k")
        check_positive(alpha, "FewSpikeReluInput: alpha")
        self.signed_input = signed_input

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        model: dict[str, Any] = {
            "vars": [("V", "scalar")],
            "params": [("K", "int"), ("Scale", "scalar")],
        }
        if self.signed_input:
            scale = self.alpha * 2.0 ** (-self.k // 2)
            model["sim_code"] = """
                const int pipeTimestep = (int)round(t / dt);
                const scalar hT = scalbn(Scale, (K / 2) - 1 - (pipeTimestep / 2));
                const bool isPositive = (pipeTimestep % 2) == 0;
                """
            model["threshold_condition_code"] = (
                "(isPositive && V >= hT) || (!isPositive && V < -hT)"
            )
            model["reset_code"] = "V += isPositive ? -hT : hT;"
        else:
            scale = self.alpha * 2.0 ** (-self.k)
            model["sim_code"] = """
                const int pipeTimestep = (int)round(t / dt);
                const scalar hT = scalbn(Scale, K - 1 - pipeTimestep);
                """
            model["threshold_condition_code"] = "V >= hT"
            model["reset_code"] = "V -= hT;"
        return NeuronModel(model, None, {"K": self.k, "Scale": scale}, {"V": 0.0})
