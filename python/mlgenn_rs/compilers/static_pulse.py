"""Weight update models of connections that are not trained: a spike adds the weight."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..utils.model import NeuronModel, WeightUpdateModel
from ..utils.value import is_value_array, is_value_constant
from .delay import get_conn_max_delay, get_delay_type


def static_pulse_model(weight: Any) -> WeightUpdateModel:
    """Return a model where a spike adds the weight ``g`` to its targets."""
    return WeightUpdateModel(
        {"params": [("g", "scalar")], "pre_spike_syn_code": "addToPost(g);"}, {"g": weight}
    )


def static_pulse_delay_model(conn: Any, weight: Any, delay: Any) -> WeightUpdateModel:
    """Return a model where a spike adds the weight ``g`` after ``d`` timesteps."""
    delay_type = get_delay_type(get_conn_max_delay(conn, delay))
    return WeightUpdateModel(
        {
            "params": [("g", "scalar"), ("d", delay_type)],
            "pre_spike_syn_code": "addToPostDelay(g, d);",
        },
        {"g": weight, "d": round_delay(delay)},
    )


def add_negative_spikes(model: WeightUpdateModel, source: NeuronModel) -> None:
    """Make a negative spike of the source do what a spike does, with the weight negated.

    Parameters
    ----------
    model
        Model to extend.
    source
        Model of the source, with a condition for negative spikes that reads its variables.
    """
    condition = source.model["negative_threshold_condition_code"]
    for var in source.model.get("vars", []):
        if re.search(rf"\b{var[0]}\b", condition):
            model.add_pre_neuron_var_ref(var[0], var[1], var[0])
    model.model["pre_event_threshold_condition_code"] = condition
    has_delay = "d" in model.param_vals
    model.append_pre_event_syn_code("addToPostDelay(-g, d);" if has_delay else "addToPost(-g);")


def is_heterogeneous(delay: Any) -> bool:
    """Return whether each synapse has its own delay."""
    return not is_value_constant(delay)


def round_delay(delay: Any) -> Any:
    """Round an array of delays to whole timesteps, halves to even."""
    return np.round(delay).astype(np.int64) if is_value_array(delay) else delay
