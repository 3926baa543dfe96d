//! Custom updates: their dimensions and arrays.

use indexmap::IndexMap;
use mlgenn_ir::Type;

use super::Planner;
use super::custom_update_kernel::CustomUpdateComposer;
use super::init::InitOver;
use super::kernel::{EventQueueId, PlannedKernel};
use super::scope::Scope;
use super::usage::uses;
use super::weights::Weights;
use crate::description::{CustomUpdate, CustomUpdateVarAccess, MatrixType, VarRef};
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

impl Reduce {
    /// Bits of what it starts from.
    pub fn start_bits(self, ty: Type) -> u64 {
        match self {
            Self::Sum => 0,
            Self::Max => lowest_bits(ty),
        }
    }
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
    pub(super) size: CustomUpdateSize,
    pub(super) copies: Copies,
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

/// The lowest finite value of a type.
fn lowest_bits(ty: Type) -> u64 {
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
