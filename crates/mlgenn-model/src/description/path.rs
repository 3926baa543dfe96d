//! Paths: the names under which arrays of a loaded network are read and written.
//!
//! | path | array |
//! |---|---|
//! | `neuron.P.vars.V` | neuron variable |
//! | `neuron.P.egps.E` | extra global parameter of a population |
//! | `neuron.P.spike_times`, `neuron.P.prev_spike_times` | spike times |
//! | `syn.S.vars.g` | synapse variable |
//! | `syn.S.pre_vars.x`, `syn.S.post_vars.y`, `syn.S.psm_vars.z` | variables of the models of a synapse group |
//! | `syn.S.egps.E`, `syn.S.psm_egps.E`, `syn.S.connectivity_egps.E` | extra global parameters of a synapse group |
//! | `syn.S.out_post`, `syn.S.den_delay` | accumulated output, dendritic delay buffer |
//! | `syn.S.pre_ind`, `syn.S.post_ind` | pairs of explicit connectivity |
//! | `cs.C.vars.w`, `cs.C.egps.E` | current source |
//! | `cu.U.vars.k`, `cu.U.egps.E` | custom update |
//! | `ccu.U.vars.a`, `ccu.U.pre_vars.n`, `ccu.U.post_vars.m`, `ccu.U.egps.E` | custom connectivity update |
//! | *path of a variable* + `.init_egps.E` | array read by the snippet that initialises the variable |
