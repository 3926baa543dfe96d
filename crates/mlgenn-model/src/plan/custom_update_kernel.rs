//! The kernel of a custom update.

use mlgenn_ir::{Cell, Domain, Op, SlotId, SlotKind};
use mlgenn_lang::NumericType;

use super::Planner;
use super::custom_update::{
    CustomUpdatePlan, CustomUpdateSize, Reduce, Reduction, Shape, SpikeCount, SpikeCountWrite,
    Transpose,
};
use super::kernel::{Composer, Index, RingPosition, Scalar, SlotBinding};
use super::scope::Scope;
use super::synapse::numeric;
use super::weights::Weights;
use crate::description::{CustomUpdate, CustomUpdateVarAccess, MatrixType, VarAccessMode, VarRef};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

pub(super) struct CustomUpdateComposer<'a> {
    planner: &'a mut Planner,
    update: &'a CustomUpdate,
    shape: Shape,
    context: String,
    composer: Composer,
    scope: Scope,
    /// Cells to store after the code: where, and the value before, if it was read.
    stores: Vec<(SlotId, Cell, Option<mlgenn_ir::Value>)>,
    /// Cells to reduce after the code.
    reduced: Vec<(Reduction, Cell, String)>,
    broadcasts: Vec<ArrayId>,
    transpose: Option<Transpose>,
    spike_counts: Vec<SpikeCount>,
}

/// What code does with a variable or reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    ReadWrite,
    ReadOnly,
    Reduce(Reduce),
    Broadcast,
}

impl<'a> CustomUpdateComposer<'a> {
    pub(super) fn new(planner: &'a mut Planner, update: &'a CustomUpdate, shape: Shape) -> Self {
        let context = format!("Custom update '{}'", update.name);
        let composer = Composer::new(context.clone());
        let scope = Scope::new(context.clone(), planner.precision);
        Self {
            planner,
            update,
            shape,
            context,
            composer,
            scope,
            stores: Vec::new(),
            reduced: Vec::new(),
            broadcasts: Vec::new(),
            transpose: None,
            spike_counts: Vec::new(),
        }
    }

    pub(super) fn compose(mut self) -> Result<CustomUpdatePlan, ModelError> {
        self.indices_and_time()?;
        let update = self.update;
        let prefix = format!("cu.{}", update.name);
        for var in &update.model.vars {
            use CustomUpdateVarAccess as Access;
            let mode = match var.access {
                Access::ReadWrite => Mode::ReadWrite,
                Access::ReadOnly | Access::ReadOnlyShared | Access::ReadOnlySharedNeuron => {
                    Mode::ReadOnly
                }
                Access::ReduceBatchSum | Access::ReduceNeuronSum => Mode::Reduce(Reduce::Sum),
                Access::ReduceBatchMax | Access::ReduceNeuronMax => Mode::Reduce(Reduce::Max),
                Access::BroadcastDelay => Mode::Broadcast,
            };
            let array = self.planner.array(&format!("{prefix}.vars.{}", var.name))?;
            self.variable(&var.name, array, mode)?;
        }
        for declared in &update.model.var_refs {
            let mode = match declared.access {
                VarAccessMode::ReadWrite => Mode::ReadWrite,
                VarAccessMode::ReadOnly => Mode::ReadOnly,
                VarAccessMode::ReduceSum => Mode::Reduce(Reduce::Sum),
                VarAccessMode::ReduceMax => Mode::Reduce(Reduce::Max),
                VarAccessMode::Broadcast => Mode::Broadcast,
            };
            let Some(bound) = update.var_refs.get(&declared.name) else { continue };
            let array = self.planner.resolve(&self.context, bound)?;
            self.planner.check_reference_type(
                &self.scope,
                &declared.name,
                &declared.type_name,
                array,
            )?;
            self.note_spike_count(bound, array, mode);
            self.variable(&declared.name, array, mode)?;
            self.plan_transpose(bound, array)?;
        }
        for declared in &update.model.extra_global_param_refs {
            let Some(bound) = update.egp_refs.get(&declared.name) else { continue };
            let array = self.planner.resolve_egp(bound)?;
            let (scope, composer) = (&mut self.scope, &mut self.composer);
            self.planner.define_egp(scope, composer, &declared.name, array)?;
        }
        self.planner.define_params(
            &mut self.scope,
            &mut self.composer,
            (&prefix, "params"),
            (&update.model.params, &update.model.derived_params),
            &update.params,
            &update.dynamic_params,
        )?;
        self.planner.define_egps(
            &mut self.scope,
            &mut self.composer,
            (&prefix, "egps"),
            &update.model.extra_global_params,
        )?;

        let context = self.context.clone();
        let scope = std::mem::replace(&mut self.scope, Scope::new(context, self.planner.precision));
        let builder = &mut self.composer.builder;
        scope.open().code().statements(builder, "update code", &update.model.update_code)?;
        for (slot, cell, initial) in std::mem::take(&mut self.stores) {
            let value = builder.get(cell);
            if initial != Some(value) {
                builder.write(slot, value);
            }
        }
        let mut reductions = Vec::new();
        for (mut reduction, cell, name) in std::mem::take(&mut self.reduced) {
            let value = self.composer.builder.get(cell);
            let target = reduction.target;
            let over_batch = self.is_over_batch(&name, target);
            let domain = match (self.shape.size, over_batch) {
                (CustomUpdateSize::Elements(_), true) => Domain::Neuron,
                (_, true) => Domain::Synapse,
                (_, false) => Domain::Member,
            };
            let binding = SlotBinding::Array { array: target, at: RingPosition::Current };
            let ty = self.planner.layout.array(target).ty;
            match reduction.reduce {
                Reduce::Sum => {
                    let kind = SlotKind::Accumulator { domain };
                    let slot = self.composer.slot(&name, ty, kind, binding);
                    self.composer.builder.accumulate(slot, value);
                }
                Reduce::Max if over_batch => {
                    let kind = SlotKind::Variable { domain, writable: true };
                    let slot = self.composer.slot(&name, ty, kind, binding);
                    let builder = &mut self.composer.builder;
                    let old = builder.read(slot);
                    let larger = if ty.is_float() {
                        let function = mlgenn_lang::typed::MathFunction::Fmax;
                        builder.op(Op::Math(function, vec![old, value]), ty)
                    } else {
                        let function = mlgenn_lang::typed::MathFunction::Max;
                        builder.op(Op::Math(function, vec![old, value]), ty)
                    };
                    builder.write(slot, larger);
                }
                Reduce::Max => {
                    let CustomUpdateSize::Elements(size) = self.shape.size else { continue };
                    let path = format!("cu.{}.lanes.{name}", self.update.name);
                    let array = Array::new(path, ty, self.shape.copies, size);
                    let scratch = self.planner.layout.add(array)?;
                    reduction.scratch = Some(scratch);
                    let at = RingPosition::Current;
                    let layout = &self.planner.layout;
                    let slot = self.composer.array(layout, &name, scratch, Domain::Neuron, at);
                    self.composer.builder.write(slot, value);
                }
            }
            reductions.push(reduction);
        }
        Ok(CustomUpdatePlan {
            name: self.update.name.clone(),
            size: self.shape.size,
            copies: self.shape.copies,
            kernel: self.composer.finish(),
            reductions,
            broadcasts: self.broadcasts,
            transpose: self.transpose,
            spike_counts: self.spike_counts,
        })
    }

    fn indices_and_time(&mut self) -> Result<(), ModelError> {
        let time_type = self.planner.precision.time;
        let time = self.composer.scalar("t", time_type.into(), Scalar::Time);
        self.scope.value("t", time_type, time)?;
        let dt = self.composer.builder.number(time_type.into(), self.planner.network.dt);
        self.scope.value("dt", time_type, dt)?;
        let member = self.composer.index("batch", Index::Member);
        self.scope.value("batch", NumericType::UInt32, member)?;
        let batch_size = match self.shape.copies {
            Copies::Shared => 1,
            _ => self.planner.network.batch_size,
        };
        self.scope.count(&mut self.composer.builder, "num_batch", batch_size)?;
        match self.shape.size {
            CustomUpdateSize::Elements(size) => {
                self.scope.count(&mut self.composer.builder, "num_neurons", size)?;
                let id = self.composer.index("id", Index::Neuron);
                self.scope.value("id", NumericType::UInt32, id)
            }
            CustomUpdateSize::Rows { group } => self
                .planner
                .define_synapse_indices(&mut self.scope, &mut self.composer, group)
                .map(|_| ()),
            CustomUpdateSize::Matrix { group, .. } => {
                let (num_pre, num_post) = self.planner.group_sizes(group);
                let builder = &mut self.composer.builder;
                self.scope.count(builder, "num_pre", num_pre)?;
                self.scope.count(builder, "num_post", num_post)?;
                if self.planner.weights(group) == Weights::Kernel {
                    let (scope, composer) = (&mut self.scope, &mut self.composer);
                    let entry = self.planner.define_kernel_lanes(scope, composer, group)?;
                    self.scope.value("id_syn", NumericType::UInt32, entry)?;
                }
                Ok(())
            }
        }
    }

    fn variable(&mut self, name: &str, array: ArrayId, mode: Mode) -> Result<(), ModelError> {
        let layout = &self.planner.layout;
        let description = layout.array(array);
        let ty = numeric(description.ty);
        let domain = match self.shape.size {
            CustomUpdateSize::Elements(size) if description.elements() == size => Domain::Neuron,
            CustomUpdateSize::Elements(_) => Domain::Member,
            _ => Domain::Synapse,
        };
        let lacks_batch =
            description.copies == Copies::Shared && self.shape.copies != Copies::Shared;
        let lacks =
            domain == Domain::Member || (lacks_batch && self.planner.network.batch_size > 1);
        if mode == Mode::ReadWrite && lacks {
            return Err(ModelError::invalid(
                &self.context,
                format!(
                    "{} has fewer dimensions than the update; {name:?} must be read only or the \
                     target of a reduction",
                    description.path
                ),
            ));
        }
        let at = RingPosition::Current;
        match mode {
            Mode::ReadOnly => {
                let slot = self.composer.array(layout, name, array, domain, at);
                let value = self.composer.builder.read(slot);
                self.scope.value(name, ty, value)
            }
            Mode::ReadWrite => {
                let slot = self.composer.array(layout, name, array, domain, at);
                let initial = self.composer.builder.read(slot);
                let cell = self.composer.builder.cell(initial);
                self.stores.push((slot, cell, Some(initial)));
                self.scope.cell(name, ty, cell)
            }
            Mode::Broadcast => {
                let slot = self.composer.array(layout, name, array, domain, at);
                let initial = self.composer.builder.constant(description.ty, 0);
                let cell = self.composer.builder.cell(initial);
                self.stores.push((slot, cell, None));
                if description.ring.is_some() && description.slots > 1 {
                    self.broadcasts.push(array);
                }
                self.scope.write_only(name, ty, cell)
            }
            Mode::Reduce(reduce) => {
                let bits = reduce.start_bits(description.ty);
                let initial = self.composer.builder.constant(description.ty, bits);
                let cell = self.composer.builder.cell(initial);
                let reduction = Reduction { target: array, reduce, scratch: None };
                self.reduced.push((reduction, cell, name.to_owned()));
                self.scope.write_only(name, ty, cell)
            }
        }
    }

    /// Whether a reduction is over the batch rather than over neurons.
    fn is_over_batch(&self, name: &str, target: ArrayId) -> bool {
        use CustomUpdateVarAccess as Access;
        let var = self.update.model.vars.iter().find(|var| var.name == name);
        if let Some(var) = var {
            return matches!(var.access, Access::ReduceBatchSum | Access::ReduceBatchMax);
        }
        // The target of a reference lacks the dimension that is reduced.
        let target = self.planner.layout.array(target);
        match self.shape.size {
            CustomUpdateSize::Elements(size) => {
                (target.copies == Copies::Shared && self.shape.copies != Copies::Shared)
                    || (target.elements() == size && size != 1)
            }
            _ => true,
        }
    }

    fn note_spike_count(&mut self, bound: &VarRef, count: ArrayId, mode: Mode) {
        let VarRef::SpikeCount { synapse_group } = bound else { return };
        let Some(population) = self.planner.spike_count_source(synapse_group) else { return };
        self.spike_counts.push(SpikeCount {
            queue: self.planner.rings[population].spikes,
            count,
            written: match mode {
                Mode::ReadOnly => SpikeCountWrite::Never,
                Mode::Broadcast => SpikeCountWrite::AllSlots,
                Mode::ReadWrite | Mode::Reduce(_) => SpikeCountWrite::LastTimestep,
            },
        });
    }

    fn plan_transpose(&mut self, bound: &VarRef, from: ArrayId) -> Result<(), ModelError> {
        let VarRef::Wu { synapse_group, transpose: Some(target), .. } = bound else {
            return Ok(());
        };
        let to =
            self.planner.array(&format!("syn.{}.vars.{}", target.synapse_group, target.var))?;
        let index = |name: &str| {
            self.planner.network.synapse_groups.iter().position(|group| group.name == name)
        };
        let (Some(a), Some(b)) = (index(synapse_group), index(&target.synapse_group)) else {
            return Ok(());
        };
        let (rows, columns) = self.planner.group_sizes(a);
        let dense = |group: usize| {
            self.planner.network.synapse_groups[group].matrix_type == MatrixType::Dense
        };
        let layout = &self.planner.layout;
        let (first, second) = (layout.array(from), layout.array(to));
        let problem = if !dense(a) || !dense(b) {
            Some("both synapse groups must be DENSE")
        } else if self.planner.group_sizes(b) != (columns, rows) {
            Some("the sizes of the synapse groups must be swapped")
        } else if first.ty != second.ty || first.copies != second.copies {
            Some("both variables must have the same type and batch dimension")
        } else if self.transpose.is_some() {
            Some("there can be one transposed reference only")
        } else if !self.reduced.is_empty() {
            Some("a transpose cannot be combined with a reduction")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(ModelError::invalid(&self.context, format!("transpose: {problem}")));
        }
        self.transpose = Some(Transpose { from, to, rows, columns });
        Ok(())
    }
}
