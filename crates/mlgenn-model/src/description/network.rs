//! The whole network.

use serde::{Deserialize, Serialize};

use super::{CurrentSource, CustomConnectivityUpdate, CustomUpdate, Population, SynapseGroup};

/// Floating-point width of `scalar` or `timepoint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    Float,
    /// 64 bits.
    Double,
}

/// A network of populations and synapse groups, with everything that runs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Name, for messages.
    pub name: String,
    /// Type of `scalar`.
    pub precision: Precision,
    /// Type of `timepoint`; the model precision unless given.
    pub time_precision: Option<Precision>,
    /// Length of a timestep in ms.
    pub dt: f64,
    /// Number of independent copies that run side by side.
    pub batch_size: usize,
    /// Seed of every random number; 0 takes one from the operating system at load.
    pub seed: u64,
    /// Whether to accumulate the time spent in each kind of kernel.
    pub timing_enabled: bool,
    /// Whether postsynaptic models of one population that agree may be run once.
    pub fuse_postsynaptic_models: bool,
    /// Whether pre- and postsynaptic updates of one population that agree may be run once.
    pub fuse_pre_post_weight_update_models: bool,
    /// Populations of neurons.
    pub populations: Vec<Population>,
    /// Groups of synapses between two populations.
    pub synapse_groups: Vec<SynapseGroup>,
    /// Current sources, each attached to one population.
    pub current_sources: Vec<CurrentSource>,
    /// Custom updates.
    pub custom_updates: Vec<CustomUpdate>,
    /// Custom connectivity updates.
    pub custom_connectivity_updates: Vec<CustomConnectivityUpdate>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            name: "Network".to_owned(),
            precision: Precision::Float,
            time_precision: None,
            dt: 1.0,
            batch_size: 1,
            seed: 0,
            timing_enabled: false,
            fuse_postsynaptic_models: false,
            fuse_pre_post_weight_update_models: false,
            populations: Vec::new(),
            synapse_groups: Vec::new(),
            current_sources: Vec::new(),
            custom_updates: Vec::new(),
            custom_connectivity_updates: Vec::new(),
        }
    }
}
