//! What gives variables their first values.

use mlgenn_ir::lower::RandomSource;
use mlgenn_ir::{BinaryOp, Domain, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::Planner;
use super::kernel::{Composer, Index, PlannedKernel, RingPosition, SlotBinding};
use super::scope::Scope;
use super::synapse::numeric;
use super::values::number_bits;
use crate::description::{InitSnippet, MatrixType, ParamValues, VarInit};
use crate::error::ModelError;
use crate::layout::ArrayId;

/// The first values of an array. Every batch member and delay slot gets the same.
#[derive(Clone, Debug)]
pub struct InitPlan {
    /// The array.
    pub array: ArrayId,
    /// What its elements belong to.
    pub over: InitOver,
    /// Where the values come from.
    pub from: InitFrom,
}

/// What the elements of an array belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitOver {
    /// Neurons or other elements numbered from 0.
    Elements,
    /// Synapses of a group, by index.
    Synapses {
        /// The group.
        group: usize,
    },
    /// Entries of the kernel of a synapse group, by index.
    Kernel {
        /// The group.
        group: usize,
    },
}

/// Where first values come from.
#[derive(Clone, Debug)]
pub enum InitFrom {
    /// The array is given at load.
    Given,
    /// The same bits everywhere.
    Bits(u64),
    /// A kernel that writes each element.
    Kernel(PlannedKernel),
}

impl Planner {
    /// Plan the first values of an array.
    pub(super) fn plan_init(
        &mut self,
        context: &str,
        array: ArrayId,
        var: &impl Declared,
        init: Option<&VarInit>,
        over: InitOver,
    ) -> Result<(), ModelError> {
        let name = var.name();
        let ty = self.layout.array(array).ty;
        let from = match init {
            None => {
                return Err(ModelError::invalid(
                    context,
                    format!("variable {name:?} has no initial value"),
                ));
            }
            Some(VarInit::Uninitialised) => InitFrom::Bits(0),
            Some(VarInit::Array) => InitFrom::Given,
            Some(VarInit::Constant { value }) => {
                if value.is_nan() {
                    return Err(ModelError::invalid(
                        context,
                        format!("the initial value of {name:?} is not a number (NaN)"),
                    ));
                }
                // Constants pass through the model precision.
                let value = match self.scalar() {
                    Type::F32 if ty != Type::F32 => f64::from(*value as f32),
                    _ => *value,
                };
                InitFrom::Bits(number_bits(ty, value))
            }
            Some(VarInit::Snippet { snippet, params }) => {
                InitFrom::Kernel(self.plan_init_kernel(context, array, snippet, params, over)?)
            }
        };
        self.initialisers.push(InitPlan { array, over, from });
        Ok(())
    }

    fn plan_init_kernel(
        &mut self,
        context: &str,
        array: ArrayId,
        snippet: &InitSnippet,
        params: &ParamValues,
        over: InitOver,
    ) -> Result<PlannedKernel, ModelError> {
        let path = self.layout.array(array).path.clone();
        let context = format!("{context} initialiser of {path}");
        self.add_egps_as(&context, &path, "init_egps", &snippet.extra_global_params)?;
        let mut composer = Composer::new(context.clone());
        let mut scope = Scope::new(context, self.precision);
        let builder = &mut composer.builder;
        scope.count(builder, "num_batch", self.network.batch_size)?;
        let dt = builder.number(self.time(), self.network.dt);
        scope.value("dt", self.precision.time, dt)?;
        let (domain, element) = match over {
            InitOver::Elements => {
                let elements = self.layout.array(array).elements();
                scope.count(builder, "num_neurons", elements)?;
                let id = composer.index("id", Index::Neuron);
                scope.value("id", NumericType::UInt32, id)?;
                (Domain::Neuron, id)
            }
            InitOver::Synapses { group } => {
                (Domain::Synapse, self.define_synapse_indices(&mut scope, &mut composer, group)?)
            }
            InitOver::Kernel { group } => {
                (Domain::Neuron, self.define_kernel_lanes(&mut scope, &mut composer, group)?)
            }
        };
        let computed_at_use = |group: &usize| {
            self.network.synapse_groups[*group].matrix_type == MatrixType::DenseProceduralg
        };
        if !self.layout.array(array).synapse_group.as_ref().is_some_and(computed_at_use) {
            let random = self.random_source(&mut composer, element);
            scope.allow_random(random);
        }
        scope.constants(&mut composer.builder, snippet.params.iter().cloned(), params)?;
        scope.constants(&mut composer.builder, snippet.derived_params.iter().cloned(), params)?;
        for egp in &snippet.extra_global_params {
            let id = self.array(&format!("{path}.init_egps.{}", egp.name))?;
            self.define_egp(&mut scope, &mut composer, &egp.name, id)?;
        }
        let ty = self.layout.array(array).ty;
        let zero = composer.builder.constant(ty, 0);
        let cell = composer.builder.cell(zero);
        scope.cell("value", numeric(ty), cell)?;
        scope.open().code().statements(&mut composer.builder, "code", &snippet.code)?;
        let at = RingPosition::Current;
        let slot = composer.array(&self.layout, "value", array, domain, at);
        let value = composer.builder.get(cell);
        composer.builder.write(slot, value);
        Ok(composer.finish())
    }

    /// `id_pre`, `id_post`, `id_syn` and the sizes of a synapse group; returns `id_syn`.
    pub(super) fn define_synapse_indices(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        group: usize,
    ) -> Result<Value, ModelError> {
        let pre = composer.index("id_pre", Index::Pre);
        scope.value("id_pre", NumericType::UInt32, pre)?;
        let post = composer.index("id_post", Index::Post);
        scope.value("id_post", NumericType::UInt32, post)?;
        let column = composer.index("column", Index::Column);
        let builder = &mut composer.builder;
        let stride = builder.number(Type::U32, self.row_strides[group] as f64);
        let row = builder.binary(BinaryOp::Multiply, pre, stride);
        let synapse = builder.binary(BinaryOp::Add, row, column);
        scope.value("id_syn", NumericType::UInt32, synapse)?;
        self.define_kernel_entry_of_synapse(scope, composer, group)?;
        let builder = &mut composer.builder;
        let (num_pre, num_post) = self.group_sizes(group);
        scope.count(builder, "num_pre", num_pre)?;
        scope.count(builder, "num_post", num_post)?;
        Ok(synapse)
    }

    /// A new stream of random numbers for kernels that run once.
    pub(super) fn random_source(
        &mut self,
        composer: &mut Composer,
        element: Value,
    ) -> RandomSource {
        let stream = self.new_stream();
        let kind = SlotKind::Variable { domain: Domain::Member, writable: false };
        let binding = SlotBinding::RandomKey { stream };
        let slot = composer.slot("random_key", Type::U64, kind, binding);
        let builder = &mut composer.builder;
        let key = builder.read(slot);
        let element = builder.convert(element, Type::U64);
        let timestep = builder.constant(Type::U32, 0);
        let draw = builder.cell(timestep);
        RandomSource { key, element, timestep, draw }
    }

    /// Sizes of the source and the target of a synapse group.
    pub(super) fn group_sizes(&self, group: usize) -> (usize, usize) {
        let group = &self.network.synapse_groups[group];
        let size = |name: &str| self.network.populations[self.population_index(name)].size;
        (size(&group.source), size(&group.target))
    }
}

/// A declaration of a variable.
pub(super) trait Declared {
    /// Name of the variable.
    fn name(&self) -> &str;
}

impl Declared for crate::description::Var {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Declared for crate::description::CustomUpdateVar {
    fn name(&self) -> &str {
        &self.name
    }
}
