"""Custom updates that compute the softmax of a variable over a population."""

from __future__ import annotations

from typing import Any

from ..engine import create_var_ref
from ..engine.enums import CustomUpdateVarAccess, VarAccessMode
from ..utils.model import CustomUpdateModel

NUM_SOFTMAX_STAGES = 3
"""Number of custom update groups that together compute a softmax."""


def max_model(genn_pop: Any, input_var_name: str) -> CustomUpdateModel:
    """Return the model of the first stage: the largest value over the population."""
    return CustomUpdateModel(
        {
            "vars": [("MaxVal", "scalar", CustomUpdateVarAccess.REDUCE_NEURON_MAX)],
            "var_refs": [("Val", "scalar", VarAccessMode.READ_ONLY)],
            "update_code": "MaxVal = Val;",
        },
        {},
        {"MaxVal": 0.0},
        {"Val": create_var_ref(genn_pop, input_var_name)},
    )


def sum_exp_model(
    genn_pop: Any, input_var_name: str, max_update: Any, temperature: float
) -> CustomUpdateModel:
    """Return the model of the second stage: the sum of exponentials over the population."""
    return CustomUpdateModel(
        {
            "params": [("Temperature", "scalar")],
            "vars": [("SumExpVal", "scalar", CustomUpdateVarAccess.REDUCE_NEURON_SUM)],
            "var_refs": [
                ("Val", "scalar", VarAccessMode.READ_ONLY),
                ("MaxVal", "scalar", VarAccessMode.READ_ONLY),
            ],
            "update_code": "SumExpVal = exp((Val - MaxVal) / Temperature);",
        },
        {"Temperature": temperature},
        {"SumExpVal": 0.0},
        {
            "Val": create_var_ref(genn_pop, input_var_name),
            "MaxVal": create_var_ref(max_update, "MaxVal"),
        },
    )


def softmax_model(
    genn_pop: Any,
    input_var_name: str,
    output_var_name: str,
    max_update: Any,
    sum_exp_update: Any,
    temperature: float,
) -> CustomUpdateModel:
    """Return the model of the third stage: each neuron's share of the sum."""
    return CustomUpdateModel(
        {
            "params": [("Temperature", "scalar")],
            "var_refs": [
                ("Val", "scalar", VarAccessMode.READ_ONLY),
                ("MaxVal", "scalar", VarAccessMode.READ_ONLY),
                ("SumExpVal", "scalar", VarAccessMode.READ_ONLY),
                ("SoftmaxVal", "scalar", VarAccessMode.READ_WRITE),
            ],
            "update_code": "SoftmaxVal = exp((Val - MaxVal) / Temperature) / SumExpVal;",
        },
        {"Temperature": temperature},
        {},
        {
            "Val": create_var_ref(genn_pop, input_var_name),
            "MaxVal": create_var_ref(max_update, "MaxVal"),
            "SumExpVal": create_var_ref(sum_exp_update, "SumExpVal"),
            "SoftmaxVal": create_var_ref(genn_pop, output_var_name),
        },
    )
