"""Few-spike approximation of a rectified linear unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..utils.checks import check_count, check_positive
from ..utils.model import NeuronModel
from ..utils.snippet import ConstantValueDescriptor
from .few_spike_relu_input import FewSpikeReluInput
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population
    from ..readouts import Readout


class FewSpikeRelu(Neuron):
    """Rectified linear unit that communicates with few spikes (Stöckl and Maass, 2021).

    Input is collected for the ``k`` timesteps of a presentation and encoded in spikes during the
    next one, so that every layer works one presentation behind its source. The output read from
    ``Fx`` at the end of a presentation lacks the source's least significant spike, which arrives
    one timestep later.

    Parameters
    ----------
    k
        Timesteps per presentation; the same in the whole network.
    alpha
        Range of values.
    readout
        How the output is read.
    """

    pipelined = True

    k = ConstantValueDescriptor()
    alpha = ConstantValueDescriptor()

    def __init__(
        self, k: int = 10, alpha: float = 25, readout: Readout | str | None = None
    ) -> None:
        super().__init__(readout=readout)
        self.k = k
        self.alpha = alpha
        check_count(k, "FewSpikeRelu: k")
        check_positive(alpha, "FewSpikeRelu: alpha")

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values.

        Raises
        ------
        ValueError
            If sources are no few-spike neurons, or do not agree in ``k``, ``alpha`` and signedness.
        """
        source_alpha, source_signed = self._get_source(population)
        if source_signed:
            source_scale = source_alpha * 2.0 ** (-self.k // 2)
            decode = """
                const scalar decoded = scalbn((pipeTimestep % 2) == 0 ? -SrcScale : SrcScale,
                                              ((K - pipeTimestep) % K) / 2);
                """
        else:
            source_scale = source_alpha * 2.0 ** (-self.k)
            decode = "const scalar decoded = scalbn(SrcScale, (K - pipeTimestep) % K);"
        model: dict[str, Any] = {
            "vars": [("Fx", "scalar"), ("V", "scalar")],
            "params": [("K", "int"), ("Scale", "scalar"), ("SrcScale", "scalar")],
            "sim_code": f"""
                const int pipeTimestep = (int)round(t / dt);
                const scalar hT = scalbn(Scale, K - 1 - pipeTimestep);
                {decode}
                Fx += (Isyn * decoded);
                if (pipeTimestep == 0) {{
                    V = Fx;
                    Fx = 0.0;
                }}
                """,
            "threshold_condition_code": "V >= hT",
            "reset_code": "V -= hT;",
        }
        param_vals = {
            "K": self.k,
            "Scale": self.alpha * 2.0 ** (-self.k),
            "SrcScale": source_scale,
        }
        return NeuronModel(model, "Fx", param_vals, {"Fx": 0.0, "V": 0.0})

    def _get_source(self, population: Population) -> tuple[float, bool]:
        """Return range and signedness of the population's sources."""
        alphas = set()
        signs = set()
        for reference in population.incoming_connections:
            connection: Any = reference()
            source = connection.source()
            neuron = source.neuron
            if not isinstance(neuron, FewSpikeRelu | FewSpikeReluInput):
                raise ValueError(
                    f"FewSpikeRelu in '{population}': the source '{source}' must be FewSpikeRelu "
                    f"or FewSpikeReluInput, not {type(neuron).__name__}"
                )
            if neuron.k != self.k:
                raise ValueError(
                    f"FewSpikeRelu in '{population}': k={self.k}, but the source '{source}' has "
                    f"k={neuron.k}; it must be the same in the whole network"
                )
            alphas.add(neuron.alpha)
            signs.add(isinstance(neuron, FewSpikeReluInput) and neuron.signed_input)
        if len(alphas) > 1:
            raise ValueError(
                f"FewSpikeRelu in '{population}': all sources must have the same alpha, got "
                f"{sorted(alphas)}"
            )
        if len(signs) > 1:
            raise ValueError(
                f"FewSpikeRelu in '{population}': sources must not mix signed and unsigned input"
            )
        return next(iter(alphas), self.alpha), next(iter(signs), False)
