"""Leaky integrate-and-fire neuron with an adaptive threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..utils.decorators import network_default_params
from ..utils.model import NeuronModel
from ..utils.value import (
    InitValue,
    NonNegativeValueDescriptor,
    PositiveValueDescriptor,
    ValueDescriptor,
)
from .neuron import Neuron

if TYPE_CHECKING:
    from ..population import Population
    from ..readouts import Readout


class AdaptiveLeakyIntegrateFire(Neuron):
    """Leaky integrate-and-fire neuron with an adaptive threshold (Bellec et al., 2018).

    Every spike increases the adaptation ``a`` by 1, which decays with ``tau_adapt``; the threshold
    is ``v_thresh + beta * a``.

    Parameters
    ----------
    v_thresh
        Threshold without adaptation.
    v_reset
        Value after a spike, or with ``relative_reset`` the value that a crossing of ``v_thresh``
        without overshoot leads to.
    v, a
        Initial values.
    beta
        Strength of adaptation.
    tau_mem, tau_adapt
        Time constants of membrane and adaptation (ms); numbers or one per neuron.
    tau_refrac
        Refractory period (ms); ``None`` for none.
    relative_reset
        Whether a spike subtracts ``v_thresh - v_reset`` rather than setting ``v_reset``.
    integrate_during_refrac
        Whether ``v`` goes on changing in the refractory period.
    readout
        How the output is read.
    scale_i
        Whether the input current is scaled by ``1 - exp(-dt / tau_mem)``; ml_genn lacks this.
    """

    v_thresh = ValueDescriptor("Vthresh")
    v_reset = ValueDescriptor("Vreset")
    v = ValueDescriptor("V")
    a = ValueDescriptor("A")
    beta = ValueDescriptor("Beta")
    tau_mem = PositiveValueDescriptor(
        ("Alpha", lambda val, dt: np.exp(-dt / val)), learned="TauMem"
    )
    tau_refrac = NonNegativeValueDescriptor("TauRefrac")
    tau_adapt = PositiveValueDescriptor(
        ("Rho", lambda val, dt: np.exp(-dt / val)), learned="TauAdapt"
    )

    @network_default_params
    def __init__(
        self,
        v_thresh: InitValue = 1.0,
        v_reset: InitValue = 0.0,
        v: InitValue = 0.0,
        a: InitValue = 0.0,
        beta: InitValue = 0.0174,
        tau_mem: InitValue = 20.0,
        tau_refrac: InitValue | None = None,
        tau_adapt: InitValue = 2000.0,
        relative_reset: bool = True,
        integrate_during_refrac: bool = True,
        readout: Readout | str | None = None,
        *,
        scale_i: bool = False,
    ) -> None:
        super().__init__(readout=readout)
        self.v_thresh = v_thresh
        self.v_reset = v_reset
        self.v = v
        self.a = a
        self.beta = beta
        self.tau_mem = tau_mem
        self.tau_refrac = tau_refrac
        self.tau_adapt = tau_adapt
        self.relative_reset = relative_reset
        self.integrate_during_refrac = integrate_during_refrac
        self.scale_i = scale_i

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        current = "((1.0 - Alpha) * Isyn)" if self.scale_i else "Isyn"
        integrate = f"V = (Alpha * V) + {current};"
        adapt = "A *= Rho;"
        reset = "V -= (Vthresh - Vreset);" if self.relative_reset else "V = Vreset;"
        reset += "\nA += 1.0;"
        params = ("Vthresh", "Vreset", "Alpha", "Beta", "Rho")
        model: dict[str, Any] = {
            "vars": [("V", "scalar"), ("A", "scalar")],
            "params": [(name, "scalar") for name in params],
            "sim_code": f"{integrate}\n{adapt}",
            "threshold_condition_code": "V >= Vthresh + (Beta * A)",
            "reset_code": reset,
        }
        if self.tau_refrac is not None:
            model["vars"].append(("RefracTime", "scalar"))
            model["params"].append(("TauRefrac", "scalar"))
            if self.integrate_during_refrac:
                model["sim_code"] = f"""
                    {integrate}
                    {adapt}
                    if (RefracTime > 0.0) {{
                        RefracTime -= dt;
                    }}
                    """
            else:
                model["sim_code"] = f"""
                    {adapt}
                    if (RefracTime > 0.0) {{
                        RefracTime -= dt;
                    }}
                    else {{
                        {integrate}
                    }}
                    """
            model["threshold_condition_code"] = "V >= Vthresh + (Beta * A) && RefracTime <= 0.0"
            model["reset_code"] = f"{reset}\nRefracTime = TauRefrac;"
        var_vals = {"RefracTime": 0.0} if self.tau_refrac is not None else {}
        return NeuronModel.from_val_descriptors(model, "V", self, dt, var_vals=var_vals)
