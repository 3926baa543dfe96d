"""Built-in weight update models."""

from __future__ import annotations

from ..enums import VarAccess, VarAccessMode
from ..models import WeightUpdateModel, create_weight_update_model

_STATIC_PULSE = create_weight_update_model(
    "StaticPulse",
    vars=[("g", "scalar", VarAccess.READ_ONLY)],
    pre_spike_syn_code="addToPost(g);",
)

_STATIC_PULSE_CONSTANT_WEIGHT = create_weight_update_model(
    "StaticPulseConstantWeight",
    params=["g"],
    pre_spike_syn_code="addToPost(g);",
)

_STATIC_PULSE_DENDRITIC_DELAY = create_weight_update_model(
    "StaticPulseDendriticDelay",
    vars=[("g", "scalar", VarAccess.READ_ONLY), ("d", "uint8_t", VarAccess.READ_ONLY)],
    pre_spike_syn_code="addToPostDelay(g, d);",
)

_STATIC_GRADED = create_weight_update_model(
    "StaticGraded",
    params=["Epre", "Vslope"],
    vars=[("g", "scalar", VarAccess.READ_ONLY)],
    pre_neuron_var_refs=[("V", "scalar", VarAccessMode.READ_ONLY)],
    pre_event_threshold_condition_code="V > Epre",
    pre_event_syn_code="addToPost(fmax(0.0, g * tanh((V - Epre) / Vslope) * dt));",
)

_STDP = create_weight_update_model(
    "STDP",
    params=["tauPlus", "tauMinus", "Aplus", "Aminus", "Wmin", "Wmax"],
    vars=[("g", "scalar")],
    pre_spike_syn_code="""
    addToPost(g);
    const scalar delta = t - st_post;
    if(delta > 0.0) {
        g = fmin(Wmax, fmax(Wmin, g - (Aminus * exp(-delta / tauMinus))));
    }
    """,
    post_spike_syn_code="""
    const scalar delta = t - st_pre;
    if(delta > 0.0) {
        g = fmin(Wmax, fmax(Wmin, g + (Aplus * exp(-delta / tauPlus))));
    }
    """,
)

WEIGHT_UPDATE_MODELS: dict[str, WeightUpdateModel] = {
    model.name: model
    for model in (
        _STATIC_PULSE,
        _STATIC_PULSE_CONSTANT_WEIGHT,
        _STATIC_PULSE_DENDRITIC_DELAY,
        _STATIC_GRADED,
        _STDP,
    )
}
"""Built-in weight update models by name."""
