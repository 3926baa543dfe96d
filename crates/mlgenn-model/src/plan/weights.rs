//! What synapse variables have one element each for: synapses, or entries of a kernel that
//! synapses share.

use mlgenn_ir::{BinaryOp, Domain, Type, Value};
use mlgenn_lang::NumericType;

use super::Planner;
use super::init::InitOver;
use super::kernel::{Composer, Index, RingPosition};
use super::scope::Scope;
use crate::description::{MatrixType, SynapseGroup, VarInit};
use crate::error::ModelError;
use crate::layout::{ArrayId, Copies};

/// The kernel of a synapse group: which entry each synapse has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelPlan {
    /// Shape of the kernel; entries are numbered in row-major order.
    pub shape: Vec<usize>,
    /// Entry of each synapse (`u32`), in rows of the stride of the group.
    pub indices: ArrayId,
}

impl KernelPlan {
    /// Number of entries.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// How the variables of synapses are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// For each synapse; code may write them.
    Individual,
    /// For each synapse, from initialisers alone: shared by the batch and only read.
    Computed,
    /// For each entry of the kernel; code may add to them.
    Kernel,
    /// Not at all.
    Absent,
}

impl Weights {
    /// How a matrix type stores them.
    pub(crate) fn of(matrix_type: MatrixType) -> Self {
        match matrix_type {
            MatrixType::Dense | MatrixType::Sparse => Self::Individual,
            MatrixType::DenseProceduralg | MatrixType::Procedural => Self::Computed,
            MatrixType::ProceduralKernelg | MatrixType::Toeplitz => Self::Kernel,
            MatrixType::Bitmask => Self::Absent,
        }
    }
}

impl Planner {
    /// How the variables of a synapse group are stored.
    pub(super) fn weights(&self, group: usize) -> Weights {
        Weights::of(self.network.synapse_groups[group].matrix_type)
    }

    /// Number of elements of a variable of a synapse group.
    pub(super) fn weight_elements(&self, group: usize) -> usize {
        match (self.weights(group), &self.kernels[group]) {
            (Weights::Kernel, Some(kernel)) => kernel.elements(),
            _ => self.group_sizes(group).0 * self.row_strides[group],
        }
    }

    /// What the elements of a variable of a synapse group belong to.
    pub(super) fn weights_over(&self, group: usize) -> InitOver {
        match self.weights(group) {
            Weights::Kernel => InitOver::Kernel { group },
            _ => InitOver::Synapses { group },
        }
    }

    /// Arrays of the variables of a synapse group.
    pub(super) fn plan_weights(
        &mut self,
        context: &str,
        prefix: &str,
        index: usize,
        group: &SynapseGroup,
    ) -> Result<(), ModelError> {
        use crate::description::VarAccess::ReadOnlySharedNeuron;
        let weights = self.weights(index);
        for var in &group.weight_update.model.vars {
            let name = &var.name;
            let problem = match (weights, group.weight_update.vars.get(name)) {
                _ if var.access == ReadOnlySharedNeuron => "cannot be shared by neurons",
                (Weights::Absent, _) => "has nowhere to be stored: BITMASK needs parameters",
                (Weights::Computed, Some(VarInit::Array)) => {
                    "is computed at use and cannot be given as an array"
                }
                _ => "",
            };
            if !problem.is_empty() {
                let problem = format!("synapse variable {name:?} {problem}");
                return Err(ModelError::invalid(context, problem));
            }
            let id = self.add_var(context, prefix, "vars", var, self.weight_elements(index))?;
            let array = self.layout.array_mut(id);
            array.synapse_group = Some(index);
            if weights == Weights::Computed {
                array.copies = Copies::Shared;
            }
            let init = group.weight_update.vars.get(name);
            self.plan_init(context, id, var, init, self.weights_over(index))?;
        }
        Ok(())
    }

    /// `id_kernel` and `id_kernel_0`, …: the entry of the kernel that each lane has.
    pub(super) fn define_kernel_entry(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        kernel: &KernelPlan,
        entry: Value,
    ) -> Result<(), ModelError> {
        scope.value("id_kernel", NumericType::UInt32, entry)?;
        let mut rest = kernel.elements();
        for (dimension, &size) in kernel.shape.iter().enumerate() {
            rest /= size;
            let builder = &mut composer.builder;
            let stride = builder.number(Type::U32, rest as f64);
            let size = builder.number(Type::U32, size as f64);
            let outer = builder.binary(BinaryOp::Divide, entry, stride);
            let index = builder.binary(BinaryOp::Remainder, outer, size);
            scope.value(&format!("id_kernel_{dimension}"), NumericType::UInt32, index)?;
        }
        Ok(())
    }

    /// As [`Planner::define_kernel_entry`] for lanes that are the entries of the kernel of a group;
    /// returns the entry.
    pub(super) fn define_kernel_lanes(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        group: usize,
    ) -> Result<Value, ModelError> {
        let entry = composer.index("id_kernel", Index::Neuron);
        if let Some(kernel) = &self.kernels[group] {
            self.define_kernel_entry(scope, composer, kernel, entry)?;
        }
        Ok(entry)
    }

    /// As [`Planner::define_kernel_entry`] for lanes that are synapses of a group, if it has a
    /// kernel.
    pub(super) fn define_kernel_entry_of_synapse(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        group: usize,
    ) -> Result<(), ModelError> {
        let Some(kernel) = &self.kernels[group] else { return Ok(()) };
        let (name, at) = ("kernel_entry", RingPosition::Current);
        let slot = composer.array(&self.layout, name, kernel.indices, Domain::Synapse, at);
        let entry = composer.builder.read(slot);
        self.define_kernel_entry(scope, composer, kernel, entry)
    }
}
