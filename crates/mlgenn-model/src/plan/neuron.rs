//! The neuron update: everything that happens to one neuron in one timestep, in one kernel.
//!
//! Order: synaptic input through the postsynaptic models, feedback of `addToPre`, current sources,
//! neuron code, dynamics of pre- and postsynaptic variables, spike-like events, threshold, and for
//! neurons that spike the spike code of the synapse groups and the reset code.

use std::ops::Range;

use indexmap::IndexMap;
use mlgenn_ir::lower::RandomSource;
use mlgenn_ir::{Cell, CompareOp, Domain, Op, SlotId, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::kernel::{Composer, EventQueueId, Index, RingPosition, Scalar, SlotBinding};
use super::scope::{Code, OpenScope, Scope};
use super::usage::{is_empty, uses};
use super::{Planner, PopulationPlan};
use crate::description::{Population, Var, VarAccess, WeightUpdate};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

/// A variable held in a cell while the kernel runs.
struct State {
    /// Name under which code knows it.
    name: String,
    ty: NumericType,
    writable: bool,
    cell: Cell,
    /// Value at the start of the kernel.
    initial: Value,
    write: SlotId,
    /// Whether it must be written even if nothing changed it (delay slots).
    always: bool,
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
            update,
            spikes: self.rings[index].spikes,
        })
    }
}

/// Composes the neuron update of one population.
struct NeuronUpdate<'a> {
    planner: &'a mut Planner,
    index: usize,
    population: &'a Population,
    composer: Composer,
    time: Value,
    id: Value,
    member: Value,
    timestep: Value,
    states: Vec<State>,
    /// Which of these belong to the postsynaptic model of each synapse group.
    psm_states: IndexMap<usize, Range<usize>>,
    /// `Isyn` and the additional input variables.
    inputs: IndexMap<String, (NumericType, Cell)>,
    draws: Vec<Cell>,
}

impl<'a> NeuronUpdate<'a> {
    fn new(planner: &'a mut Planner, index: usize, population: &'a Population) -> Self {
        let mut composer = Composer::new(format!("Neuron group '{}' update", population.name));
        let time = composer.scalar("t", planner.time(), Scalar::Time);
        let timestep = composer.scalar("timestep", Type::U32, Scalar::Timestep);
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
            timestep,
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
    fn scope(&mut self, context: String) -> Result<Scope, ModelError> {
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

    fn allow_random(&mut self, scope: &mut Scope) {
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
        scope.allow_random(RandomSource { key, element, timestep: self.timestep, draw });
    }

    /// Read variables into cells.
    fn load_states(
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
    fn define_states(
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
    fn define_refs(
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

    fn params(
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

    fn egps(
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
    fn spike_time_name(
        &mut self,
        scope: &mut Scope,
        name: &str,
        array: Option<ArrayId>,
    ) -> Result<(), ModelError> {
        let Some(array) = array else { return Ok(()) };
        let value = self.composer.previous_time(&self.planner.layout, name, array);
        scope.value(name, self.planner.precision.time, value)
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

    /// Codes of the weight update models around this population.
    fn attach_weight_updates(&mut self, neuron: &[State]) -> Result<Vec<Attached>, ModelError> {
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

    fn event(&mut self, update: &mut Attached) -> Result<(), ModelError> {
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

/// The codes of one weight update model that run in the neuron update.
struct Attached {
    side: &'static str,
    states: Vec<State>,
    codes: OpenScope,
    condition: OpenScope,
    dynamics_code: String,
    spike_code: String,
    condition_code: String,
    event_queue: Option<EventQueueId>,
    event_times: EventTimes,
}

/// Times of the last and last but one spike or spike-like event of each neuron.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventTimes {
    /// Time of the last one.
    pub(crate) last: Option<ArrayId>,
    /// Time of the last but one, as long as the last one is being delivered; after that of the
    /// last one.
    pub(crate) before: Option<ArrayId>,
    /// Time of an event in the last timestep, or the most negative number: `before` must not
    /// depend on `last`, which custom updates may set.
    pub(crate) fresh: Option<ArrayId>,
}

impl Attached {
    fn dynamics(&mut self, composer: &mut Composer) -> Result<(), ModelError> {
        let slot = format!("{} dynamics code", self.side);
        self.codes.code().statements(&mut composer.builder, &slot, &self.dynamics_code)
    }

    fn spike(&mut self, builder: &mut mlgenn_ir::KernelBuilder) -> Result<(), ModelError> {
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

impl Composer {
    /// The time of the last spike or event as of the last timestep.
    fn previous_time(
        &mut self,
        layout: &crate::layout::Layout,
        name: &str,
        array: ArrayId,
    ) -> Value {
        let slot = self.array(layout, name, array, Domain::Neuron, previous(layout, array));
        self.builder.read(slot)
    }

    /// Remember when neurons spiked or had an event.
    fn store_times(
        &mut self,
        layout: &crate::layout::Layout,
        times: EventTimes,
        condition: Value,
        time: Value,
    ) {
        let Some(last) = times.last else { return };
        let at = RingPosition::Current;
        if let (Some(before), Some(fresh)) = (times.before, times.fresh) {
            let old = self.previous_time(layout, "time_before", before);
            let slot = self.array(layout, "fresh_time", fresh, Domain::Neuron, at);
            let builder = &mut self.builder;
            let fresh_time = builder.read(slot);
            let never = builder.constant(layout.array(fresh).ty, layout.array(fresh).fill);
            let was_fresh = builder.compare(CompareOp::Greater, fresh_time, never);
            let new = builder.select(was_fresh, fresh_time, old);
            let next_fresh = builder.select(condition, time, never);
            builder.write(slot, next_fresh);
            let slot = self.array(layout, "time_before_next", before, Domain::Neuron, at);
            self.builder.write(slot, new);
        }
        let old = self.previous_time(layout, "last_time", last);
        let slot = self.array(layout, "last_time_next", last, Domain::Neuron, at);
        let new = self.builder.select(condition, time, old);
        self.builder.write(slot, new);
    }
}

/// Where the last timestep's values of an array lie during a neuron update.
fn previous(layout: &crate::layout::Layout, array: ArrayId) -> RingPosition {
    match layout.array(array).ring {
        Some(_) => RingPosition::Previous,
        None => RingPosition::Current,
    }
}
