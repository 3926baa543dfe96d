"""Leaky integrate-and-fire neuron."""

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


class LeakyIntegrateFire(Neuron):
    """Leaky integrate-and-fire neuron.

    Every timestep ``v`` becomes ``exp(-dt / tau_mem) * v`` plus the input current; when it reaches
    ``v_thresh`` the neuron spikes and is reset.

    Parameters
    ----------
    v_thresh
        Threshold.
    v_reset
        Value after a spike, or with ``relative_reset`` the value that a threshold crossing without
        overshoot leads to.
    v
        Initial value.
    tau_mem
        Membrane time constant (ms); a number or one per neuron.
    tau_refrac
        Refractory period (ms); ``None`` for none.
    relative_reset
        Whether a spike subtracts ``v_thresh - v_reset`` rather than setting ``v_reset``.
    integrate_during_refrac
        Whether ``v`` goes on changing in the refractory period.
    scale_i
        Whether the input current is scaled by ``1 - exp(-dt / tau_mem)``.
    readout
        How the output is read.
    """

    v_thresh = ValueDescriptor("Vthresh")
    v_reset = ValueDescriptor("Vreset")
    v = ValueDescriptor("V")
    tau_mem = PositiveValueDescriptor(
        ("Alpha", lambda val, dt: np.exp(-dt / val)), learned="TauMem"
    )
    tau_refrac = NonNegativeValueDescriptor("TauRefrac")

    @network_default_params
    def __init__(
        self,
        v_thresh: InitValue = 1.0,
        v_reset: InitValue = 0.0,
        v: InitValue = 0.0,
        tau_mem: InitValue = 20.0,
        tau_refrac: InitValue | None = None,
        relative_reset: bool = True,
        integrate_during_refrac: bool = True,
        scale_i: bool = False,
        readout: Readout | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(readout=readout, **kwargs)
        self.v_thresh = v_thresh
        self.v_reset = v_reset
        self.v = v
        self.tau_mem = tau_mem
        self.tau_refrac = tau_refrac
        self.relative_reset = relative_reset
        self.integrate_during_refrac = integrate_during_refrac
        self.scale_i = scale_i

    def get_model(self, population: Population, dt: float, batch_size: int) -> NeuronModel:
        """Return the engine model with values."""
        current = "((1.0 - Alpha) * Isyn)" if self.scale_i else "Isyn"
        integrate = f"V = (Alpha * V) + {current};"
        reset = "V -= (Vthresh - Vreset);" if self.relative_reset else "V = Vreset;"
        model: dict[str, Any] = {
            "vars": [("V", "scalar")],
            "params": [("Vthresh", "scalar"), ("Vreset", "scalar"), ("Alpha", "scalar")],
            "sim_code": integrate,
            "threshold_condition_code": "V >= Vthresh",
            "reset_code": reset,
        }
        if self.tau_refrac is not None:
            model["vars"].append(("RefracTime", "scalar"))
            model["params"].append(("TauRefrac", "scalar"))
            if self.integrate_during_refrac:
                model["sim_code"] = f"""
                    {integrate}
                    if (RefracTime > 0.0) {{
                        RefracTime -= dt;
                    }}
                    """
            else:
                model["sim_code"] = f"""
                    if (RefracTime > 0.0) {{
                        RefracTime -= dt;
                    }}
                    else {{
                        {integrate}
                    }}
                    """
            model["threshold_condition_code"] = "V >= Vthresh && RefracTime <= 0.0"
            model["reset_code"] = f"{reset}\nRefracTime = TauRefrac;"
        var_vals = {"RefracTime": 0.0} if self.tau_refrac is not None else {}
        return NeuronModel.from_val_descriptors(model, "V", self, dt, var_vals=var_vals)
