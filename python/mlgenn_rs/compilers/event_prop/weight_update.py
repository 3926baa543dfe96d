"""Connections: spikes act on targets, and in the backward pass targets act on weights and sources.

When a spike of the source is met in the backward pass, the adjoint variables of the target say how
the loss depends on the weight, on the delay, and on when the source spiked.
"""

from __future__ import annotations

from typing import Any

from ...connection import Connection
from ...engine.enums import SynapseMatrixWeight, VarAccess
from ...utils.model import WeightUpdateModel
from ...utils.snippet import ConnectivitySnippet
from ...utils.value import is_value_constant
from ..delay import get_conn_max_delay, get_delay_type
from ..static_pulse import round_delay

_LEARNED_DELAY = "const int delay = (int)fmin(fmax(round(d), 0.0), MaxDelay);"


def has_delay(delay: Any) -> bool:
    """Return whether spikes of a connection arrive later than at once."""
    return not is_value_constant(delay) or int(delay) > 0


def build_weight_update(
    conn: Connection,
    snippet: ConnectivitySnippet,
    tau_syn: float | None,
    sends_feedback: bool,
    learns_delay: bool,
) -> WeightUpdateModel:
    """Return the weight update model of a connection.

    Parameters
    ----------
    conn
        Connection.
    snippet
        What its connectivity made of it.
    tau_syn
        Time constant of its synapses in ms; ``None`` if each target has its own in ``TauSyn``.
    sends_feedback
        Whether its source has adjoint variables.
    learns_delay
        Whether its delays are trained.

    Raises
    ------
    NotImplementedError
        If a shared kernel of weights comes with delays, or delays are too long.
    """
    is_kernel = bool(snippet.matrix_type & SynapseMatrixWeight.KERNEL)
    if is_kernel and (learns_delay or has_delay(snippet.delay)):
        raise NotImplementedError(
            f"connection {conn.name!r}: EventProp does not support delays in convolutions that are "
            "stored as a kernel; remove the delay"
        )
    model = WeightUpdateModel(
        {
            "params": [("g", "scalar")],
            "pre_neuron_var_refs": [("BackSpike_pre", "uint8_t")],
            "post_neuron_var_refs": [],
        },
        {"g": snippet.weight},
        pre_neuron_var_refs={"BackSpike_pre": "BackSpike"},
    )
    local, post, slot = _add_delay(model, conn, snippet.delay, learns_delay)
    model.append_pre_spike_syn_code(f"{local}{post}")

    lambda_v, lambda_i = f"LambdaV_post{slot}", f"LambdaI_post{slot}"
    event = []
    if snippet.trainable:
        model.make_param_var("g", VarAccess.READ_ONLY)
        if tau_syn is None:
            model.add_post_neuron_var_ref("TauSyn_post", "scalar", "TauSyn")
        else:
            model.add_param("TauSyn", "scalar", tau_syn)
        tau = "TauSyn_post" if tau_syn is None else "TauSyn"
        model.add_var("Gradient", "scalar", 0.0)
        if is_kernel:
            event.append(f"atomic_add_Gradient(-({lambda_i} * {tau}));")
        else:
            event.append(f"Gradient -= ({lambda_i} * {tau});")
    if learns_delay:
        model.add_var("DelayGradient", "scalar", 0.0)
        event.append(f"DelayGradient -= (g * ({lambda_i} - {lambda_v}));")
    if sends_feedback:
        event.append(f"addToPre(g * ({lambda_v} - {lambda_i}));")
    if event:
        code = "\n".join(event)
        for name in ("LambdaV", "LambdaI"):
            if f"{name}_post" in code:
                model.add_post_neuron_var_ref(f"{name}_post", "scalar", name)
        model.model["pre_event_threshold_condition_code"] = "BackSpike_pre"
        model.append_pre_event_syn_code(f"{local}{code}")
    return model


def _add_delay(
    model: WeightUpdateModel, conn: Connection, delay: Any, learns_delay: bool
) -> tuple[str, str, str]:
    """Add the delay ``d``.

    Returns code that declares what is needed, code that passes a spike on, and the subscript that
    looks up variables of the target as long ago as the delay.
    """
    if learns_delay:
        model.add_param("d", "scalar", delay)
        model.make_param_var("d", VarAccess.READ_ONLY)
        model.add_param("MaxDelay", "scalar", conn.max_delay_steps)
        return f"{_LEARNED_DELAY}\n", "addToPostDelay(g, delay);", "[delay]"
    if has_delay(delay):
        delay_type = get_delay_type(get_conn_max_delay(conn, delay))
        steps = int(delay) if is_value_constant(delay) else round_delay(delay)
        model.add_param("d", delay_type, steps)
        return "", "addToPostDelay(g, d);", "[d]"
    return "", "addToPost(g);", ""
