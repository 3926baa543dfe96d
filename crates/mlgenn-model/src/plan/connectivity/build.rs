//! Connectivity from a user's own code: kernels over neurons that write rows, columns or diagonals.

use mlgenn_ir::lower::LowerError;
use mlgenn_ir::{BinaryOp, Cell, CompareOp, Domain, KernelBuilder, Op, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::super::Planner;
use super::super::kernel::{Composer, Index, PlannedKernel, RingPosition, SlotBinding};
use super::super::scope::Scope;
use crate::description::{Param, ParamValues, SparseSnippet, ToeplitzSnippet};
use crate::error::ModelError;
use crate::layout::ArrayId;
use crate::plan::KernelPlan;

/// Where a kernel over neurons writes their synapses: lines of equal stride.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    /// Number of synapses of each line.
    pub(super) length: ArrayId,
    /// The neuron at the other end of each synapse.
    pub(super) others: ArrayId,
    /// Elements from one line to the next.
    pub(super) stride: usize,
    /// Where the kernel entries of the synapses go, if there is a kernel.
    pub(super) kernel: Option<&'a KernelPlan>,
}

/// A kernel that builds lines, under construction.
struct LineBuilder<'a> {
    planner: &'a mut Planner,
    lines: Lines<'a>,
    composer: Composer,
    scope: Scope,
    /// Number of synapses so far.
    count: Cell,
}

impl Planner {
    /// The kernel of row code (over presynaptic neurons) or column code (over postsynaptic ones).
    pub(super) fn plan_line_code(
        &mut self,
        (context, prefix): (&str, &str),
        by_rows: bool,
        snippet: &SparseSnippet,
        params: &ParamValues,
        sizes: (usize, usize),
        lines: Lines<'_>,
    ) -> Result<PlannedKernel, ModelError> {
        let mut line = LineBuilder::new(self, context, sizes, lines)?;
        let unsigned = NumericType::UInt32;
        let builder = &mut line.composer.builder;
        let (one, zero) = (builder.number(Type::U32, 1.0), builder.number(Type::U32, 0.0));
        line.scope.value("num_threads", unsigned, one)?;
        line.scope.value("id_thread", unsigned, zero)?;
        let id = line.composer.index("id", Index::Neuron);
        let (own, begin) =
            if by_rows { ("id_pre", "id_post_begin") } else { ("id_post", "id_pre_begin") };
        line.scope.value(own, unsigned, id)?;
        line.scope.value(begin, unsigned, zero)?;
        let random = line.planner.random_source(&mut line.composer, id);
        line.scope.allow_random(random);
        line.params([&snippet.params, &snippet.derived_params], params)?;
        line.planner.define_egps(
            &mut line.scope,
            &mut line.composer,
            (prefix, "connectivity_egps"),
            &snippet.extra_global_params,
        )?;
        line.add_synapse(false)?;
        let (name, code) = if by_rows {
            ("row build code", &snippet.row_build_code)
        } else {
            ("column build code", &snippet.col_build_code)
        };
        let LineBuilder { scope, mut composer, planner, lines, count } = line;
        scope.open().code().statements(&mut composer.builder, name, code)?;
        Ok(finish(planner, composer, lines.length, count))
    }

    /// The kernel of diagonal code: each presynaptic neuron goes through all diagonals.
    pub(super) fn plan_diagonal_code(
        &mut self,
        context: &str,
        snippet: &ToeplitzSnippet,
        params: &ParamValues,
        sizes: (usize, usize),
        lines: Lines<'_>,
    ) -> Result<PlannedKernel, ModelError> {
        let mut line = LineBuilder::new(self, context, sizes, lines)?;
        let unsigned = NumericType::UInt32;
        let zero = line.composer.builder.number(Type::U32, 0.0);
        let diagonal = line.composer.builder.cell(zero);
        line.scope.view("id_diag", unsigned, diagonal)?;
        let id = line.composer.index("id", Index::Neuron);
        line.scope.value("id_pre", unsigned, id)?;
        line.params([&snippet.params, &snippet.derived_params], params)?;
        line.add_synapse(true)?;
        line.scope.one_synapse_per_lane(&["id_pre"]);
        let LineBuilder { scope, mut composer, planner, lines, count } = line;
        let mut scope = scope.open();
        composer.builder.loop_while::<ModelError>(
            |builder| {
                let end = builder.number(Type::U32, f64::from(snippet.max_row_length));
                let id = builder.get(diagonal);
                Ok(builder.compare(CompareOp::Less, id, end))
            },
            |builder| {
                let code = &snippet.diagonal_build_code;
                scope.code().statements(builder, "diagonal build code", code)?;
                add_one(builder, diagonal);
                Ok(())
            },
        )?;
        Ok(finish(planner, composer, lines.length, count))
    }
}

impl<'a> LineBuilder<'a> {
    fn new(
        planner: &'a mut Planner,
        context: &str,
        (num_pre, num_post): (usize, usize),
        lines: Lines<'a>,
    ) -> Result<Self, ModelError> {
        let context = format!("{context} connectivity");
        let mut composer = Composer::new(context.clone());
        let mut scope = Scope::new(context, planner.precision);
        let builder = &mut composer.builder;
        scope.count(builder, "num_pre", num_pre)?;
        scope.count(builder, "num_post", num_post)?;
        let dt = builder.number(planner.time(), planner.network.dt);
        scope.value("dt", planner.precision.time, dt)?;
        let zero = builder.number(Type::U32, 0.0);
        let count = builder.cell(zero);
        Ok(Self { planner, lines, composer, scope, count })
    }

    fn params(&mut self, declared: [&[Param]; 2], values: &ParamValues) -> Result<(), ModelError> {
        let declared = declared.into_iter().flatten().cloned();
        self.scope.constants(&mut self.composer.builder, declared, values)
    }

    /// `addSynapse(other neuron, kernel indices…)`.
    fn add_synapse(&mut self, only_for_each_synapse: bool) -> Result<(), ModelError> {
        let id = self.composer.index("id", Index::Neuron);
        let array = |composer: &mut Composer, name: &str, array: ArrayId| {
            let binding = SlotBinding::Array { array, at: RingPosition::Current };
            composer.slot(name, Type::U32, SlotKind::Array { writable: true }, binding)
        };
        let others = array(&mut self.composer, "targets", self.lines.others);
        let kernel = self.lines.kernel.map(|kernel| {
            (array(&mut self.composer, "kernel_entries", kernel.indices), kernel.shape.clone())
        });
        let dimensions = kernel.as_ref().map_or(0, |(_, shape)| shape.len());
        let (line_stride, count) = (self.lines.stride as f64, self.count);
        let effect = move |builder: &mut KernelBuilder, arguments: &[Value]| {
            let used = builder.get(count);
            // A full line keeps counting, so that the engine can say how long it would have been.
            let limit = builder.number(Type::U32, line_stride);
            let fits = builder.compare(CompareOp::Less, used, limit);
            builder.if_else::<LowerError>(
                fits,
                |builder| {
                    let line = builder.convert(id, Type::I64);
                    let stride = builder.number(Type::I64, line_stride);
                    let start = builder.binary(BinaryOp::Multiply, line, stride);
                    let column = builder.convert(used, Type::I64);
                    let index = builder.binary(BinaryOp::Add, start, column);
                    builder.effect(Op::StoreElement(others, index, arguments[0]));
                    if let Some((slot, shape)) = &kernel {
                        let entry = kernel_entry(builder, shape, &arguments[1..]);
                        builder.effect(Op::StoreElement(*slot, index, entry));
                    }
                    Ok(())
                },
                |_| Ok(()),
            )?;
            add_one(builder, count);
            Ok(None)
        };
        let parameters = vec![NumericType::UInt32; 1 + dimensions];
        if only_for_each_synapse {
            self.scope.function_of_synapses("addSynapse", &parameters, Box::new(effect))
        } else {
            self.scope.function("addSynapse", &parameters, Box::new(effect))
        }
    }
}

/// Number of an entry of a kernel; the largest `u32` if an index lies outside.
fn kernel_entry(builder: &mut KernelBuilder, shape: &[usize], indices: &[Value]) -> Value {
    let mut entry = builder.number(Type::U32, 0.0);
    let mut inside = builder.boolean(true);
    for (&size, &index) in shape.iter().zip(indices) {
        let size = builder.number(Type::U32, size as f64);
        let outer = builder.binary(BinaryOp::Multiply, entry, size);
        entry = builder.binary(BinaryOp::Add, outer, index);
        let fits = builder.compare(CompareOp::Less, index, size);
        inside = builder.and(inside, fits);
    }
    let outside = builder.number(Type::U32, f64::from(u32::MAX));
    builder.select(inside, entry, outside)
}

fn add_one(builder: &mut KernelBuilder, cell: Cell) {
    let (value, one) = (builder.get(cell), builder.number(Type::U32, 1.0));
    let next = builder.binary(BinaryOp::Add, value, one);
    builder.set(cell, next);
}

/// Write the number of synapses of each line.
fn finish(
    planner: &Planner,
    mut composer: Composer,
    length: ArrayId,
    count: Cell,
) -> PlannedKernel {
    let at = RingPosition::Current;
    let length = composer.array(&planner.layout, "length", length, Domain::Neuron, at);
    let used = composer.builder.get(count);
    composer.builder.write(length, used);
    composer.finish()
}
