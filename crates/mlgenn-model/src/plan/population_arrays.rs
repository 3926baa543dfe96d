//! Arrays of populations and of the current sources that feed them.

use indexmap::IndexMap;

use super::scope::Scope;
use super::usage::uses;
use super::{InitOver, Planner};
use crate::description::Var;
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

impl Planner {
    /// Arrays of populations and current sources.
    pub(super) fn plan_population_arrays(&mut self) -> Result<(), ModelError> {
        for index in 0..self.network.populations.len() {
            let population = self.network.populations[index].clone();
            let context = format!("Neuron group '{}'", population.name);
            let prefix = format!("neuron.{}", population.name);
            for var in &population.model.vars {
                let queued = self.is_referenced_by_synapses(index, &var.name);
                let id = self.add_var(&context, &prefix, "vars", var, population.size)?;
                if queued && self.rings[index].slots > 1 {
                    let (ring, slots) = (self.rings[index].ring, self.rings[index].slots);
                    let array = self.layout.array_mut(id);
                    (array.ring, array.slots) = (Some(ring), slots);
                }
                let init = population.vars.get(&var.name);
                self.plan_init(&context, id, var, init, InitOver::Elements)?;
            }
            self.add_egps(&context, &prefix, &population.model.extra_global_params)?;
            self.add_dynamic_params(
                &context,
                &prefix,
                &population.model.params,
                &population.params,
                &population.dynamic_params,
            )?;
        }
        for source in self.network.current_sources.clone() {
            let context = format!("Current source '{}'", source.name);
            let prefix = format!("cs.{}", source.name);
            let size = self.network.populations[self.population_index(&source.population)].size;
            for var in &source.model.vars {
                let id = self.add_var(&context, &prefix, "vars", var, size)?;
                let init = source.vars.get(&var.name);
                self.plan_init(&context, id, var, init, InitOver::Elements)?;
            }
            self.add_egps(&context, &prefix, &source.model.extra_global_params)?;
            self.add_dynamic_params(
                &context,
                &prefix,
                &source.model.params,
                &source.params,
                &source.dynamic_params,
            )?;
        }
        Ok(())
    }

    /// Array of a variable with one element per neuron.
    pub(super) fn add_var(
        &mut self,
        context: &str,
        prefix: &str,
        role: &str,
        var: &Var,
        size: usize,
    ) -> Result<ArrayId, ModelError> {
        let ty = Scope::new(context.to_owned(), self.precision).parse_number(&var.type_name)?;
        let copies = if var.access.is_per_member() { Copies::Member } else { Copies::Shared };
        let elements = if var.access.is_per_element() { size } else { 1 };
        let path = format!("{prefix}.{role}.{}", var.name);
        self.layout.add(Array::new(path, ty.into(), copies, elements))
    }

    fn is_referenced_by_synapses(&self, population: usize, var: &str) -> bool {
        let name = &self.network.populations[population].name;
        self.network.synapse_groups.iter().any(|group| {
            let update = &group.weight_update;
            let codes = update.model.synaptic_codes();
            let through = |refs: &IndexMap<String, String>| {
                refs.iter().any(|(alias, target)| target == var && uses(codes, alias))
            };
            (group.source == *name && through(&update.pre_neuron_var_refs))
                || (group.target == *name && through(&update.post_neuron_var_refs))
        })
    }
}
