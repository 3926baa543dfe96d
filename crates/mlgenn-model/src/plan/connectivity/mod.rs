//! Which pairs of neurons a synapse group connects, and how that is stored.
//!
//! Connectivity that the description says is computed at use (`PROCEDURAL`, `TOEPLITZ`) depends on
//! nothing that changes between timesteps. It is computed once, at load, into rows that the whole
//! batch shares; with a kernel they say which entry each synapse has, and the weights stay shared.

mod build;

use mlgenn_ir::Type;

use super::Planner;
use super::kernel::PlannedKernel;
use super::usage::is_empty;
use super::weights::KernelPlan;
use crate::description::{Connectivity, MatrixType, ParamValues, SparseSnippet, SynapseGroup};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies};
use build::Lines;

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
        /// Whether a pair is connected at most once: repetitions are dropped.
        distinct: bool,
        /// Where the synapses come from.
        from: Box<SparseFrom>,
    },
}

/// Connectivity of a group, the stride of its rows and its kernel.
pub(super) struct Planned {
    pub(super) connectivity: ConnectivityPlan,
    pub(super) row_stride: usize,
    pub(super) kernel: Option<KernelPlan>,
}

/// Where the synapses of a sparse group come from.
#[derive(Clone, Debug)]
pub enum SparseFrom {
    /// Pairs given at load.
    Given {
        /// How many.
        count: usize,
    },
    /// Neuron `i` to neuron `i`, as long as both exist.
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
    /// A kernel over presynaptic neurons that writes `indices`, `row_length` and the entries of the
    /// kernel, if there is one.
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

/// Plan the connectivity of a group.
pub(super) fn plan_connectivity(
    planner: &mut Planner,
    context: &str,
    prefix: &str,
    group: &SynapseGroup,
    sizes: (usize, usize),
) -> Result<Planned, ModelError> {
    check_slots(context, group)?;
    let own = Own { context, prefix, sizes, distinct: group.matrix_type == MatrixType::Bitmask };
    match (group.matrix_type, &group.connectivity) {
        (MatrixType::Dense | MatrixType::DenseProceduralg, Connectivity::None) => {
            Ok(Planned { connectivity: ConnectivityPlan::Dense, row_stride: sizes.1, kernel: None })
        }
        (MatrixType::Sparse, Connectivity::Indices { count, max_row_length }) => {
            let stride = (*max_row_length).max(group.max_connections.unwrap_or(0)) as usize;
            let rows = own.add_rows(planner, stride, &[])?;
            Ok(own.planned(rows, SparseFrom::Given { count: *count }))
        }
        (
            MatrixType::Sparse
            | MatrixType::Bitmask
            | MatrixType::Procedural
            | MatrixType::ProceduralKernelg,
            Connectivity::Sparse { snippet, params },
        ) => plan_snippet(planner, &own, group, snippet, params),
        (MatrixType::Toeplitz, Connectivity::Toeplitz { snippet, params }) => {
            if snippet.kernel_size.is_empty() {
                return Err(ModelError::invalid(
                    context,
                    format!("Toeplitz connectivity {:?} has no kernel size", snippet.name),
                ));
            }
            let stride = snippet.max_row_length as usize;
            let rows = own.add_rows(planner, stride, &snippet.kernel_size)?;
            let kernel =
                planner.plan_diagonal_code(context, snippet, params, sizes, rows.lines())?;
            Ok(own.planned(rows, SparseFrom::Rows(kernel)))
        }
        (matrix_type, _) => {
            let needs = match matrix_type {
                MatrixType::Dense | MatrixType::DenseProceduralg => {
                    "no connectivity: it connects all pairs"
                }
                MatrixType::Sparse => "connectivity: pairs of indices or a snippet",
                MatrixType::Toeplitz => "a Toeplitz connectivity snippet",
                _ => "a sparse connectivity snippet",
            };
            let name = name_of(matrix_type);
            Err(ModelError::invalid(context, format!("the matrix type {name} needs {needs}")))
        }
    }
}

/// Connectivity from a sparse snippet: a fast builder of the engine, or the snippet's own code.
fn plan_snippet(
    planner: &mut Planner,
    own: &Own<'_>,
    group: &SynapseGroup,
    snippet: &SparseSnippet,
    params: &ParamValues,
) -> Result<Planned, ModelError> {
    let (_, num_post) = own.sizes;
    let invalid = |problem: String| ModelError::invalid(own.context, problem);
    let name = &snippet.name;
    let has_kernel = !snippet.kernel_size.is_empty();
    let problem = match group.matrix_type {
        MatrixType::ProceduralKernelg if !has_kernel => "needs connectivity with a kernel",
        MatrixType::Bitmask if has_kernel => "cannot use connectivity with a kernel; use SPARSE",
        _ => "",
    };
    if !problem.is_empty() {
        return Err(invalid(format!("{} {problem}", name_of(group.matrix_type))));
    }
    let bound = snippet.max_row_length.map_or(num_post, |length| length as usize);
    let mut stride = match group.max_connections {
        Some(length) if (length as usize) < bound => {
            return Err(invalid(format!(
                "max_connections is {length}, but rows of {name} can have {bound} synapses"
            )));
        }
        Some(length) => length as usize,
        None => bound,
    };
    match name.as_str() {
        "OneToOne" if !has_kernel => {
            let rows = own.add_rows(planner, stride, &[])?;
            Ok(own.planned(rows, SparseFrom::OneToOne))
        }
        "FixedProbability" | "FixedProbabilityNoAutapse" if !has_kernel => {
            let probability = params.get("prob").copied().unwrap_or(f64::NAN);
            if !(0.0..=1.0).contains(&probability) {
                return Err(invalid(format!("probability {probability} is not between 0 and 1")));
            }
            // Room for eight standard deviations: no row is ever cut.
            let mean = num_post as f64 * probability;
            let room = mean + 8.0 * (mean * (1.0 - probability)).sqrt() + 8.0;
            stride = stride.max((room as usize).min(num_post));
            let rows = own.add_rows(planner, stride, &[])?;
            let from = SparseFrom::FixedProbability {
                probability,
                self_connections: name == "FixedProbability",
                stream: planner.new_stream(),
            };
            Ok(own.planned(rows, from))
        }
        _ => own.plan_code(planner, group, snippet, params, stride),
    }
}

/// Spikes and events at the postsynaptic side, and synapse dynamics, need stored synapses.
fn check_slots(context: &str, group: &SynapseGroup) -> Result<(), ModelError> {
    let stored = matches!(
        group.matrix_type,
        MatrixType::Dense | MatrixType::DenseProceduralg | MatrixType::Sparse
    );
    let model = &group.weight_update.model;
    let codes =
        [&model.post_spike_syn_code, &model.post_event_syn_code, &model.synapse_dynamics_code];
    if stored || codes.into_iter().all(|code| is_empty(code)) {
        return Ok(());
    }
    Err(ModelError::invalid(
        context,
        format!(
            "the matrix type {} supports code for presynaptic spikes and events only; use SPARSE \
             or DENSE",
            name_of(group.matrix_type)
        ),
    ))
}

fn name_of(matrix_type: MatrixType) -> String {
    serde_json::to_value(matrix_type)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The group whose connectivity is planned.
struct Own<'a> {
    context: &'a str,
    prefix: &'a str,
    /// Numbers of pre- and postsynaptic neurons.
    sizes: (usize, usize),
    /// Whether a pair is connected at most once.
    distinct: bool,
}

/// Arrays of sparse rows.
struct Rows {
    row_length: ArrayId,
    indices: ArrayId,
    stride: usize,
    kernel: Option<KernelPlan>,
}

impl Rows {
    fn lines(&self) -> Lines<'_> {
        Lines {
            length: self.row_length,
            others: self.indices,
            stride: self.stride,
            kernel: self.kernel.as_ref(),
        }
    }
}

impl Own<'_> {
    fn add_array(
        &self,
        planner: &mut Planner,
        name: &str,
        elements: usize,
    ) -> Result<ArrayId, ModelError> {
        let path = format!("{}.{name}", self.prefix);
        planner.layout.add(Array::new(path, Type::U32, Copies::Shared, elements))
    }

    fn add_rows(
        &self,
        planner: &mut Planner,
        stride: usize,
        kernel_size: &[u32],
    ) -> Result<Rows, ModelError> {
        let stride = stride.max(1);
        let num_pre = self.sizes.0;
        let row_length = self.add_array(planner, "row_length", num_pre)?;
        let indices = self.add_array(planner, "ind", num_pre * stride)?;
        let kernel = if kernel_size.is_empty() {
            None
        } else {
            let entries = kernel_size.iter().try_fold(1u32, |n, &size| n.checked_mul(size));
            if entries.is_none_or(|entries| entries == 0 || entries == u32::MAX) {
                return Err(ModelError::invalid(
                    self.context,
                    format!("a kernel of the shape {kernel_size:?} cannot be stored"),
                ));
            }
            let indices = self.add_array(planner, "kernel_ind", num_pre * stride)?;
            let shape = kernel_size.iter().map(|&size| size as usize).collect();
            Some(KernelPlan { shape, indices })
        };
        Ok(Rows { row_length, indices, stride, kernel })
    }

    fn planned(&self, rows: Rows, from: SparseFrom) -> Planned {
        let Rows { row_length, indices, stride: row_stride, kernel } = rows;
        let (distinct, from) = (self.distinct, Box::new(from));
        let connectivity = ConnectivityPlan::Sparse { row_length, indices, distinct, from };
        Planned { connectivity, row_stride, kernel }
    }

    /// Connectivity from a snippet's row or column code.
    fn plan_code(
        &self,
        planner: &mut Planner,
        group: &SynapseGroup,
        snippet: &SparseSnippet,
        params: &ParamValues,
        stride: usize,
    ) -> Result<Planned, ModelError> {
        let (by_rows, by_columns) =
            (!is_empty(&snippet.row_build_code), !is_empty(&snippet.col_build_code));
        let at_use = !matches!(group.matrix_type, MatrixType::Sparse | MatrixType::Bitmask);
        let problem = match (by_rows, by_columns) {
            (true, true) => "has both row and column building code",
            (false, false) => "has neither row nor column building code; set indices instead",
            (false, true) if at_use || !snippet.kernel_size.is_empty() => "needs row building code",
            _ => "",
        };
        if !problem.is_empty() {
            let problem = format!("connectivity {:?} {problem}", snippet.name);
            return Err(ModelError::invalid(self.context, problem));
        }
        let rows = self.add_rows(planner, stride, &snippet.kernel_size)?;
        let egps = &snippet.extra_global_params;
        planner.add_egps_as(self.context, self.prefix, "connectivity_egps", egps)?;
        let names = (self.context, self.prefix);
        if by_rows {
            let kernel =
                planner.plan_line_code(names, true, snippet, params, self.sizes, rows.lines())?;
            return Ok(self.planned(rows, SparseFrom::Rows(kernel)));
        }
        let (num_pre, num_post) = self.sizes;
        let col_stride = snippet.max_col_length.map_or(num_pre, |length| length as usize).max(1);
        let col_length = self.add_array(planner, "col_length", num_post)?;
        let col_indices = self.add_array(planner, "col_ind", num_post * col_stride)?;
        let columns =
            Lines { length: col_length, others: col_indices, stride: col_stride, kernel: None };
        let kernel = planner.plan_line_code(names, false, snippet, params, self.sizes, columns)?;
        let from = SparseFrom::Columns { kernel, col_indices, col_length, col_stride };
        Ok(self.planned(rows, from))
    }
}
