"""Built-in postsynaptic models."""

from __future__ import annotations

from math import exp

from ..enums import VarAccessMode
from ..models import PostsynapticModel, create_postsynaptic_model

_EXP_CURR = create_postsynaptic_model(
    "ExpCurr",
    params=["tau"],
    derived_params=[
        ("expDecay", lambda pars, dt: exp(-dt / pars["tau"])),
        ("init", lambda pars, dt: (pars["tau"] * (1.0 - exp(-dt / pars["tau"]))) / dt),
    ],
    sim_code="""
    injectCurrent(init * inSyn);
    inSyn *= expDecay;
    """,
)

_EXP_COND = create_postsynaptic_model(
    "ExpCond",
    params=["tau", "E"],
    derived_params=[("expDecay", lambda pars, dt: exp(-dt / pars["tau"]))],
    neuron_var_refs=[("V", "scalar", VarAccessMode.READ_ONLY)],
    sim_code="""
    injectCurrent(inSyn * (E - V));
    inSyn *= expDecay;
    """,
)

_DELTA_CURR = create_postsynaptic_model(
    "DeltaCurr",
    sim_code="""
    injectCurrent(inSyn);
    inSyn = 0.0;
    """,
)

POSTSYNAPTIC_MODELS: dict[str, PostsynapticModel] = {
    model.name: model for model in (_EXP_CURR, _EXP_COND, _DELTA_CURR)
}
"""Built-in postsynaptic models by name."""
