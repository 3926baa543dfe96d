"""The simulation engine, under the names of ``pygenn``.

Describe a network with :class:`GeNNModel` and the models made by ``create_*_model``, then build,
load and run it::

    from mlgenn_rs.engine import GeNNModel, init_postsynaptic, init_weight_update

    model = GeNNModel("float", "example")
    model.dt = 1.0
    source = model.add_neuron_population("Source", 10, "Poisson", {"rate": 20.0},
                                         {"timeStepToSpike": 0.0})
    target = model.add_neuron_population("Target", 5, "LIF", lif_params, lif_vars)
    model.add_synapse_population("Synapses", "DENSE", source, target,
                                 init_weight_update("StaticPulse", {}, {"g": 0.1}),
                                 init_postsynaptic("ExpCurr", {"tau": 5.0}))
    model.build()
    model.load()
    model.run(100, record=[target.vars["V"].path])
    voltages = model.recorded(target.vars["V"].path)
"""

from __future__ import annotations

from .arrays import ExtraGlobalParam, Variable, Zeros
from .current_source import CurrentSource
from .custom_connectivity_update import CustomConnectivityUpdate
from .custom_update import CustomUpdate
from .enums import (
    CustomUpdateVarAccess,
    ParallelismHint,
    SynapseMatrixConnectivity,
    SynapseMatrixType,
    SynapseMatrixWeight,
    VarAccess,
    VarAccessDim,
    VarAccessMode,
    VarLocation,
    get_var_access_dim,
)
from .errors import (
    BackendUnavailable,
    MlGennError,
    ModelError,
    OutOfMemory,
    RuntimeFault,
    SnippetError,
    UnknownGroup,
    UnknownName,
    Unsupported,
)
from .initialisers import (
    init_postsynaptic,
    init_sparse_connectivity,
    init_toeplitz_connectivity,
    init_var,
    init_weight_update,
)
from .model import GeNNModel
from .models import (
    create_current_source_model,
    create_custom_connectivity_update_model,
    create_custom_update_model,
    create_neuron_model,
    create_postsynaptic_model,
    create_weight_update_model,
)
from .neuron_group import NeuronGroup
from .references import (
    create_den_delay_var_ref,
    create_egp_ref,
    create_out_post_var_ref,
    create_post_var_ref,
    create_pre_var_ref,
    create_prev_spike_time_var_ref,
    create_psm_egp_ref,
    create_psm_var_ref,
    create_spike_time_var_ref,
    create_src_spike_count_var_ref,
    create_var_ref,
    create_wu_egp_ref,
    create_wu_post_var_ref,
    create_wu_pre_var_ref,
    create_wu_var_ref,
)
from .snippets import (
    create_sparse_connect_init_snippet,
    create_toeplitz_connect_init_snippet,
    create_var_init_snippet,
)
from .synapse_group import SynapseGroup

__all__ = [
    "BackendUnavailable",
    "CurrentSource",
    "CustomConnectivityUpdate",
    "CustomUpdate",
    "CustomUpdateVarAccess",
    "ExtraGlobalParam",
    "GeNNModel",
    "MlGennError",
    "ModelError",
    "NeuronGroup",
    "OutOfMemory",
    "ParallelismHint",
    "RuntimeFault",
    "SnippetError",
    "SynapseGroup",
    "SynapseMatrixConnectivity",
    "SynapseMatrixType",
    "SynapseMatrixWeight",
    "UnknownGroup",
    "UnknownName",
    "Unsupported",
    "VarAccess",
    "VarAccessDim",
    "VarAccessMode",
    "VarLocation",
    "Variable",
    "Zeros",
    "create_current_source_model",
    "create_custom_connectivity_update_model",
    "create_custom_update_model",
    "create_den_delay_var_ref",
    "create_egp_ref",
    "create_neuron_model",
    "create_out_post_var_ref",
    "create_post_var_ref",
    "create_postsynaptic_model",
    "create_pre_var_ref",
    "create_prev_spike_time_var_ref",
    "create_psm_egp_ref",
    "create_psm_var_ref",
    "create_sparse_connect_init_snippet",
    "create_spike_time_var_ref",
    "create_src_spike_count_var_ref",
    "create_toeplitz_connect_init_snippet",
    "create_var_init_snippet",
    "create_var_ref",
    "create_weight_update_model",
    "create_wu_egp_ref",
    "create_wu_post_var_ref",
    "create_wu_pre_var_ref",
    "create_wu_var_ref",
    "get_var_access_dim",
    "init_postsynaptic",
    "init_sparse_connectivity",
    "init_toeplitz_connectivity",
    "init_var",
    "init_weight_update",
]
