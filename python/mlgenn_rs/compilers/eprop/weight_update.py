"""Connections: traces of how synapses contributed, and the gradients that errors make of them.

All traces are updated in the neurons, the synapses combine them at the beginning of the next
timestep.
"""

from __future__ import annotations

from typing import Any

from ...neurons import AdaptiveLeakyIntegrateFire
from ...population import Population
from ...utils.model import WeightUpdateModel
from ..static_pulse import static_pulse_model
from .network_state import NetworkState, get_number
from .settings import Settings

_FEEDBACK = "addToPre(g * E_post);"


def build_output_weight_update(
    weight: Any, is_trained: bool, sends_feedback: bool, settings: Settings, state: NetworkState
) -> WeightUpdateModel:
    """Return the weight update model of a connection to an output.

    Parameters
    ----------
    weight
        Weights.
    is_trained
        Whether weights are trained.
    sends_feedback
        Whether the source receives the error of the output, through the weights of the connection.
    settings, state
        Settings of the rule and what is known about the network.
    """
    model = static_pulse_model(weight)
    if is_trained or sends_feedback:
        model.add_post_neuron_var_ref("E_post", "scalar", "E")
    if is_trained:
        _add_trained_weight(model, settings.decay(state.tau_mem))
        model.append_synapse_dynamics("DeltaG += ZFilter * E_post;")
    if sends_feedback:
        model.append_synapse_dynamics(_FEEDBACK)
    return model


def build_hidden_weight_update(
    weight: Any, target: Population, settings: Settings, state: NetworkState
) -> WeightUpdateModel:
    """Return the weight update model of a trained connection to a hidden population.

    Parameters
    ----------
    weight
        Weights.
    target
        Hidden population.
    settings, state
        Settings of the rule and what is known about the network.
    """
    model = static_pulse_model(weight)
    _add_trained_weight(model, settings.decay(state.tau_mem))
    is_adaptive = isinstance(target.neuron, AdaptiveLeakyIntegrateFire)
    _add_surrogate_gradient(model, target, is_adaptive)
    _add_rate_average(model, settings)
    model.add_var("eFiltered", "scalar", 0.0)
    model.add_param("CReg", "scalar", settings.c_reg)
    model.add_param("TargetSpikes", "scalar", settings.target_spikes)
    model.add_post_neuron_var_ref("E_post", "scalar", "E")
    if is_adaptive:
        assert state.tau_adapt is not None
        model.add_var("epsilonA", "scalar", 0.0)
        model.add_param("Rho", "scalar", settings.decay(state.tau_adapt))
        model.append_synapse_dynamics(
            """
            const scalar psiZ = Psi * ZFilter;
            const scalar psiBetaEpsilonA = Psi * Beta * epsilonA;
            const scalar e = psiZ - psiBetaEpsilonA;
            epsilonA = psiZ + ((Rho * epsilonA) - psiBetaEpsilonA);
            """
        )
    else:
        model.append_synapse_dynamics("const scalar e = ZFilter * Psi;")
    model.append_synapse_dynamics(
        """
        eFiltered = (eFiltered * Alpha) + e;
        DeltaG += (eFiltered * E_post) + ((FAvg - TargetSpikes) * CReg * e);
        """
    )
    return model


def _add_trained_weight(model: WeightUpdateModel, alpha: float) -> None:
    """Add the gradient ``DeltaG`` and ``ZFilter``, the filtered spikes of the source."""
    model.make_param_var("g")
    model.add_var("DeltaG", "scalar", 0.0)
    model.add_param("Alpha", "scalar", alpha)
    model.model["pre_vars"] = [("ZFilter", "scalar")]
    model.pre_var_vals["ZFilter"] = 0.0
    model.model["pre_dynamics_code"] = "ZFilter *= Alpha;"
    model.model["pre_spike_code"] = "ZFilter += 1.0;"


def _add_surrogate_gradient(
    model: WeightUpdateModel, target: Population, is_adaptive: bool
) -> None:
    """Add ``Psi``, how much the membrane potential of the target decides whether it spikes."""
    model.add_param("Vthresh", "scalar", get_number(target, "v_thresh"))
    model.add_post_neuron_var_ref("V_post", "scalar", "V")
    threshold = "Vthresh"
    if is_adaptive:
        model.add_param("Beta", "scalar", get_number(target, "beta"))
        model.add_post_neuron_var_ref("A_post", "scalar", "A")
        threshold = "(Vthresh + (Beta * A_post))"
    psi = f"(0.3 / Vthresh) * fmax(0.0, 1.0 - fabs((V_post - {threshold}) / Vthresh))"
    # Neurons without a refractory period have no variable that counts it down
    if getattr(target.neuron, "tau_refrac", None) is not None:
        model.add_post_neuron_var_ref("RefracTime_post", "scalar", "RefracTime")
        psi = f"(RefracTime_post > 0.0) ? 0.0 : ({psi})"
    _add_post_var(model, "Psi", f"Psi = {psi};")


def _add_rate_average(model: WeightUpdateModel, settings: Settings) -> None:
    """Add ``FAvg``, the average number of spikes per timestep of the target."""
    model.add_param("AlphaFAv", "scalar", settings.decay(settings.tau_reg))
    _add_post_var(model, "FAvg", "FAvg *= AlphaFAv;")
    model.model["post_spike_code"] = "FAvg += (1.0 - AlphaFAv);"


def _add_post_var(model: WeightUpdateModel, name: str, dynamics: str) -> None:
    model.model.setdefault("post_vars", []).append((name, "scalar"))
    model.post_var_vals[name] = 0.0
    code = model.model.get("post_dynamics_code", "")
    model.model["post_dynamics_code"] = f"{code}\n{dynamics}"
