//! The neuron update: everything that happens to one neuron in one timestep, in one kernel.
//!
//! Order: synaptic input through the postsynaptic models, feedback of `addToPre`, current sources,
//! neuron code, dynamics of pre- and postsynaptic variables, spike-like events, threshold, and for
//! neurons that spike the spike code of the synapse groups and the reset code.

use std::ops::Range;

use indexmap::IndexMap;
use mlgenn_ir::lower::RandomSource;
use mlgenn_ir::{Cell, Domain, Op, SlotId, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::attached::Attached;
use super::kernel::{Composer, EventQueueId, Index, RingPosition, Scalar, SlotBinding};
use super::scope::{Code, Scope};
use super::usage::{is_empty, uses};
use super::{Planner, PopulationPlan};
use crate::description::{Population, Var, VarAccess};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

/// A variable held in a cell while the kernel runs.
pub(super) struct State {
    /// Name under which code knows it.
    pub(super) name: String,
    pub(super) ty: NumericType,
    pub(super) writable: bool,
    pub(super) cell: Cell,
    /// Value at the start of the kernel.
    pub(super) initial: Value,
    pub(super) write: SlotId,
    /// Whether it must be written even if nothing changed it (delay slots).
    pub(super) always: bool,
}

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
                self.plan_init(&context, id, var, init, super::InitOver::Elements)?;
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
                self.plan_init(&context, id, var, init, super::InitOver::Elements)?;
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
    pub(super) planner: &'a mut Planner,
    pub(super) index: usize,
    pub(super) population: &'a Population,
    pub(super) composer: Composer,
    pub(super) time: Value,
    pub(super) id: Value,
    pub(super) member: Value,
    pub(super) steps_made: Value,
    pub(super) states: Vec<State>,
    /// Which of these belong to the postsynaptic model of each synapse group.
    pub(super) psm_states: IndexMap<usize, Range<usize>>,
    /// `Isyn` and the additional input variables.
    pub(super) inputs: IndexMap<String, (NumericType, Cell)>,
    pub(super) draws: Vec<Cell>,
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
            draws: Vec::new(),
        }
    }

    fn compose(mut self) -> Result<super::PlannedKernel, ModelError> {
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

    /// A scope with the names that every code of a population sees.
    pub(super) fn scope(&mut self, context: String) -> Result<Scope, ModelError> {
        let mut scope = Scope::new(context, self.planner.precision);
        let builder = &mut self.composer.builder;
        let time = self.planner.precision.time;
        scope.value("t", time, self.time)?;
        let dt = builder.number(time.into(), self.planner.network.dt);
        scope.value("dt", time, dt)?;
        scope.value("id", NumericType::UInt32, self.id)?;
        scope.value("batch", NumericType::UInt32, self.member)?;
        scope.count(builder, "num_neurons", self.population.size)?;
        scope.count(builder, "num_batch", self.planner.network.batch_size)?;
        Ok(scope)
    }

    pub(super) fn allow_random(&mut self, scope: &mut Scope) {
        let stream = self.planner.new_stream();
        let kind = SlotKind::Variable { domain: Domain::Member, writable: false };
        let binding = SlotBinding::RandomKey { stream };
        let slot = self.composer.slot("random_key", Type::U64, kind, binding);
        let builder = &mut self.composer.builder;
        let key = builder.read(slot);
        let element = builder.convert(self.id, Type::U64);
        let zero = builder.constant(Type::U32, 0);
        let draw = builder.cell(zero);
        self.draws.push(draw);
        scope.allow_random(RandomSource { key, element, timestep: self.steps_made, draw });
    }

    /// Read variables into cells.
    pub(super) fn load_states(
        &mut self,
        prefix: &str,
        role: &str,
        vars: &[Var],
    ) -> Result<Vec<State>, ModelError> {
        vars.iter()
            .map(|var| {
                let array = self.planner.array(&format!("{prefix}.{role}.{}", var.name))?;
                self.load_state(var, array)
            })
            .collect()
    }

    fn load_state(&mut self, var: &Var, array: ArrayId) -> Result<State, ModelError> {
        let ty = self.numeric(&var.type_name)?;
        let layout = &self.planner.layout;
        let domain = if var.access == VarAccess::ReadOnlySharedNeuron {
            Domain::Member
        } else {
            Domain::Neuron
        };
        let always = layout.array(array).ring.is_some();
        let (read, write) = if always {
            let read =
                self.composer.array(layout, &var.name, array, domain, RingPosition::Previous);
            let name = format!("{}_next", var.name);
            let write = self.composer.array(layout, &name, array, domain, RingPosition::Current);
            (read, write)
        } else {
            let slot = self.composer.array(layout, &var.name, array, domain, RingPosition::Current);
            (slot, slot)
        };
        let initial = self.composer.builder.read(read);
        let cell = self.composer.builder.cell(initial);
        let writable = var.access.is_writable();
        Ok(State { name: var.name.clone(), ty, writable, cell, initial, write, always })
    }

    fn numeric(&self, type_name: &str) -> Result<NumericType, ModelError> {
        let context = format!("Neuron group '{}'", self.population.name);
        Scope::new(context, self.planner.precision).parse_number(type_name)
    }

    /// Let code use variables: as they are, or as they were when the scope was made.
    pub(super) fn define_states(
        &self,
        scope: &mut Scope,
        states: &[State],
        writable: bool,
    ) -> Result<(), ModelError> {
        for state in states {
            if writable && state.writable {
                scope.cell(&state.name, state.ty, state.cell)?;
            } else {
                scope.view(&state.name, state.ty, state.cell)?;
            }
        }
        Ok(())
    }

    /// Let code read variables of another model under the names of its references.
    pub(super) fn define_refs(
        &self,
        scope: &mut Scope,
        refs: &IndexMap<String, String>,
        states: &[State],
    ) -> Result<(), ModelError> {
        for (alias, target) in refs {
            if let Some(state) = states.iter().find(|state| state.name == *target) {
                scope.view(alias, state.ty, state.cell)?;
            }
        }
        Ok(())
    }

    pub(super) fn params(
        &mut self,
        scope: &mut Scope,
        prefix: &str,
        (params, derived): (&[crate::description::Param], &[crate::description::Param]),
        values: &crate::description::ParamValues,
        dynamic: &[String],
    ) -> Result<(), ModelError> {
        self.planner.define_params(
            scope,
            &mut self.composer,
            (prefix, "params"),
            (params, derived),
            values,
            dynamic,
        )
    }

    pub(super) fn egps(
        &mut self,
        scope: &mut Scope,
        prefix: &str,
        role: &str,
        egps: &[crate::description::Egp],
    ) -> Result<(), ModelError> {
        self.planner.define_egps(scope, &mut self.composer, (prefix, role), egps)
    }

    /// `Isyn` and the additional inputs start afresh in every timestep.
    fn start_inputs(&mut self) -> Result<(), ModelError> {
        let scalar = self.planner.precision.scalar;
        let zero = self.composer.builder.number(scalar.into(), 0.0);
        let cell = self.composer.builder.cell(zero);
        self.inputs.insert("Isyn".to_owned(), (scalar, cell));
        for input in &self.population.model.additional_input_vars {
            let ty = self.numeric(&input.type_name)?;
            let initial = self.composer.builder.number(ty.into(), input.initial);
            let cell = self.composer.builder.cell(initial);
            self.inputs.insert(input.name.clone(), (ty, cell));
        }
        Ok(())
    }

    fn input(&self, name: &str) -> (NumericType, Cell) {
        let name = if name.is_empty() { "Isyn" } else { name };
        // `validate` has checked that the input exists.
        self.inputs.get(name).copied().unwrap_or(self.inputs[0])
    }

    /// Let code call `injectCurrent`.
    fn inject_current(&self, scope: &mut Scope, target: &str) -> Result<(), ModelError> {
        let (ty, cell) = self.input(target);
        let effect = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
            let sum = builder.binary(mlgenn_ir::BinaryOp::Add, builder.get(cell), arguments[0]);
            builder.set(cell, sum);
            Ok(None)
        };
        scope.function("injectCurrent", &[ty], Box::new(effect))
    }

    fn postsynaptic_models(&mut self, neuron: &[State]) -> Result<(), ModelError> {
        for index in self.planner.incoming(self.index) {
            let group = self.planner.network.synapse_groups[index].clone();
            let prefix = format!("syn.{}", group.name);
            let scalar = self.planner.precision.scalar;
            let (out_post, den_delay) =
                (self.planner.groups[index].out_post, self.planner.groups[index].den_delay);
            let layout = &self.planner.layout;
            let slot = self.composer.array(
                layout,
                "in_syn",
                out_post,
                Domain::Neuron,
                RingPosition::Current,
            );
            let mut in_syn = self.composer.builder.read(slot);
            if let Some((array, _)) = den_delay {
                let at = RingPosition::Current;
                let due = self.composer.array(layout, "den_delay", array, Domain::Neuron, at);
                let builder = &mut self.composer.builder;
                let arrived = builder.read(due);
                in_syn = builder.binary(mlgenn_ir::BinaryOp::Add, in_syn, arrived);
                let zero = builder.number(scalar.into(), 0.0);
                builder.write(due, zero);
            }
            let cell = self.composer.builder.cell(in_syn);
            let states = self.load_states(&prefix, "psm_vars", &group.postsynaptic.model.vars)?;

            let mut scope =
                self.scope(format!("Synapse group '{}' postsynaptic model", group.name))?;
            scope.cell("inSyn", scalar, cell)?;
            self.define_states(&mut scope, &states, true)?;
            self.define_refs(&mut scope, &group.postsynaptic.neuron_var_refs, neuron)?;
            self.planner.define_params(
                &mut scope,
                &mut self.composer,
                (&prefix, "psm_params"),
                (&group.postsynaptic.model.params, &group.postsynaptic.model.derived_params),
                &group.postsynaptic.params,
                &group.postsynaptic.dynamic_params,
            )?;
            self.egps(
                &mut scope,
                &prefix,
                "psm_egps",
                &group.postsynaptic.model.extra_global_params,
            )?;
            self.inject_current(&mut scope, &group.post_target_var)?;
            self.allow_random(&mut scope);
            let mut open = scope.open();
            open.code().statements(
                &mut self.composer.builder,
                "sim code",
                &group.postsynaptic.model.sim_code,
            )?;
            let in_syn = self.composer.builder.get(cell);
            self.composer.builder.write(slot, in_syn);
            let first = self.states.len();
            self.states.extend(states);
            self.psm_states.insert(index, first..self.states.len());
        }
        Ok(())
    }

    /// What synapses sent back with `addToPre`.
    fn feedback(&mut self) -> Result<(), ModelError> {
        for index in self.planner.outgoing(self.index) {
            let Some(out_pre) = self.planner.groups[index].out_pre else { continue };
            let target = self.planner.network.synapse_groups[index].pre_target_var.clone();
            let (ty, cell) = self.input(&target);
            let at = RingPosition::Current;
            let layout = &self.planner.layout;
            let slot = self.composer.array(layout, "out_pre", out_pre, Domain::Neuron, at);
            let builder = &mut self.composer.builder;
            let sent = builder.read(slot);
            let sent = builder.convert(sent, ty.into());
            let sum = builder.binary(mlgenn_ir::BinaryOp::Add, builder.get(cell), sent);
            builder.set(cell, sum);
            let zero = builder.number(layout.array(out_pre).ty, 0.0);
            builder.write(slot, zero);
        }
        Ok(())
    }

    fn current_sources(&mut self, neuron: &[State]) -> Result<(), ModelError> {
        for source in self.planner.network.current_sources.clone() {
            if source.population != self.population.name {
                continue;
            }
            let prefix = format!("cs.{}", source.name);
            let states = self.load_states(&prefix, "vars", &source.model.vars)?;
            let mut scope = self.scope(format!("Current source '{}'", source.name))?;
            self.define_states(&mut scope, &states, true)?;
            self.define_refs(&mut scope, &source.neuron_var_refs, neuron)?;
            self.params(
                &mut scope,
                &prefix,
                (&source.model.params, &source.model.derived_params),
                &source.params,
                &source.dynamic_params,
            )?;
            self.egps(&mut scope, &prefix, "egps", &source.model.extra_global_params)?;
            self.inject_current(&mut scope, &source.target_var)?;
            self.allow_random(&mut scope);
            scope.open().code().statements(
                &mut self.composer.builder,
                "injection code",
                &source.model.injection_code,
            )?;
            self.states.extend(states);
        }
        Ok(())
    }

    /// A time of the last spike or event, as known before this update.
    pub(super) fn spike_time_name(
        &mut self,
        scope: &mut Scope,
        name: &str,
        array: Option<ArrayId>,
    ) -> Result<(), ModelError> {
        let Some(array) = array else { return Ok(()) };
        let value = self.composer.previous_time(&self.planner.layout, name, array);
        scope.value(name, self.planner.precision.time, value)
    }

    pub(super) fn emit(&mut self, name: &str, queue: EventQueueId, condition: Value) {
        let binding = SlotBinding::Events(queue);
        let slot = self.composer.slot(name, Type::Bool, SlotKind::Events, binding);
        self.composer.builder.effect(Op::Emit(slot, condition));
    }

    fn store_spike_times(&mut self, spike: Value) {
        let times = self.planner.rings[self.index].spike_times;
        self.composer.store_times(&self.planner.layout, times, spike, self.time);
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

    fn store_states(&mut self) {
        let builder = &mut self.composer.builder;
        for state in &self.states {
            let value = builder.get(state.cell);
            if state.always || value != state.initial {
                builder.write(state.write, value);
            }
        }
    }
}
