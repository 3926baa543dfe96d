//! Which pairs of neurons a synapse group connects, and how that is stored.

use mlgenn_ir::{BinaryOp, CompareOp, Domain, Op, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::Planner;
use super::kernel::{Composer, Index, PlannedKernel, RingPosition, SlotBinding};
use super::scope::Scope;
use super::usage::is_empty;
use crate::description::{Connectivity, MatrixType, ParamValues, SparseSnippet, SynapseGroup};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};

/// Connectivity of a synapse group.
#[derive(Clone, Debug)]
pub enum ConnectivityPlan {
    /// All pairs.
    Dense,
    /// Rows of different lengths.
    Sparse {
        /// Number of synapses of each presynaptic neuron (`u32`).
        row_length: ArrayId,
        /// Postsynaptic neuron of each synapse (`u32`), in rows of the stride of the group.
        indices: ArrayId,
        /// Where the synapses come from.
        from: SparseFrom,
    },
}

/// Where the synapses of a sparse group come from.
#[derive(Clone, Debug)]
pub enum SparseFrom {
    /// Pairs given at load.
    Given {
        /// How many.
        count: usize,
    },
    /// Neuron `i` to neuron `i`.
    OneToOne,
    /// Each pair with a probability.
    FixedProbability {
        /// The probability.
        probability: f64,
        /// Whether a neuron may be connected to the one of the same index.
        self_connections: bool,
        /// Stream of random numbers.
        stream: u32,
    },
    /// A kernel over presynaptic neurons that writes `indices` and `row_length`.
    Rows(PlannedKernel),
    /// A kernel over postsynaptic neurons that writes `col_indices` and `col_length` in columns
    /// of the given stride.
    Columns {
        /// The kernel.
        kernel: PlannedKernel,
        /// Presynaptic neurons of each column.
        col_indices: ArrayId,
        /// Number of synapses of each column.
        col_length: ArrayId,
        /// Elements from one column to the next.
        col_stride: usize,
    },
}

/// Plan the connectivity of a group; returns the stride of its rows too.
pub(super) fn plan_connectivity(
    planner: &mut Planner,
    context: &str,
    prefix: &str,
    group: &SynapseGroup,
    (num_pre, num_post): (usize, usize),
) -> Result<(usize, ConnectivityPlan), ModelError> {
    match (group.matrix_type, &group.connectivity) {
        (MatrixType::Dense, Connectivity::None) => Ok((num_post, ConnectivityPlan::Dense)),
        (MatrixType::Dense, _) => Err(ModelError::invalid(
            context,
            "DENSE synapses connect all pairs; connectivity cannot be given",
        )),
        (MatrixType::Sparse, Connectivity::Indices { count, max_row_length }) => {
            let stride = (*max_row_length).max(group.max_connections.unwrap_or(0)) as usize;
            let from = SparseFrom::Given { count: *count };
            sparse(planner, prefix, num_pre, stride, from)
        }
        (MatrixType::Sparse, Connectivity::Sparse { snippet, params }) => {
            let bound = snippet.max_row_length.map_or(num_post, |length| length as usize);
            let mut stride = match group.max_connections {
                Some(length) if (length as usize) < bound => {
                    return Err(ModelError::invalid(
                        context,
                        format!(
                            "max_connections is {length}, but rows of {} can have {bound} synapses",
                            snippet.name
                        ),
                    ));
                }
                Some(length) => length as usize,
                None => bound,
            };
            if !snippet.kernel_size.is_empty() {
                return Err(ModelError::unsupported(
                    context,
                    format!("sparse connectivity {:?} with a kernel", snippet.name),
                    "sparse connectivity without kernel",
                ));
            }
            let from = match snippet.name.as_str() {
                "OneToOne" => {
                    if num_pre != num_post {
                        return Err(ModelError::invalid(
                            context,
                            format!(
                                "one-to-one connectivity needs populations of one size; the \
                                 source has {num_pre} neurons, the target {num_post}"
                            ),
                        ));
                    }
                    SparseFrom::OneToOne
                }
                "FixedProbability" | "FixedProbabilityNoAutapse" => {
                    let probability = params.get("prob").copied().unwrap_or(f64::NAN);
                    if !(0.0..=1.0).contains(&probability) {
                        return Err(ModelError::invalid(
                            context,
                            format!("probability {probability} is not between 0 and 1"),
                        ));
                    }
                    // Room for eight standard deviations: no row is ever cut.
                    let mean = num_post as f64 * probability;
                    let room = mean + 8.0 * (mean * (1.0 - probability)).sqrt() + 8.0;
                    stride = stride.max((room as usize).min(num_post));
                    SparseFrom::FixedProbability {
                        probability,
                        self_connections: snippet.name == "FixedProbability",
                        stream: planner.new_stream(),
                    }
                }
                _ => return build_kernel(planner, context, prefix, group, snippet, params, stride),
            };
            sparse(planner, prefix, num_pre, stride, from)
        }
        (MatrixType::Sparse, Connectivity::None) => Err(ModelError::invalid(
            context,
            "SPARSE synapses need connectivity: pairs of indices or a snippet",
        )),
        (matrix_type, _) => Err(ModelError::unsupported(
            context,
            format!("matrix type {}", name_of(matrix_type)),
            "DENSE, and SPARSE with indices or a snippet",
        )),
    }
}

fn name_of(matrix_type: MatrixType) -> String {
    serde_json::to_value(matrix_type)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn add_arrays(
    planner: &mut Planner,
    prefix: &str,
    num_pre: usize,
    stride: usize,
) -> Result<(ArrayId, ArrayId), ModelError> {
    let array = |name: &str, elements| {
        Array::new(format!("{prefix}.{name}"), Type::U32, Copies::Shared, elements)
    };
    let row_length = planner.layout.add(array("row_length", num_pre))?;
    let indices = planner.layout.add(array("ind", num_pre * stride))?;
    Ok((row_length, indices))
}

fn sparse(
    planner: &mut Planner,
    prefix: &str,
    num_pre: usize,
    stride: usize,
    from: SparseFrom,
) -> Result<(usize, ConnectivityPlan), ModelError> {
    let stride = stride.max(1);
    let (row_length, indices) = add_arrays(planner, prefix, num_pre, stride)?;
    Ok((stride, ConnectivityPlan::Sparse { row_length, indices, from }))
}

/// Connectivity from a user's own row or column code.
fn build_kernel(
    planner: &mut Planner,
    context: &str,
    prefix: &str,
    group: &SynapseGroup,
    snippet: &SparseSnippet,
    params: &ParamValues,
    stride: usize,
) -> Result<(usize, ConnectivityPlan), ModelError> {
    let by_rows = match (is_empty(&snippet.row_build_code), is_empty(&snippet.col_build_code)) {
        (false, true) => true,
        (true, false) => false,
        (true, true) => {
            return Err(ModelError::invalid(
                context,
                format!(
                    "connectivity {:?} has neither row nor column building code; set indices \
                     instead",
                    snippet.name
                ),
            ));
        }
        (false, false) => {
            return Err(ModelError::invalid(
                context,
                format!("connectivity {:?} has both row and column building code", snippet.name),
            ));
        }
    };
    let index = planner.row_strides.len();
    let size = |name: &str| planner.network.populations[planner.population_index(name)].size;
    let (num_pre, num_post) = (size(&group.source), size(&group.target));
    debug_assert_eq!(planner.network.synapse_groups[index].name, group.name);
    let stride = stride.max(1);
    let (row_length, indices) = add_arrays(planner, prefix, num_pre, stride)?;
    planner.add_egps_as(context, prefix, "connectivity_egps", &snippet.extra_global_params)?;

    let mut composer = Composer::new(format!("{context} connectivity"));
    let mut scope = Scope::new(format!("{context} connectivity"), planner.precision);
    let builder = &mut composer.builder;
    scope.count(builder, "num_pre", num_pre)?;
    scope.count(builder, "num_post", num_post)?;
    let one = builder.number(Type::U32, 1.0);
    let zero = builder.number(Type::U32, 0.0);
    scope.value("num_threads", NumericType::UInt32, one)?;
    scope.value("id_thread", NumericType::UInt32, zero)?;
    let dt = builder.number(planner.time(), planner.network.dt);
    scope.value("dt", planner.precision.time, dt)?;
    let id = composer.index("id", Index::Neuron);
    let (own, begin) =
        if by_rows { ("id_pre", "id_post_begin") } else { ("id_post", "id_pre_begin") };
    scope.value(own, NumericType::UInt32, id)?;
    scope.value(begin, NumericType::UInt32, zero)?;
    let random = planner.random_source(&mut composer, id);
    scope.allow_random(random);
    scope.constants(&mut composer.builder, snippet.params.iter().cloned(), params)?;
    scope.constants(&mut composer.builder, snippet.derived_params.iter().cloned(), params)?;
    planner.define_egps(
        &mut scope,
        &mut composer,
        (prefix, "connectivity_egps"),
        &snippet.extra_global_params,
    )?;

    let (lengths, targets, target_stride, columns) = if by_rows {
        (row_length, indices, stride, None)
    } else {
        let stride = snippet.max_col_length.map_or(num_pre, |length| length as usize).max(1);
        let array = |name: &str, elements| {
            Array::new(format!("{prefix}.{name}"), Type::U32, Copies::Shared, elements)
        };
        let lengths = planner.layout.add(array("col_length", num_post))?;
        let targets = planner.layout.add(array("col_ind", num_post * stride))?;
        (lengths, targets, stride, Some((lengths, targets)))
    };
    let binding = SlotBinding::Array { array: targets, at: RingPosition::Current };
    let kind = SlotKind::Array { writable: true };
    let slot = composer.slot("targets", Type::U32, kind, binding);
    let count = composer.builder.cell(zero);
    let add_synapse = move |builder: &mut mlgenn_ir::KernelBuilder, arguments: &[Value]| {
        let used = builder.get(count);
        // A full row keeps counting, so that the engine can say how long it would have been.
        let limit = builder.number(Type::U32, target_stride as f64);
        let fits = builder.compare(CompareOp::Less, used, limit);
        builder.if_else::<mlgenn_ir::lower::LowerError>(
            fits,
            |builder| {
                let row = builder.convert(id, Type::I64);
                let stride = builder.number(Type::I64, target_stride as f64);
                let start = builder.binary(BinaryOp::Multiply, row, stride);
                let column = builder.convert(used, Type::I64);
                let index = builder.binary(BinaryOp::Add, start, column);
                builder.effect(Op::StoreElement(slot, index, arguments[0]));
                Ok(())
            },
            |_| Ok(()),
        )?;
        let one = builder.number(Type::U32, 1.0);
        let next = builder.binary(BinaryOp::Add, used, one);
        builder.set(count, next);
        Ok(None)
    };
    scope.function("addSynapse", &[NumericType::UInt32], Box::new(add_synapse))?;
    let (name, code) = if by_rows {
        ("row build code", &snippet.row_build_code)
    } else {
        ("column build code", &snippet.col_build_code)
    };
    scope.open().code().statements(&mut composer.builder, name, code)?;
    let at = RingPosition::Current;
    let length = composer.array(&planner.layout, "length", lengths, Domain::Neuron, at);
    let used = composer.builder.get(count);
    composer.builder.write(length, used);
    let kernel = composer.finish();
    let from = match columns {
        None => SparseFrom::Rows(kernel),
        Some((col_length, col_indices)) => {
            SparseFrom::Columns { kernel, col_indices, col_length, col_stride: target_stride }
        }
    };
    Ok((stride, ConnectivityPlan::Sparse { row_length, indices, from }))
}
