"""Built-in current source models."""

from __future__ import annotations

from math import exp

from ..models import CurrentSourceModel, create_current_source_model

_DC = create_current_source_model("DC", params=["amp"], injection_code="injectCurrent(amp);")

_GAUSSIAN_NOISE = create_current_source_model(
    "GaussianNoise",
    params=["mean", "sd"],
    injection_code="injectCurrent(mean + (gennrand_normal() * sd));",
)

_POISSON_EXP = create_current_source_model(
    "PoissonExp",
    params=["weight", "tauSyn", "rate"],
    derived_params=[
        ("ExpDecay", lambda pars, dt: exp(-dt / pars["tauSyn"])),
        (
            "Init",
            lambda pars, dt: (
                pars["weight"] * (1.0 - exp(-dt / pars["tauSyn"])) * (pars["tauSyn"] / dt)
            ),
        ),
        ("ExpMinusLambda", lambda pars, dt: exp(-(pars["rate"] / 1000.0) * dt)),
    ],
    vars=[("current", "scalar")],
    injection_code="""
    scalar p = gennrand_uniform();
    while(p > ExpMinusLambda) {
        p *= gennrand_uniform();
        current += Init;
    }
    injectCurrent(current);
    current *= ExpDecay;
    """,
)

CURRENT_SOURCE_MODELS: dict[str, CurrentSourceModel] = {
    model.name: model for model in (_DC, _GAUSSIAN_NOISE, _POISSON_EXP)
}
"""Built-in current source models by name."""
