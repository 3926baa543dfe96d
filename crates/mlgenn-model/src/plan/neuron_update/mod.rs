//! The neuron update: everything that happens to one neuron in one timestep, in one kernel.
//!
//! Order: synaptic input through the postsynaptic models, feedback of `addToPre`, current sources,
//! neuron code, dynamics of pre- and postsynaptic variables, spike-like events, threshold, and for
//! neurons that spike the spike code of the synapse groups and the reset code.

mod attached;
mod input;
mod names;
mod state;

use std::ops::Range;

use indexmap::IndexMap;
use mlgenn_ir::{Cell, Op, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use self::attached::Attached;
use self::state::State;
use super::kernel::{Composer, EventQueueId, Index, Scalar, SlotBinding};
use super::scope::Code;
use super::usage::is_empty;
use super::{PlannedKernel, Planner, PopulationPlan};
use crate::description::Population;
use crate::error::ModelError;

impl Planner {
    /// The neuron update of a population.
    pub(super) fn plan_population(&mut self, index: usize) -> Result<PopulationPlan, ModelError> {
        let population = self.network.populations[index].clone();
        let update = NeuronUpdate::new(self, index, &population).compose()?;
        Ok(PopulationPlan {
            name: population.name.clone(),
            size: population.size,
            ring: self.rings[index].ring,
            guard: update.guard(),
            sleep: None,
            update,
            spikes: self.rings[index].spikes,
            without_traces: None,
        })
    }
}

/// Composes the neuron update of one population.
pub(super) struct NeuronUpdate<'a> {
    planner: &'a mut Planner,
    index: usize,
    population: &'a Population,
    composer: Composer,
    time: Value,
    id: Value,
    member: Value,
    steps_made: Value,
    states: Vec<State>,
    /// Which of these belong to the postsynaptic model of each synapse group.
    psm_states: IndexMap<usize, Range<usize>>,
    /// `Isyn` and the additional input variables.
    inputs: IndexMap<String, (NumericType, Cell)>,
}

impl<'a> NeuronUpdate<'a> {
    fn new(planner: &'a mut Planner, index: usize, population: &'a Population) -> Self {
        let mut composer = Composer::new(format!("Neuron group '{}' update", population.name));
        let time = composer.scalar("t", planner.time(), Scalar::Time);
        let steps_made = composer.scalar("steps_made", Type::U32, Scalar::StepsMade);
        let id = composer.index("id", Index::Neuron);
        let member = composer.index("batch", Index::Member);
        Self {
            planner,
            index,
            population,
            composer,
            time,
            id,
            member,
            steps_made,
            states: Vec::new(),
            psm_states: IndexMap::new(),
            inputs: IndexMap::new(),
        }
    }

    fn compose(mut self) -> Result<PlannedKernel, ModelError> {
        let population = self.population;
        let prefix = format!("neuron.{}", population.name);
        let neuron = self.load_states(&prefix, "vars", &population.model.vars)?;
        self.start_inputs()?;
        self.postsynaptic_models(&neuron)?;
        self.feedback()?;
        self.current_sources(&neuron)?;

        let mut scope = self.scope(format!("Neuron group '{}'", population.name))?;
        self.define_states(&mut scope, &neuron, true)?;
        for (name, (ty, cell)) in &self.inputs {
            scope.view(name, *ty, *cell)?;
        }
        let model = &population.model;
        self.params(
            &mut scope,
            &prefix,
            (&model.params, &model.derived_params),
            &population.params,
            &population.dynamic_params,
        )?;
        self.egps(&mut scope, &prefix, "egps", &model.extra_global_params)?;
        self.spike_time_name(&mut scope, "st", self.planner.rings[self.index].spike_times.last)?;
        self.allow_random(&mut scope);
        let mut open = scope.open();

        let threshold = &model.threshold_condition_code;
        let was_above = if model.auto_refractory_required && !is_empty(threshold) {
            let builder = &mut self.composer.builder;
            Some(open.code().condition(builder, "threshold condition code", threshold)?)
        } else {
            None
        };
        let mut code = open.code();
        code.statements(&mut self.composer.builder, "sim code", &model.sim_code)?;

        let mut attached = self.attach_weight_updates(&neuron)?;
        for update in &mut attached {
            update.dynamics(&mut self.composer)?;
        }
        for update in &mut attached {
            self.event(update)?;
        }

        let spikes = self.planner.rings[self.index].spikes;
        let spike = if is_empty(threshold) {
            self.composer.builder.constant(Type::Bool, 0)
        } else {
            let builder = &mut self.composer.builder;
            let above = code.condition(builder, "threshold condition code", threshold)?;
            match was_above {
                Some(was_above) => {
                    let was_below = builder.not(was_above);
                    builder.and(above, was_below)
                }
                None => above,
            }
        };
        self.emit("spikes", spikes, spike);
        self.store_spike_times(spike);
        self.spike_body(spike, &mut code, &mut attached)?;
        drop(code);
        for update in attached {
            self.states.extend(update.states);
        }
        self.states.extend(neuron);
        self.store_states();
        Ok(self.composer.finish())
    }

    /// What happens only to neurons that spike.
    fn spike_body(
        &mut self,
        spike: Value,
        code: &mut Code<'_>,
        attached: &mut [Attached],
    ) -> Result<(), ModelError> {
        let reset = &self.population.model.reset_code;
        if is_empty(reset) && attached.iter().all(|update| is_empty(&update.spike_code)) {
            return Ok(());
        }
        self.composer.builder.if_else(
            spike,
            |builder| {
                for update in attached {
                    update.spike(builder)?;
                }
                code.statements(builder, "reset code", reset)
            },
            |_| Ok(()),
        )
    }

    fn emit(&mut self, name: &str, queue: EventQueueId, condition: Value) {
        let binding = SlotBinding::Events(queue);
        let slot = self.composer.slot(name, Type::Bool, SlotKind::Events, binding);
        self.composer.builder.effect(Op::Emit(slot, condition));
    }

    fn store_spike_times(&mut self, spike: Value) {
        let times = self.planner.rings[self.index].spike_times;
        self.composer.store_times(&self.planner.layout, times, spike, self.time);
    }
}
