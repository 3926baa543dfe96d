//! Which names model code uses, without checking it.

use mlgenn_lang::identifiers;

use crate::description::WeightUpdateModel;

/// Whether any of the codes uses a name.
pub(crate) fn uses<'a>(codes: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    codes.into_iter().any(|code| identifiers(code).iter().any(|used| used.name == name))
}

/// Whether any of the codes subscripts a name.
pub(crate) fn subscripts<'a>(codes: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    codes
        .into_iter()
        .any(|code| identifiers(code).iter().any(|used| used.name == name && used.subscripted))
}

/// Whether code does nothing.
pub(crate) fn is_empty(code: &str) -> bool {
    mlgenn_lang::is_empty(code)
}

impl WeightUpdateModel {
    /// The slots that run per synapse.
    pub(crate) fn synaptic_codes(&self) -> [&str; 5] {
        [
            &self.pre_spike_syn_code,
            &self.pre_event_syn_code,
            &self.post_spike_syn_code,
            &self.post_event_syn_code,
            &self.synapse_dynamics_code,
        ]
    }

    /// The slots that run per presynaptic neuron.
    pub(crate) fn pre_codes(&self) -> [&str; 3] {
        [&self.pre_spike_code, &self.pre_dynamics_code, &self.pre_event_threshold_condition_code]
    }

    /// The slots that run per postsynaptic neuron.
    pub(crate) fn post_codes(&self) -> [&str; 3] {
        [&self.post_spike_code, &self.post_dynamics_code, &self.post_event_threshold_condition_code]
    }
}
