//! Arrays of synapse groups, and the rings, spike queues and spike times of populations that they
//! make necessary.

use mlgenn_ir::Type;

use super::connectivity::{Planned, plan_connectivity};
use super::event_times::EventTimes;
use super::kernel::EventQueueId;
use super::usage::{is_empty, subscripts, uses};
use super::{ConnectivityPlan, EventQueue, InitOver, Planner, PopulationRing};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies, RingId};

/// Arrays of a synapse group that other parts of the plan use.
pub(crate) struct GroupArrays {
    pub(crate) out_post: ArrayId,
    pub(crate) out_pre: Option<ArrayId>,
    pub(crate) den_delay: Option<(ArrayId, RingId)>,
    pub(crate) connectivity: ConnectivityPlan,
    pub(crate) pre_event_queue: Option<EventQueueId>,
    pub(crate) post_event_queue: Option<EventQueueId>,
    pub(crate) pre_event_times: EventTimes,
    pub(crate) post_event_times: EventTimes,
}

impl Planner {
    /// Rings, spike queues and spike times of populations.
    pub(super) fn plan_rings(&mut self) -> Result<(), ModelError> {
        for index in 0..self.network.populations.len() {
            let population = self.network.populations[index].clone();
            let mut slots = 1;
            let mut uses_time = uses([population.model.sim_code.as_str()], "st")
                || uses([population.model.threshold_condition_code.as_str()], "st")
                || uses([population.model.reset_code.as_str()], "st");
            let mut uses_prev_time = false;
            for group in &self.network.synapse_groups {
                let model = &group.weight_update.model;
                let (codes, pre, post) =
                    (model.synaptic_codes(), model.pre_codes(), model.post_codes());
                if group.source == population.name {
                    slots = slots.max(1 + group.axonal_delay_steps as usize);
                    uses_time |= uses(codes, "st_pre") || uses(pre, "st_pre");
                    uses_prev_time |= uses(codes, "prev_st_pre");
                }
                if group.target == population.name {
                    slots = slots.max(1 + group.back_prop_delay_steps as usize);
                    uses_time |= uses(codes, "st_post") || uses(post, "st_post");
                    uses_prev_time |= uses(codes, "prev_st_post");
                    let refs = model
                        .post_neuron_var_refs
                        .iter()
                        .chain(&model.psm_var_refs)
                        .map(|reference| reference.name.as_str());
                    let mut names = refs.chain(model.post_vars.iter().map(|v| v.name.as_str()));
                    if names.any(|name| subscripts(codes, name)) {
                        let max = group.max_dendritic_delay_timesteps.ok_or_else(|| {
                            ModelError::invalid(
                                format!("Synapse group '{}'", group.name),
                                "code reads past values of postsynaptic variables; \
                                 max_dendritic_delay_timesteps must be set",
                            )
                        })?;
                        slots = slots.max(1 + max as usize);
                    }
                }
            }
            uses_time |= uses_prev_time;
            for update in &self.network.custom_updates {
                for reference in update.var_refs.values() {
                    use crate::description::VarRef;
                    match reference {
                        VarRef::SpikeTime { population: name } if *name == population.name => {
                            uses_time = true;
                        }
                        VarRef::PrevSpikeTime { population: name } if *name == population.name => {
                            uses_time = true;
                            uses_prev_time = true;
                        }
                        _ => {}
                    }
                }
            }
            let ring = self.layout.add_ring(slots);
            let prefix = format!("neuron.{}", population.name);
            let words = population.size.div_ceil(32);
            let array =
                self.add_queue_array(format!("{prefix}.spike_queue"), words, (ring, slots))?;
            let spikes = self.add_event_queue(EventQueue {
                population: index,
                array,
                recorded: population.record_spikes,
                path: format!("{prefix}.spikes"),
            });
            let path = |name: &str| format!("{prefix}.{name}");
            let paths = [path("spike_times"), path("prev_spike_times"), path("fresh_spike_times")];
            let wanted = (uses_time, uses_prev_time);
            let spike_times = self.add_times(paths, wanted, population.size, (ring, slots))?;
            self.rings.push(PopulationRing { ring, slots, spikes, spike_times });
        }
        Ok(())
    }

    fn add_queue_array(
        &mut self,
        path: String,
        words: usize,
        (ring, slots): (RingId, usize),
    ) -> Result<ArrayId, ModelError> {
        let mut array = Array::new(path, Type::U32, Copies::Member, words);
        (array.ring, array.slots) = (Some(ring), slots);
        self.layout.add(array)
    }

    fn add_time_array(
        &mut self,
        path: String,
        size: usize,
        (ring, slots): (RingId, usize),
    ) -> Result<ArrayId, ModelError> {
        let mut array = Array::new(path, self.time(), Copies::Member, size);
        if slots > 1 {
            (array.ring, array.slots) = (Some(ring), slots);
        }
        // Neurons that never spiked: the most negative number.
        array.fill = match self.time() {
            Type::F64 => f64::MIN.to_bits(),
            _ => u64::from(f32::MIN.to_bits()),
        };
        self.layout.add(array)
    }

    /// Arrays of the times of the last and last but one event.
    fn add_times(
        &mut self,
        [last, before, fresh]: [String; 3],
        (wants_last, wants_before): (bool, bool),
        size: usize,
        ring: (RingId, usize),
    ) -> Result<EventTimes, ModelError> {
        let mut times = EventTimes::default();
        if wants_last || wants_before {
            times.last = Some(self.add_time_array(last, size, ring)?);
        }
        if wants_before {
            times.before = Some(self.add_time_array(before, size, ring)?);
            times.fresh = Some(self.add_time_array(fresh, size, (ring.0, 1))?);
        }
        Ok(times)
    }

    /// Arrays of synapse groups.
    pub(super) fn plan_group_arrays(&mut self) -> Result<(), ModelError> {
        for index in 0..self.network.synapse_groups.len() {
            let arrays = self.plan_arrays_of_group(index)?;
            self.groups.push(arrays);
        }
        Ok(())
    }

    fn plan_arrays_of_group(&mut self, index: usize) -> Result<GroupArrays, ModelError> {
        let group = self.network.synapse_groups[index].clone();
        let context = format!("Synapse group '{}'", group.name);
        let prefix = format!("syn.{}", group.name);
        let (source, target) =
            (self.population_index(&group.source), self.population_index(&group.target));
        let (num_pre, num_post) =
            (self.network.populations[source].size, self.network.populations[target].size);
        let model = &group.weight_update.model;
        let scalar = self.scalar();
        let new = |path: String, size| Array::new(path, scalar, Copies::Member, size);

        let out_post = self.layout.add(new(format!("{prefix}.out_post"), num_post))?;
        let out_pre = if uses(model.synaptic_codes(), "addToPre") {
            Some(self.layout.add(new(format!("{prefix}.out_pre"), num_pre))?)
        } else {
            None
        };
        let den_delay = if uses(model.synaptic_codes(), "addToPostDelay") {
            let slots = group.max_dendritic_delay_timesteps.unwrap_or(0) as usize;
            if slots == 0 {
                return Err(ModelError::invalid(
                    context,
                    "code calls addToPostDelay; max_dendritic_delay_timesteps must be at least 1",
                ));
            }
            let ring = self.layout.add_ring(slots);
            let mut array = new(format!("{prefix}.den_delay"), num_post);
            (array.ring, array.slots) = (Some(ring), slots);
            Some((self.layout.add(array)?, ring))
        } else {
            None
        };

        let Planned { connectivity, row_stride, kernel } =
            plan_connectivity(self, &context, &prefix, &group, (num_pre, num_post))?;
        self.row_strides.push(row_stride);
        check_size(&context, num_pre, row_stride)?;
        self.kernels.push(kernel);
        self.plan_weights(&context, &prefix, index, &group)?;
        let codes = model.synaptic_codes();
        for (role, vars, inits, size, population, delay) in [
            (
                "pre_vars",
                &model.pre_vars,
                &group.weight_update.pre_vars,
                num_pre,
                source,
                group.axonal_delay_steps,
            ),
            (
                "post_vars",
                &model.post_vars,
                &group.weight_update.post_vars,
                num_post,
                target,
                group.back_prop_delay_steps,
            ),
        ] {
            for var in vars {
                let id = self.add_var(&context, &prefix, role, var, size)?;
                let subscripted = role == "post_vars" && subscripts(codes, &var.name);
                if delay > 0 || subscripted {
                    self.delay_array(id, population);
                }
                self.plan_init(&context, id, var, inits.get(&var.name), InitOver::Elements)?;
            }
        }
        for var in &group.postsynaptic.model.vars {
            let id = self.add_var(&context, &prefix, "psm_vars", var, num_post)?;
            let mut refs = group.weight_update.psm_var_refs.iter();
            let referenced =
                refs.any(|(alias, name)| *name == var.name && uses(codes, alias.as_str()));
            let past = group
                .weight_update
                .psm_var_refs
                .iter()
                .any(|(alias, name)| *name == var.name && subscripts(codes, alias.as_str()));
            if past || (referenced && group.back_prop_delay_steps > 0) {
                self.delay_array(id, target);
            }
            let init = group.postsynaptic.vars.get(&var.name);
            self.plan_init(&context, id, var, init, InitOver::Elements)?;
        }
        self.add_egps(&context, &prefix, &model.extra_global_params)?;
        self.add_egps_as(
            &context,
            &prefix,
            "psm_egps",
            &group.postsynaptic.model.extra_global_params,
        )?;
        let update = &group.weight_update;
        self.add_dynamic_params(
            &context,
            &prefix,
            &model.params,
            &update.params,
            &update.dynamic_params,
        )?;
        self.add_dynamic_params_as(
            &context,
            (&prefix, "psm_params"),
            &group.postsynaptic.model.params,
            &group.postsynaptic.params,
            &group.postsynaptic.dynamic_params,
        )?;

        let event = |planner: &mut Self, side: &str, condition: &str, population: usize| {
            if is_empty(condition) {
                return Ok((None, EventTimes::default()));
            }
            let size = planner.network.populations[population].size;
            let (ring, slots) = (planner.rings[population].ring, planner.rings[population].slots);
            let path = format!("{prefix}.{side}_event_queue");
            let array = planner.add_queue_array(path, size.div_ceil(32), (ring, slots))?;
            let queue = planner.add_event_queue(EventQueue {
                population,
                array,
                recorded: planner.network.populations[population].record_spike_events,
                path: format!("{prefix}.{side}_events"),
            });
            let last = format!("set_{side}");
            let before = format!("prev_set_{side}");
            let uses_before = uses(codes, &before) || uses([condition], "prev_set");
            let uses_last = uses_before || uses(codes, &last) || uses([condition], "set");
            let path = |name: &str| format!("{prefix}.{name}");
            let paths = [path(&last), path(&before), path(&format!("fresh_{last}"))];
            let times = planner.add_times(paths, (uses_last, uses_before), size, (ring, slots))?;
            Ok::<_, ModelError>((Some(queue), times))
        };
        let (pre_event_queue, pre_event_times) =
            event(self, "pre", &model.pre_event_threshold_condition_code, source)?;
        let (post_event_queue, post_event_times) =
            event(self, "post", &model.post_event_threshold_condition_code, target)?;
        Ok(GroupArrays {
            out_post,
            out_pre,
            den_delay,
            connectivity,
            pre_event_queue,
            post_event_queue,
            pre_event_times,
            post_event_times,
        })
    }

    /// Give an array the delay slots of a population.
    fn delay_array(&mut self, id: ArrayId, population: usize) {
        let (ring, slots) = (self.rings[population].ring, self.rings[population].slots);
        if slots > 1 {
            let array = self.layout.array_mut(id);
            (array.ring, array.slots) = (Some(ring), slots);
        }
    }
}

/// Synapses are numbered with 32 bits.
fn check_size(context: &str, num_pre: usize, row_stride: usize) -> Result<(), ModelError> {
    if num_pre.checked_mul(row_stride).is_some_and(|synapses| u32::try_from(synapses).is_ok()) {
        return Ok(());
    }
    Err(ModelError::unsupported(
        context,
        format!("a matrix of {num_pre} rows of up to {row_stride} synapses"),
        format!("at most {} synapses in a group; split it into several", u32::MAX),
    ))
}
