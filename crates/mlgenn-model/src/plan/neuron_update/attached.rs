//! The codes of weight update models that run in the neuron update: pre- and postsynaptic dynamics,
//! spike-like events and spike code.

use mlgenn_ir::KernelBuilder;

use super::{NeuronUpdate, State};
use crate::description::WeightUpdate;
use crate::error::ModelError;
use crate::plan::event_times::EventTimes;
use crate::plan::kernel::{Composer, EventQueueId};
use crate::plan::scope::{OpenScope, Scope};
use crate::plan::usage::is_empty;

/// The codes of one weight update model that run in the neuron update.
pub(super) struct Attached {
    side: &'static str,
    pub(super) states: Vec<State>,
    codes: OpenScope,
    condition: OpenScope,
    dynamics_code: String,
    pub(super) spike_code: String,
    condition_code: String,
    event_queue: Option<EventQueueId>,
    event_times: EventTimes,
}

impl NeuronUpdate<'_> {
    /// Codes of the weight update models around this population.
    pub(super) fn attach_weight_updates(
        &mut self,
        neuron: &[State],
    ) -> Result<Vec<Attached>, ModelError> {
        let mut attached = Vec::new();
        for index in self.planner.outgoing(self.index) {
            attached.push(self.attach(index, true, neuron)?);
        }
        for index in self.planner.incoming(self.index) {
            attached.push(self.attach(index, false, neuron)?);
        }
        Ok(attached)
    }

    fn attach(
        &mut self,
        index: usize,
        pre: bool,
        neuron: &[State],
    ) -> Result<Attached, ModelError> {
        let group = self.planner.network.synapse_groups[index].clone();
        let WeightUpdate { model, params, dynamic_params, .. } = &group.weight_update;
        let prefix = format!("syn.{}", group.name);
        let (role, vars, refs) = if pre {
            ("pre_vars", &model.pre_vars, &group.weight_update.pre_neuron_var_refs)
        } else {
            ("post_vars", &model.post_vars, &group.weight_update.post_neuron_var_refs)
        };
        let states = self.load_states(&prefix, role, vars)?;
        let context = format!("Synapse group '{}' weight update model", group.name);
        let arrays = &self.planner.groups[index];
        let (event_queue, event_times) = if pre {
            (arrays.pre_event_queue, arrays.pre_event_times)
        } else {
            (arrays.post_event_queue, arrays.post_event_times)
        };
        let population_time = self.planner.rings[self.index].spike_times.last;

        let base = |this: &mut Self, writable: bool| -> Result<Scope, ModelError> {
            let mut scope = this.scope(context.clone())?;
            this.define_states(&mut scope, &states, writable)?;
            this.define_refs(&mut scope, refs, neuron)?;
            this.planner.define_params(
                &mut scope,
                &mut this.composer,
                (&prefix, "params"),
                (&model.params, &model.derived_params),
                params,
                dynamic_params,
            )?;
            this.egps(&mut scope, &prefix, "egps", &model.extra_global_params)?;
            Ok(scope)
        };
        let mut codes = base(self, true)?;
        let name = if pre { "st_pre" } else { "st_post" };
        self.spike_time_name(&mut codes, name, population_time)?;
        self.allow_random(&mut codes);
        let mut condition = base(self, false)?;
        if !pre && let Some(range) = self.psm_states.get(&index) {
            let psm = &self.states[range.clone()];
            self.define_refs(&mut condition, &group.weight_update.psm_var_refs, psm)?;
        }
        self.spike_time_name(&mut condition, "set", event_times.last)?;
        self.spike_time_name(&mut condition, "prev_set", event_times.before)?;
        self.allow_random(&mut condition);

        let pick =
            |pre_code: &str, post_code: &str| (if pre { pre_code } else { post_code }).to_owned();
        Ok(Attached {
            side: if pre { "pre" } else { "post" },
            states,
            codes: codes.open(),
            condition: condition.open(),
            dynamics_code: pick(&model.pre_dynamics_code, &model.post_dynamics_code),
            spike_code: pick(&model.pre_spike_code, &model.post_spike_code),
            condition_code: pick(
                &model.pre_event_threshold_condition_code,
                &model.post_event_threshold_condition_code,
            ),
            event_queue,
            event_times,
        })
    }

    pub(super) fn event(&mut self, update: &mut Attached) -> Result<(), ModelError> {
        let Some(queue) = update.event_queue else { return Ok(()) };
        let slot = format!("{} event threshold condition code", update.side);
        let builder = &mut self.composer.builder;
        let condition =
            update.condition.code().condition(builder, &slot, &update.condition_code)?;
        self.emit(&format!("{}_events", update.side), queue, condition);
        let times = update.event_times;
        self.composer.store_times(&self.planner.layout, times, condition, self.time);
        Ok(())
    }
}

impl Attached {
    pub(super) fn dynamics(&mut self, composer: &mut Composer) -> Result<(), ModelError> {
        let slot = format!("{} dynamics code", self.side);
        self.codes.code().statements(&mut composer.builder, &slot, &self.dynamics_code)
    }

    pub(super) fn spike(&mut self, builder: &mut KernelBuilder) -> Result<(), ModelError> {
        if is_empty(&self.spike_code) {
            return Ok(());
        }
        // With delay slots the original's spike code starts from the slot of the last timestep,
        // so that the dynamics of this timestep are lost for neurons that spike. Trained networks
        // depend on it.
        for state in self.states.iter().filter(|state| state.always) {
            builder.set(state.cell, state.initial);
        }
        let slot = format!("{} spike code", self.side);
        self.codes.code().statements(builder, &slot, &self.spike_code)
    }
}
