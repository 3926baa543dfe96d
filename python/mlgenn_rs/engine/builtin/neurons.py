"""Built-in neuron models."""

from __future__ import annotations

from math import exp

from ..enums import VarAccess
from ..models import NeuronModel, create_neuron_model

_LIF = create_neuron_model(
    "LIF",
    params=["C", "TauM", "Vrest", "Vreset", "Vthresh", "Ioffset", "TauRefrac"],
    derived_params=[
        ("ExpTC", lambda pars, dt: exp(-dt / pars["TauM"])),
        ("Rmembrane", lambda pars, dt: pars["TauM"] / pars["C"]),
    ],
    vars=[("V", "scalar"), ("RefracTime", "scalar")],
    sim_code="""
    if(RefracTime <= 0.0) {
        const scalar steady = ((Isyn + Ioffset) * Rmembrane) + Vrest;
        V = steady - (ExpTC * (steady - V));
    }
    else {
        RefracTime -= dt;
    }
    """,
    threshold_condition_code="RefracTime <= 0.0 && V >= Vthresh",
    reset_code="""
    V = Vreset;
    RefracTime = TauRefrac;
    """,
)

_IZHIKEVICH_CODE = """
    if(V >= 30.0) {
        V = c;
        U += d;
    }
    V += 0.5 * ((0.04 * V * V) + (5.0 * V) + 140.0 - U + Isyn) * dt;
    V += 0.5 * ((0.04 * V * V) + (5.0 * V) + 140.0 - U + Isyn) * dt;
    U += a * ((b * V) - U) * dt;
    if(V > 30.0) {
        V = 30.0;
    }
    """

_IZHIKEVICH = create_neuron_model(
    "Izhikevich",
    params=["a", "b", "c", "d"],
    vars=[("V", "scalar"), ("U", "scalar")],
    sim_code=_IZHIKEVICH_CODE,
    threshold_condition_code="V >= 29.99",
)

_IZHIKEVICH_VARIABLE = create_neuron_model(
    "IzhikevichVariable",
    vars=[
        ("V", "scalar"),
        ("U", "scalar"),
        ("a", "scalar", VarAccess.READ_ONLY),
        ("b", "scalar", VarAccess.READ_ONLY),
        ("c", "scalar", VarAccess.READ_ONLY),
        ("d", "scalar", VarAccess.READ_ONLY),
    ],
    sim_code=_IZHIKEVICH_CODE,
    threshold_condition_code="V >= 29.99",
)

_RULKOV_MAP = create_neuron_model(
    "RulkovMap",
    params=["Vspike", "alpha", "y", "beta"],
    derived_params=[
        ("p0", lambda pars, dt: pars["Vspike"] * pars["Vspike"] * pars["alpha"]),
        ("p1", lambda pars, dt: pars["Vspike"] * pars["y"]),
        (
            "p2",
            lambda pars, dt: (pars["Vspike"] * pars["alpha"]) + (pars["Vspike"] * pars["y"]),
        ),
    ],
    vars=[("V", "scalar"), ("preV", "scalar")],
    sim_code="""
    if(V <= 0.0) {
        preV = V;
        V = (p0 / (Vspike - V - (beta * Isyn))) + p1;
    }
    else if(V < p2 && preV <= 0.0) {
        preV = V;
        V = p2;
    }
    else {
        preV = V;
        V = -Vspike;
    }
    """,
    threshold_condition_code="V >= p2",
)

_SPIKE_SOURCE = create_neuron_model("SpikeSource", threshold_condition_code="0")

_SPIKE_SOURCE_ARRAY = create_neuron_model(
    "SpikeSourceArray",
    vars=[
        ("startSpike", "unsigned int"),
        ("endSpike", "unsigned int", VarAccess.READ_ONLY_DUPLICATE),
    ],
    extra_global_params=[("spikeTimes", "scalar*")],
    threshold_condition_code="startSpike != endSpike && t >= spikeTimes[startSpike]",
    reset_code="startSpike++;",
)

_POISSON = create_neuron_model(
    "Poisson",
    params=["rate"],
    derived_params=[("isi", lambda pars, dt: 1000.0 / (pars["rate"] * dt))],
    vars=[("timeStepToSpike", "scalar")],
    sim_code="""
    if(timeStepToSpike <= 0.0) {
        timeStepToSpike += isi * gennrand_exponential();
    }
    timeStepToSpike -= 1.0;
    """,
    threshold_condition_code="timeStepToSpike <= 0.0",
)

_TRAUB_MILES = create_neuron_model(
    "TraubMiles",
    params=["gNa", "ENa", "gK", "EK", "gl", "El", "C"],
    vars=[("V", "scalar"), ("m", "scalar"), ("h", "scalar"), ("n", "scalar")],
    sim_code="""
    const scalar mdt = dt / 25.0;
    for(unsigned int step = 0; step < 25; step++) {
        const scalar Imem = -((m * m * m * h * gNa * (V - ENa))
                              + (n * n * n * n * gK * (V - EK))
                              + (gl * (V - El)) - Isyn);
        const scalar am = (V == -52.0) ? 1.28
            : (0.32 * (-52.0 - V)) / (exp((-52.0 - V) / 4.0) - 1.0);
        const scalar bm = (V == -25.0) ? 1.4
            : (0.28 * (V + 25.0)) / (exp((V + 25.0) / 5.0) - 1.0);
        m += ((am * (1.0 - m)) - (bm * m)) * mdt;
        const scalar ah = 0.128 * exp((-48.0 - V) / 18.0);
        const scalar bh = 4.0 / (exp((-25.0 - V) / 5.0) + 1.0);
        h += ((ah * (1.0 - h)) - (bh * h)) * mdt;
        const scalar an = (V == -50.0) ? 0.16
            : (0.032 * (-50.0 - V)) / (exp((-50.0 - V) / 5.0) - 1.0);
        const scalar bn = 0.5 * exp((-55.0 - V) / 40.0);
        n += ((an * (1.0 - n)) - (bn * n)) * mdt;
        V += (Imem / C) * mdt;
    }
    """,
    threshold_condition_code="V >= 0.0",
)

NEURON_MODELS: dict[str, NeuronModel] = {
    model.name: model
    for model in (
        _LIF,
        _IZHIKEVICH,
        _IZHIKEVICH_VARIABLE,
        _RULKOV_MAP,
        _SPIKE_SOURCE,
        _SPIKE_SOURCE_ARRAY,
        _POISSON,
        _TRAUB_MILES,
    )
}
"""Built-in neuron models by name."""
