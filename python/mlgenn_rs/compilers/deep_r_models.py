"""Models of the custom updates of Deep-R.

Each row of a bit mask has one bit for every postsynaptic neuron, in words of 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import create_wu_var_ref
from ..engine.enums import VarAccessMode
from ..utils.model import CustomConnectivityUpdateModel, CustomUpdateModel

BITS_PER_WORD = 32
"""Number of pairs of neurons in each word of a bit mask."""

MASKS = ("Connectivity", "Inhibitory")
"""Bit masks: which pairs are connected, and which ones have negative weights."""

NUM_REWIRINGS, NUM_FAILED = "NumRewirings", "NumFailedRewirings"
"""Arrays with the number of synapses that were to be added, and of full rows that were drawn."""

_FIND_BIT = f"""
const unsigned int word = (id_pre * NumWords) + (id_post / {BITS_PER_WORD});
const unsigned int bit = 1u << (id_post % {BITS_PER_WORD});
"""

_INIT_CODE = f"""
for (unsigned int i = 0; i < NumWords; i++) {{
    Connectivity[(id_pre * NumWords) + i] = 0;
    Inhibitory[(id_pre * NumWords) + i] = gennrand();
}}
for_each_synapse {{
    {_FIND_BIT}
    Connectivity[word] |= bit;
    if (Weight < 0.0) {{
        Inhibitory[word] |= bit;
    }}
    else {{
        Inhibitory[word] &= ~bit;
    }}
}}
"""

_L1_CODE = f"""
{_FIND_BIT}
if ((Inhibitory[word] & bit) != 0) {{
    Gradient -= Strength;
}}
else {{
    Gradient += Strength;
}}
"""

# The bit is cleared first: after a removal id_post is that of the synapse that moved here
_REMOVE_CODE = f"""
unsigned int numRemoved = 0;
for_each_synapse {{
    {_FIND_BIT}
    const bool isInhibitory = (Inhibitory[word] & bit) != 0;
    if ((Weight < 0.0) != isInhibitory) {{
        Connectivity[word] &= ~bit;
        numRemoved++;
        remove_synapse();
    }}
}}
NumDormant = numRemoved;
"""

_DISTRIBUTE_CODE = """
pullRowLengthFromDevice();
pullNumDormantFromDevice();
const unsigned int maxLength = (row_stride < num_post) ? row_stride : num_post;
uint64_t numDormant = 0;
uint64_t numFree = 0;
for (unsigned int i = 0; i < num_pre; i++) {
    numDormant += NumDormant[i];
    NumActivations[i] = 0;
    if (row_length[i] < maxLength) {
        numFree += maxLength - row_length[i];
    }
}
uint64_t numFailed = 0;
uint64_t numLeft = (numDormant < numFree) ? numDormant : numFree;
while (numLeft > 0) {
    const unsigned int row = gennrand() % num_pre;
    if (row_length[row] + NumActivations[row] < maxLength) {
        NumActivations[row]++;
        numLeft--;
    }
    else {
        numFailed++;
    }
}
NumRewirings[0] = numDormant;
NumFailedRewirings[0] = numFailed;
pushNumActivationsToDevice();
pushNumRewiringsToDevice(1);
pushNumFailedRewiringsToDevice(1);
"""

_ADD_CODE = f"""
for (unsigned int i = 0; i < NumActivations; i++) {{
    unsigned int post;
    unsigned int word;
    unsigned int bit;
    do {{
        post = gennrand() % num_post;
        word = (id_pre * NumWords) + (post / {BITS_PER_WORD});
        bit = 1u << (post % {BITS_PER_WORD});
    }} while ((Connectivity[word] & bit) != 0);
    Connectivity[word] |= bit;
    add_synapse(post);
}}
"""


def l1_model(
    synapse_group: Any, num_words: int, strength: float, gradient_var: str
) -> CustomUpdateModel:
    """Return the model of the L1 regularisation, which holds the masks."""
    model = CustomUpdateModel(
        {
            "var_refs": [("Gradient", "scalar", VarAccessMode.READ_WRITE)],
            "update_code": _L1_CODE,
        },
        var_refs={"Gradient": create_wu_var_ref(synapse_group, gradient_var)},
    )
    model.add_param("Strength", "scalar", strength)
    model.add_param("NumWords", "unsigned int", num_words)
    for mask in MASKS:
        words = np.zeros(synapse_group.src.num_neurons * num_words, dtype=np.uint32)
        model.add_egp(mask, "uint32_t*", words)
    return model


def init_model(weight_ref: Any) -> CustomConnectivityUpdateModel:
    """Return the model that draws signs, and takes those of synapses from their weights."""
    return _row_model(_INIT_CODE, weight_ref)


def remove_model(weight_ref: Any, dormant_ref: Any) -> CustomConnectivityUpdateModel:
    """Return the model that removes synapses and counts them in a presynaptic variable."""
    model = _row_model(_REMOVE_CODE, weight_ref)
    model.model["pre_var_refs"] = [("NumDormant", "unsigned int")]
    model.pre_var_refs["NumDormant"] = dormant_ref
    return model


def add_model() -> CustomConnectivityUpdateModel:
    """Return the model that adds synapses."""
    variables = ("NumDormant", "NumActivations")
    model = CustomConnectivityUpdateModel(
        {
            "pre_vars": [(name, "unsigned int") for name in variables],
            "host_update_code": _DISTRIBUTE_CODE,
            "row_update_code": _ADD_CODE,
        },
        pre_var_vals=dict.fromkeys(variables, 0),
    )
    for name in (NUM_REWIRINGS, NUM_FAILED):
        model.add_egp(name, "uint64_t*", np.zeros(1, dtype=np.uint64))
    return model


def _row_model(code: str, weight_ref: Any) -> CustomConnectivityUpdateModel:
    """Return a model whose code reads weights."""
    return CustomConnectivityUpdateModel(
        {
            "var_refs": [("Weight", "scalar", VarAccessMode.READ_ONLY)],
            "row_update_code": code,
        },
        var_refs={"Weight": weight_ref},
    )
