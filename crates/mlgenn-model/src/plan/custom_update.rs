//! Custom updates: their arrays and kernels.

use indexmap::IndexMap;
use mlgenn_ir::{Cell, Domain, Op, SlotId, SlotKind, Type};
use mlgenn_lang::NumericType;

use super::Planner;
use super::init::InitOver;
use super::kernel::{
    Composer, EventQueueId, Index, PlannedKernel, RingPosition, Scalar, SlotBinding,
};
use super::scope::Scope;
use super::synapse::numeric;
use super::usage::uses;
use super::weights::Weights;
use crate::description::{CustomUpdate, CustomUpdateVarAccess, MatrixType, VarAccessMode, VarRef};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

/// A custom update of a plan.
#[derive(Clone, Debug)]
pub struct CustomUpdatePlan {
    /// Name.
    pub name: String,
    /// What its lanes are.
    pub size: CustomUpdateSize,
    /// For how many copies it runs: those of the arrays that it references.
    pub copies: Copies,
    /// What is done for each element of each copy.
    pub kernel: PlannedKernel,
    /// Sums and maxima that it takes.
    pub reductions: Vec<Reduction>,
    /// Arrays whose current slot is copied to all slots afterwards.
    pub broadcasts: Vec<ArrayId>,
    /// What is copied to the transposed place afterwards.
    pub transpose: Option<Transpose>,
    /// Spikes to be counted beforehand.
    pub spike_counts: Vec<SpikeCount>,
}

/// A number of spikes of a population in the last timestep, for each batch member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpikeCount {
    /// The spikes.
    pub queue: EventQueueId,
    /// Where the number goes: one element per batch member.
    pub count: ArrayId,
    /// What becomes of spikes beyond the number that is there afterwards.
    pub written: SpikeCountWrite,
}

/// What a custom update does to spikes by setting their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpikeCountWrite {
    /// It does not set it.
    Never,
    /// Spikes of the last timestep beyond the number are dropped.
    LastTimestep,
    /// So are those of earlier timesteps that are still under way.
    AllSlots,
}

/// What the lanes of a custom update are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomUpdateSize {
    /// So many neurons or other elements.
    Elements(usize),
    /// The synapses of a group, row by row.
    Rows {
        /// The group, by index.
        group: usize,
    },
    /// The synapses of a dense group, or the entries of a kernel, all in one stretch of so many.
    Matrix {
        /// The group, by index.
        group: usize,
        /// Number of synapses or entries.
        elements: usize,
    },
}

/// A sum or maximum over the lanes or copies of a custom update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// Where the result goes.
    pub target: ArrayId,
    /// Sum or maximum.
    pub reduce: Reduce,
    /// For maxima over neurons: where the kernel writes the values of the lanes.
    pub scratch: Option<ArrayId>,
}

/// Sum or maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Sum; starts at 0.
    Sum,
    /// Maximum; starts at the lowest finite value.
    Max,
}

/// A copy to the transposed place of another synapse group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// From this array, `rows × columns`.
    pub from: ArrayId,
    /// To this array, `columns × rows`.
    pub to: ArrayId,
    /// Rows of the former.
    pub rows: usize,
    /// Columns of the former.
    pub columns: usize,
}

/// Dimensions of a custom update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    size: CustomUpdateSize,
    copies: Copies,
}

impl Planner {
    /// Find the shape of every custom update and lay out its variables.
    pub(super) fn plan_custom_update_arrays(
        &mut self,
    ) -> Result<IndexMap<String, Shape>, ModelError> {
        let mut shapes = IndexMap::new();
        let mut waiting = self.network.custom_updates.clone();
        // References to variables of other updates wait until those are laid out.
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for update in waiting {
                let ready = update.var_refs.values().all(|reference| match reference {
                    VarRef::CustomUpdate { custom_update, .. } => {
                        shapes.contains_key(custom_update)
                    }
                    _ => true,
                });
                if ready {
                    let shape = self.plan_custom_update_shape(&update)?;
                    self.plan_custom_update_vars(&update, shape)?;
                    shapes.insert(update.name.clone(), shape);
                } else {
                    still.push(update);
                }
            }
            if still.len() == before {
                let names: Vec<_> = still.iter().map(|update| update.name.as_str()).collect();
                return Err(ModelError::invalid(
                    "network",
                    format!(
                        "the custom updates {} refer to each other in a circle",
                        names.join(", ")
                    ),
                ));
            }
            waiting = still;
        }
        Ok(shapes)
    }

    fn plan_custom_update_shape(&self, update: &CustomUpdate) -> Result<Shape, ModelError> {
        let context = format!("Custom update '{}'", update.name);
        let mut elements: Option<usize> = None;
        let mut group: Option<usize> = None;
        let mut copies = Copies::Shared;
        let mut shared_only = true;
        for reference in update.var_refs.values() {
            let array = self.layout.array(self.resolve(&context, reference)?);
            if array.copies != Copies::Shared {
                copies = Copies::Member;
            }
            match array.synapse_group {
                Some(index) if group.is_none_or(|group| group == index) => group = Some(index),
                Some(_) => {
                    return Err(ModelError::invalid(
                        context,
                        "all synapse variables that are referenced must belong to one synapse \
                         group",
                    ));
                }
                None if self.is_shared_neuron(reference) => {}
                None => {
                    shared_only = false;
                    let size = array.elements();
                    if elements.is_some_and(|elements| elements != size) {
                        return Err(ModelError::invalid(
                            context,
                            format!(
                                "the variables that are referenced have {size} and {} elements; \
                                 they must have the same number",
                                elements.unwrap_or_default()
                            ),
                        ));
                    }
                    elements = Some(size);
                }
            }
        }
        let size = match (group, elements) {
            (Some(_), Some(_)) => {
                return Err(ModelError::invalid(
                    context,
                    "references go to neuron variables and synapse variables; they must be of \
                     one kind",
                ));
            }
            (Some(group), None) => {
                let code = [update.model.update_code.as_str()];
                let by_pair = ["id_pre", "id_post", "id_syn"].iter().any(|id| uses(code, id));
                let dense = self.network.synapse_groups[group].matrix_type == MatrixType::Dense;
                match self.weights(group) {
                    Weights::Individual if by_pair || !dense => CustomUpdateSize::Rows { group },
                    Weights::Individual | Weights::Kernel => {
                        let elements = self.weight_elements(group);
                        CustomUpdateSize::Matrix { group, elements }
                    }
                    Weights::Computed | Weights::Absent => {
                        return Err(ModelError::invalid(
                            context,
                            "synapse variables that are computed at use cannot be updated; use \
                             SPARSE, DENSE or a kernel",
                        ));
                    }
                }
            }
            (None, Some(elements)) => CustomUpdateSize::Elements(elements),
            (None, None) if !update.var_refs.is_empty() && shared_only => {
                CustomUpdateSize::Elements(1)
            }
            (None, None) => {
                return Err(ModelError::invalid(
                    context,
                    "at least one variable must be referenced",
                ));
            }
        };
        Ok(Shape { size, copies })
    }

    fn is_shared_neuron(&self, reference: &VarRef) -> bool {
        use crate::description::VarAccess::ReadOnlySharedNeuron;
        match reference {
            VarRef::Neuron { population, var } => {
                let index = self.population_index(population);
                let vars = &self.network.populations[index].model.vars;
                vars.iter().any(|v| v.name == *var && v.access == ReadOnlySharedNeuron)
            }
            VarRef::SpikeCount { .. } => true,
            VarRef::CustomUpdate { custom_update, var } => {
                let update = self.network.custom_updates.iter().find(|u| u.name == *custom_update);
                update.is_some_and(|update| {
                    update.model.vars.iter().any(|v| {
                        v.name == *var
                            && matches!(
                                v.access,
                                CustomUpdateVarAccess::ReadOnlySharedNeuron
                                    | CustomUpdateVarAccess::ReduceNeuronSum
                                    | CustomUpdateVarAccess::ReduceNeuronMax
                            )
                    })
                })
            }
            _ => false,
        }
    }

    fn plan_custom_update_vars(
        &mut self,
        update: &CustomUpdate,
        shape: Shape,
    ) -> Result<(), ModelError> {
        use CustomUpdateVarAccess as Access;
        let context = format!("Custom update '{}'", update.name);
        let prefix = format!("cu.{}", update.name);
        let (size, group) = match shape.size {
            CustomUpdateSize::Elements(size) => (size, None),
            CustomUpdateSize::Rows { group } | CustomUpdateSize::Matrix { group, .. } => {
                (self.weight_elements(group), Some(group))
            }
        };
        for var in &update.model.vars {
            let scope = Scope::new(context.clone(), self.precision);
            let ty: Type = scope.parse_number(&var.type_name)?.into();
            let copies = match var.access {
                Access::ReadOnlyShared | Access::ReduceBatchSum | Access::ReduceBatchMax => {
                    Copies::Shared
                }
                _ => shape.copies,
            };
            let per_neuron = matches!(
                var.access,
                Access::ReadOnlySharedNeuron | Access::ReduceNeuronSum | Access::ReduceNeuronMax
            );
            if per_neuron && group.is_some() {
                return Err(ModelError::invalid(
                    &context,
                    format!("{:?} cannot be shared by neurons in an update of synapses", var.name),
                ));
            }
            let elements = if per_neuron { 1 } else { size };
            let mut array = Array::new(format!("{prefix}.vars.{}", var.name), ty, copies, elements);
            array.synapse_group = group;
            let id = self.layout.add(array)?;
            let over = group.map_or(InitOver::Elements, |group| self.weights_over(group));
            self.plan_init(&context, id, var, update.vars.get(&var.name), over)?;
        }
        self.add_egps(&context, &prefix, &update.model.extra_global_params)?;
        let model = &update.model;
        self.add_dynamic_params(
            &context,
            &prefix,
            &model.params,
            &update.params,
            &update.dynamic_params,
        )
    }

    /// Kernels of all custom updates, by group.
    pub(super) fn plan_custom_updates(
        &mut self,
        shapes: &IndexMap<String, Shape>,
    ) -> Result<IndexMap<String, Vec<CustomUpdatePlan>>, ModelError> {
        let mut groups: IndexMap<String, Vec<CustomUpdatePlan>> = IndexMap::new();
        for update in self.network.custom_updates.clone() {
            let shape = shapes[&update.name];
            let plan = CustomUpdateComposer::new(self, &update, shape).compose()?;
            groups.entry(update.group.clone()).or_default().push(plan);
        }
        for update in &self.network.custom_connectivity_updates {
            groups.entry(update.group.clone()).or_default();
        }
        Ok(groups)
    }
}

struct CustomUpdateComposer<'a> {
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
    fn new(planner: &'a mut Planner, update: &'a CustomUpdate, shape: Shape) -> Self {
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

    fn compose(mut self) -> Result<CustomUpdatePlan, ModelError> {
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
                let bits = match reduce {
                    Reduce::Sum => 0,
                    Reduce::Max => lowest_bits(description.ty),
                };
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

/// The lowest finite value of a type.
pub fn lowest_bits(ty: Type) -> u64 {
    match ty {
        Type::F32 => u64::from(f32::MIN.to_bits()),
        Type::F64 => f64::MIN.to_bits(),
        Type::I8 => u64::from(i8::MIN as u8),
        Type::I16 => u64::from(i16::MIN as u16),
        Type::I32 => u64::from(i32::MIN as u32),
        Type::I64 => i64::MIN as u64,
        _ => 0,
    }
}
