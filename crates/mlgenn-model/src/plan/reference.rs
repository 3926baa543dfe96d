//! What references of custom updates and custom connectivity updates are bound to.

use mlgenn_ir::Type;

use super::Planner;
use super::scope::Scope;
use crate::description::{EgpRef, VarRef};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

impl Planner {
    /// The array that a reference is bound to.
    pub(super) fn resolve(&self, context: &str, reference: &VarRef) -> Result<ArrayId, ModelError> {
        let path = match reference {
            VarRef::Neuron { population, var } => format!("neuron.{population}.vars.{var}"),
            VarRef::CurrentSource { current_source, var } => {
                format!("cs.{current_source}.vars.{var}")
            }
            VarRef::CustomUpdate { custom_update, var } => format!("cu.{custom_update}.vars.{var}"),
            VarRef::CustomConnectivityUpdate { update, var } => {
                let roles = ["vars", "pre_vars", "post_vars"];
                let paths = roles.map(|role| format!("ccu.{update}.{role}.{var}"));
                let found = paths.iter().find(|path| self.layout.find(path).is_some());
                found.unwrap_or(&paths[0]).clone()
            }
            VarRef::Psm { synapse_group, var } => format!("syn.{synapse_group}.psm_vars.{var}"),
            VarRef::WuPre { synapse_group, var } => format!("syn.{synapse_group}.pre_vars.{var}"),
            VarRef::WuPost { synapse_group, var } => {
                format!("syn.{synapse_group}.post_vars.{var}")
            }
            VarRef::Wu { synapse_group, var, .. } => format!("syn.{synapse_group}.vars.{var}"),
            VarRef::OutPost { synapse_group } => format!("syn.{synapse_group}.out_post"),
            VarRef::DenDelay { synapse_group } => format!("syn.{synapse_group}.den_delay"),
            VarRef::SpikeTime { population } => format!("neuron.{population}.spike_times"),
            VarRef::PrevSpikeTime { population } => {
                format!("neuron.{population}.prev_spike_times")
            }
            VarRef::SpikeCount { synapse_group } => match self.spike_count_source(synapse_group) {
                Some(population) => spike_count_path(&self.network.populations[population].name),
                None => format!("syn.{synapse_group}.spike_count"),
            },
        };
        self.layout.find(&path).ok_or_else(|| ModelError::Unknown {
            context: context.to_owned(),
            what: "variable",
            name: path,
            available: Vec::new(),
        })
    }

    /// The array that a reference to an extra global parameter is bound to.
    pub(super) fn resolve_egp(&self, reference: &EgpRef) -> Result<ArrayId, ModelError> {
        self.array(&match reference {
            EgpRef::Neuron { population, egp } => format!("neuron.{population}.egps.{egp}"),
            EgpRef::CurrentSource { current_source, egp } => {
                format!("cs.{current_source}.egps.{egp}")
            }
            EgpRef::CustomUpdate { custom_update, egp } => {
                format!("cu.{custom_update}.egps.{egp}")
            }
            EgpRef::Psm { synapse_group, egp } => {
                format!("syn.{synapse_group}.psm_egps.{egp}")
            }
            EgpRef::Wu { synapse_group, egp } => format!("syn.{synapse_group}.egps.{egp}"),
        })
    }

    /// Check that a reference was declared with the type of what it is bound to.
    pub(super) fn check_reference_type(
        &self,
        scope: &Scope,
        name: &str,
        type_name: &str,
        array: ArrayId,
    ) -> Result<(), ModelError> {
        let wanted: Type = scope.parse_number(type_name)?.into();
        let array = self.layout.array(array);
        if wanted == array.ty {
            return Ok(());
        }
        Err(ModelError::invalid(
            &scope.context,
            format!(
                "reference {name:?} has type {type_name:?}, but {} has type {}",
                array.path, array.ty
            ),
        ))
    }

    /// Arrays of the spike counts that custom updates refer to: one number per batch member.
    pub(super) fn plan_spike_counts(&mut self) -> Result<(), ModelError> {
        for population in 0..self.network.populations.len() {
            let mut bound = self.network.custom_updates.iter().flat_map(|u| u.var_refs.values());
            let is_used = bound.any(|reference| match reference {
                VarRef::SpikeCount { synapse_group } => {
                    self.spike_count_source(synapse_group) == Some(population)
                }
                _ => false,
            });
            if is_used {
                let path = spike_count_path(&self.network.populations[population].name);
                self.layout.add(Array::new(path, Type::U32, Copies::Member, 1))?;
            }
        }
        Ok(())
    }

    /// The population whose spikes a reference to the spike count of a synapse group counts.
    pub(super) fn spike_count_source(&self, synapse_group: &str) -> Option<usize> {
        let group = self.network.synapse_groups.iter().find(|group| group.name == synapse_group)?;
        Some(self.population_index(&group.source))
    }
}

fn spike_count_path(population: &str) -> String {
    format!("neuron.{population}.spike_count")
}
