//! Synapse groups: one kernel for each of their code slots.

use indexmap::IndexMap;
use mlgenn_ir::{BinaryOp, Cell, Domain, Op, SlotId, SlotKind, Type, Value, passes};
use mlgenn_lang::NumericType;

use super::kernel::{Composer, Index, PlannedKernel, RingPosition, Scalar, SlotBinding};
use super::scope::Scope;
use super::usage::{is_empty, subscripts, uses};
use super::weights::Weights;
use super::{Added, ConnectivityPlan, Planner, SynapseGroupPlan, SynapseKernel, linear};
use crate::description::{SynapseGroup, Var, VarRefDeclaration};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

/// Which slot of a weight update model a kernel is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    PreSpike,
    PreEvent,
    PostSpike,
    PostEvent,
    Dynamics,
}

impl Trigger {
    fn slot(self) -> &'static str {
        match self {
            Self::PreSpike => "pre spike synaptic code",
            Self::PreEvent => "pre event synaptic code",
            Self::PostSpike => "post spike synaptic code",
            Self::PostEvent => "post event synaptic code",
            Self::Dynamics => "synapse dynamics code",
        }
    }

    fn code(self, group: &SynapseGroup) -> &str {
        let model = &group.weight_update.model;
        match self {
            Self::PreSpike => &model.pre_spike_syn_code,
            Self::PreEvent => &model.pre_event_syn_code,
            Self::PostSpike => &model.post_spike_syn_code,
            Self::PostEvent => &model.post_event_syn_code,
            Self::Dynamics => &model.synapse_dynamics_code,
        }
    }

    /// Whether the code may call `addToPost`.
    fn reaches_post(self) -> bool {
        !matches!(self, Self::PostSpike | Self::PostEvent)
    }
}

impl Planner {
    /// Indices of the synapse groups into a population.
    pub(super) fn incoming(&self, population: usize) -> Vec<usize> {
        let name = &self.network.populations[population].name;
        let groups = self.network.synapse_groups.iter().enumerate();
        groups.filter(|(_, group)| group.target == *name).map(|(index, _)| index).collect()
    }

    /// Indices of the synapse groups out of a population.
    pub(super) fn outgoing(&self, population: usize) -> Vec<usize> {
        let name = &self.network.populations[population].name;
        let groups = self.network.synapse_groups.iter().enumerate();
        groups.filter(|(_, group)| group.source == *name).map(|(index, _)| index).collect()
    }

    /// The kernels of a synapse group.
    pub(super) fn plan_synapse_group(
        &mut self,
        index: usize,
    ) -> Result<SynapseGroupPlan, ModelError> {
        let group = self.network.synapse_groups[index].clone();
        let mut kernel = |trigger: Trigger| {
            if is_empty(trigger.code(&group)) {
                Ok(None)
            } else {
                self.plan_synapse_kernel(index, &group, trigger).map(Some)
            }
        };
        let pre_spike = kernel(Trigger::PreSpike)?;
        let pre_event = kernel(Trigger::PreEvent)?;
        let post_spike = kernel(Trigger::PostSpike)?;
        let post_event = kernel(Trigger::PostEvent)?;
        let dynamics = kernel(Trigger::Dynamics)?;
        let arrays = &self.groups[index];
        let (source, target) =
            (self.population_index(&group.source), self.population_index(&group.target));
        Ok(SynapseGroupPlan {
            name: group.name.clone(),
            source,
            target,
            num_pre: self.network.populations[source].size,
            num_post: self.network.populations[target].size,
            row_stride: self.row_strides[index],
            out_post: arrays.out_post,
            out_pre: arrays.out_pre,
            den_delay: arrays.den_delay,
            connectivity: arrays.connectivity.clone(),
            kernel: self.kernels[index].clone(),
            shares_kernel: self.weights(index) == Weights::Kernel,
            pre_spike,
            pre_event: pre_event.zip(arrays.pre_event_queue),
            post_spike,
            post_event: post_event.zip(arrays.post_event_queue),
            dynamics,
            axonal_delay: group.axonal_delay_steps,
            back_prop_delay: group.back_prop_delay_steps,
        })
    }

    fn plan_synapse_kernel(
        &mut self,
        index: usize,
        group: &SynapseGroup,
        trigger: Trigger,
    ) -> Result<SynapseKernel, ModelError> {
        let body = SynapseComposer::new(self, index, group, trigger).compose()?;
        let out_post = self.groups[index].out_post;
        // Only rows of dense matrices visit the postsynaptic neurons in order.
        let dense = matches!(self.groups[index].connectivity, ConnectivityPlan::Dense);
        let adds = self.what_is_added(&body, out_post, dense);
        let linear = if trigger == Trigger::Dynamics && dense && !self.options.dynamics_per_synapse
        {
            let num_post = self.network.populations[self.population_index(&group.target)].size;
            linear::plan(&self.layout, &body, self.groups[index].out_pre, num_post)
        } else {
            None
        };
        let in_rows = trigger.reaches_post() && dense;
        let (prologue, body) = if in_rows && adds.is_none() {
            self.split_prologue(group, trigger, body)?
        } else {
            (None, body)
        };
        Ok(SynapseKernel { prologue, body, adds, linear, event_sum: None })
    }

    /// What is added, if a kernel is `addToPost(g)` and nothing else, `g` being `f32`.
    fn what_is_added(
        &self,
        planned: &PlannedKernel,
        out_post: ArrayId,
        dense: bool,
    ) -> Option<Added> {
        let [given, add] = planned.kernel.body.instructions.as_slice() else { return None };
        let Op::Accumulate(out, value) = &add.op else { return None };
        let bound = |slot: SlotId| match planned.bindings[slot.0 as usize] {
            SlotBinding::Array { array, .. } => Some(array),
            _ => None,
        };
        if given.results != [*value] || bound(*out)? != out_post {
            return None;
        }
        match given.op {
            Op::Read(weights) => {
                let weights = bound(weights)?;
                let array = self.layout.array(weights);
                let plain = array.ty == Type::F32 && array.synapse_group.is_some();
                plain.then_some(Added::Weight(weights))
            }
            Op::Const(bits) if !dense && planned.kernel.slot(*out).ty == Type::F32 => {
                Some(Added::Constant(f32::from_bits(bits as u32)))
            }
            _ => None,
        }
    }

    /// Move what depends on the postsynaptic neuron alone into a kernel of its own.
    fn split_prologue(
        &mut self,
        group: &SynapseGroup,
        trigger: Trigger,
        planned: PlannedKernel,
    ) -> Result<(Option<PlannedKernel>, PlannedKernel), ModelError> {
        let Some((prologue, body)) = passes::split_invariant(&planned.kernel, Domain::Post) else {
            return Ok((None, planned));
        };
        let num_post = self.network.populations[self.population_index(&group.target)].size;
        let slot_of = |name: &str| planned.kernel.slots.iter().position(|slot| slot.name == name);
        let mut scratch: IndexMap<String, SlotBinding> = IndexMap::new();
        for slot in &prologue.slots {
            if slot_of(&slot.name).is_none() {
                let path = format!("syn.{}.{} {}", group.name, trigger.slot(), slot.name)
                    .replace(' ', "_");
                let array = Array::new(path, slot.ty, Copies::Member, num_post);
                let array = self.layout.add(array)?;
                let binding = SlotBinding::Array { array, at: RingPosition::Current };
                scratch.insert(slot.name.clone(), binding);
            }
        }
        let bind = |kernel: mlgenn_ir::Kernel| {
            let bindings = kernel
                .slots
                .iter()
                .map(|slot| match slot_of(&slot.name) {
                    Some(index) => planned.bindings[index],
                    None => scratch[&slot.name],
                })
                .collect();
            PlannedKernel { kernel, bindings }
        };
        Ok((Some(bind(prologue)), bind(body)))
    }
}

/// Composes the kernel of one slot of a weight update model.
struct SynapseComposer<'a> {
    planner: &'a mut Planner,
    index: usize,
    group: &'a SynapseGroup,
    trigger: Trigger,
    composer: Composer,
    scope: Scope,
}

impl<'a> SynapseComposer<'a> {
    fn new(
        planner: &'a mut Planner,
        index: usize,
        group: &'a SynapseGroup,
        trigger: Trigger,
    ) -> Self {
        let context = format!("Synapse group '{}' weight update model", group.name);
        let composer = Composer::new(format!("Synapse group '{}' {}", group.name, trigger.slot()));
        let scope = Scope::new(context, planner.precision);
        Self { planner, index, group, trigger, composer, scope }
    }

    fn compose(mut self) -> Result<PlannedKernel, ModelError> {
        let model = &self.group.weight_update.model;
        let prefix = format!("syn.{}", self.group.name);
        self.indices_and_time()?;
        self.spike_times()?;
        self.functions()?;

        let mut synapse = Vec::new();
        for var in &model.vars {
            synapse.extend(self.synapse_var(&prefix, var)?);
        }
        let group = self.group;
        let (axonal, back_prop) = (group.axonal_delay_steps, group.back_prop_delay_steps);
        for var in &model.pre_vars {
            let path = format!("{prefix}.pre_vars.{}", var.name);
            self.neuron_var(&var.name, &path, Domain::Pre, axonal)?;
        }
        for var in &model.post_vars {
            let path = format!("{prefix}.post_vars.{}", var.name);
            self.neuron_var(&var.name, &path, Domain::Post, back_prop)?;
        }
        let update = &group.weight_update;
        let source = format!("neuron.{}.vars", group.source);
        self.refs(&model.pre_neuron_var_refs, &update.pre_neuron_var_refs, &source, Domain::Pre)?;
        let target = format!("neuron.{}.vars", group.target);
        let (declared, bound) = (&model.post_neuron_var_refs, &update.post_neuron_var_refs);
        self.refs(declared, bound, &target, Domain::Post)?;
        let psm = format!("{prefix}.psm_vars");
        self.refs(&model.psm_var_refs, &update.psm_var_refs, &psm, Domain::Post)?;
        self.planner.define_params(
            &mut self.scope,
            &mut self.composer,
            (&prefix, "params"),
            (&model.params, &model.derived_params),
            &update.params,
            &update.dynamic_params,
        )?;
        self.planner.define_egps(
            &mut self.scope,
            &mut self.composer,
            (&prefix, "egps"),
            &model.extra_global_params,
        )?;

        let mut open = self.scope.open();
        let builder = &mut self.composer.builder;
        open.code().statements(builder, self.trigger.slot(), self.trigger.code(self.group))?;
        for (slot, initial, cell) in synapse {
            let value = builder.get(cell);
            if value != initial {
                builder.write(slot, value);
            }
        }
        Ok(self.composer.finish())
    }

    /// Let code use a synapse variable; what to store after the code, if anything.
    fn synapse_var(
        &mut self,
        prefix: &str,
        var: &Var,
    ) -> Result<Option<(SlotId, Value, Cell)>, ModelError> {
        let array = self.planner.array(&format!("{prefix}.vars.{}", var.name))?;
        let ty = self.scope.parse_number(&var.type_name)?;
        let weights = self.planner.weights(self.index);
        let domain = match weights {
            Weights::Kernel => Domain::Kernel,
            _ => Domain::Synapse,
        };
        let at = RingPosition::Current;
        let slot = self.composer.array(&self.planner.layout, &var.name, array, domain, at);
        let initial = self.composer.builder.read(slot);
        match weights {
            Weights::Individual if var.access.is_writable() => {
                let cell = self.composer.builder.cell(initial);
                self.scope.cell(&var.name, ty, cell)?;
                return Ok(Some((slot, initial, cell)));
            }
            Weights::Kernel if var.access.is_writable() => {
                let name = format!("atomic_add_{}", var.name);
                let kind = SlotKind::Accumulator { domain };
                let binding = SlotBinding::Array { array, at };
                let sum = self.composer.slot(&name, ty.into(), kind, binding);
                let effect = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
                    builder.accumulate(sum, arguments[0]);
                    Ok(None)
                };
                self.scope.function(&name, &[ty], Box::new(effect))?;
            }
            _ => {}
        }
        self.scope.value(&var.name, ty, initial)?;
        Ok(None)
    }

    fn indices_and_time(&mut self) -> Result<(), ModelError> {
        let time_type = self.planner.precision.time;
        let time = self.composer.scalar("t", time_type.into(), Scalar::Time);
        self.scope.value("t", time_type, time)?;
        let dt = self.composer.builder.number(time_type.into(), self.planner.network.dt);
        self.scope.value("dt", time_type, dt)?;
        let unsigned = NumericType::UInt32;
        let pre = self.composer.index("id_pre", Index::Pre);
        self.scope.value("id_pre", unsigned, pre)?;
        let post = self.composer.index("id_post", Index::Post);
        self.scope.value("id_post", unsigned, post)?;
        let column = self.composer.index("column", Index::Column);
        let member = self.composer.index("batch", Index::Member);
        self.scope.value("batch", unsigned, member)?;
        let builder = &mut self.composer.builder;
        let stride = self.planner.row_strides[self.index];
        let stride = builder.number(Type::U32, stride as f64);
        let row = builder.binary(BinaryOp::Multiply, pre, stride);
        let synapse = builder.binary(BinaryOp::Add, row, column);
        self.scope.value("id_syn", unsigned, synapse)?;
        let (scope, composer) = (&mut self.scope, &mut self.composer);
        self.planner.define_kernel_entry_of_synapse(scope, composer, self.index)?;
        let builder = &mut self.composer.builder;
        let size = |planner: &Planner, name: &str| {
            planner.network.populations[planner.population_index(name)].size
        };
        let num_pre = size(self.planner, &self.group.source);
        self.scope.count(builder, "num_pre", num_pre)?;
        let num_post = size(self.planner, &self.group.target);
        self.scope.count(builder, "num_post", num_post)?;
        self.scope.count(builder, "num_batch", self.planner.network.batch_size)
    }

    /// Times of spikes and events as of their arrival.
    fn spike_times(&mut self) -> Result<(), ModelError> {
        let model = &self.group.weight_update.model;
        let source = &self.planner.rings[self.planner.population_index(&self.group.source)];
        let target = &self.planner.rings[self.planner.population_index(&self.group.target)];
        let arrays = &self.planner.groups[self.index];
        let names = [
            ("st_pre", source.spike_times.last, true),
            ("prev_st_pre", source.spike_times.before, true),
            ("st_post", target.spike_times.last, false),
            ("prev_st_post", target.spike_times.before, false),
            ("set_pre", arrays.pre_event_times.last, true),
            ("prev_set_pre", arrays.pre_event_times.before, true),
            ("set_post", arrays.post_event_times.last, false),
            ("prev_set_post", arrays.post_event_times.before, false),
        ];
        for (name, array, pre) in names {
            if !uses(model.synaptic_codes(), name) {
                continue;
            }
            let Some(array) = array else { continue };
            let (domain, delay) = if pre {
                (Domain::Pre, self.group.axonal_delay_steps)
            } else {
                (Domain::Post, self.group.back_prop_delay_steps)
            };
            let at = RingPosition::Back(delay);
            let slot = self.composer.array(&self.planner.layout, name, array, domain, at);
            let builder = &mut self.composer.builder;
            let emitted = builder.read(slot);
            let time = self.planner.precision.time;
            let travel = f64::from(delay + 1) * self.planner.network.dt;
            let travel = builder.number(time.into(), travel);
            let arrived = builder.binary(BinaryOp::Add, emitted, travel);
            self.scope.value(name, time, arrived)?;
        }
        Ok(())
    }

    fn functions(&mut self) -> Result<(), ModelError> {
        let scalar = self.planner.precision.scalar;
        let arrays = &self.planner.groups[self.index];
        let accumulator = |composer: &mut Composer, name: &str, array: ArrayId, domain: Domain| {
            let kind = SlotKind::Accumulator { domain };
            let binding = SlotBinding::Array { array, at: RingPosition::Current };
            composer.slot(name, scalar.into(), kind, binding)
        };
        if self.trigger.reaches_post() {
            let out_post = arrays.out_post;
            let slot = accumulator(&mut self.composer, "out_post", out_post, Domain::Post);
            let effect = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
                builder.accumulate(slot, arguments[0]);
                Ok(None)
            };
            self.scope.function("addToPost", &[scalar], Box::new(effect))?;
            if let Some((array, _)) = arrays.den_delay {
                let kind = SlotKind::DelayedAccumulator { domain: Domain::Post };
                let binding = SlotBinding::Ring { array };
                let slot = self.composer.slot("den_delay", scalar.into(), kind, binding);
                let effect = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
                    let (value, delay) = (arguments[0], arguments[1]);
                    builder.effect(Op::AccumulateDelayed { slot, value, delay });
                    Ok(None)
                };
                let parameters = [scalar, NumericType::UInt32];
                self.scope.function("addToPostDelay", &parameters, Box::new(effect))?;
            }
        }
        if let Some(out_pre) = arrays.out_pre {
            let slot = accumulator(&mut self.composer, "out_pre", out_pre, Domain::Pre);
            let effect = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
                builder.accumulate(slot, arguments[0]);
                Ok(None)
            };
            self.scope.function("addToPre", &[scalar], Box::new(effect))?;
        }
        Ok(())
    }

    fn refs(
        &mut self,
        declared: &[VarRefDeclaration],
        bound: &IndexMap<String, String>,
        prefix: &str,
        domain: Domain,
    ) -> Result<(), ModelError> {
        let delay = match domain {
            Domain::Pre => self.group.axonal_delay_steps,
            _ => self.group.back_prop_delay_steps,
        };
        for reference in declared {
            // `validate` has checked that every reference is bound.
            if let Some(var) = bound.get(&reference.name) {
                self.neuron_var(&reference.name, &format!("{prefix}.{var}"), domain, delay)?;
            }
        }
        Ok(())
    }

    /// Let code read a variable of the pre- or postsynaptic side.
    fn neuron_var(
        &mut self,
        name: &str,
        path: &str,
        domain: Domain,
        delay: u32,
    ) -> Result<(), ModelError> {
        let id = self.planner.array(path)?;
        let layout = &self.planner.layout;
        let array = layout.array(id);
        let ty = numeric(array.ty);
        let shared = array.elements() == 1 && array.copies == Copies::Member;
        let domain = if shared { Domain::Member } else { domain };
        let codes = self.group.weight_update.model.synaptic_codes();
        if domain == Domain::Post && subscripts(codes, name) {
            let kind = SlotKind::History { domain };
            let slot = self.composer.slot(name, array.ty, kind, SlotBinding::Ring { array: id });
            return self.scope.history(name, ty, slot);
        }
        let at = match array.ring {
            Some(_) => RingPosition::Back(delay),
            None => RingPosition::Current,
        };
        let slot = self.composer.array(layout, name, id, domain, at);
        let value = self.composer.builder.read(slot);
        self.scope.value(name, ty, value)
    }
}

/// The type of the language that has the same values.
pub(super) fn numeric(ty: Type) -> NumericType {
    match ty {
        Type::Bool => NumericType::Bool,
        Type::I8 => NumericType::Int8,
        Type::U8 => NumericType::UInt8,
        Type::I16 => NumericType::Int16,
        Type::U16 => NumericType::UInt16,
        Type::I32 => NumericType::Int32,
        Type::U32 => NumericType::UInt32,
        Type::I64 | Type::Ptr => NumericType::Int64,
        Type::U64 => NumericType::UInt64,
        Type::F32 => NumericType::Float,
        Type::F64 => NumericType::Double,
    }
}
