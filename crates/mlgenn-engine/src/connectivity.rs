//! Building the connectivity of sparse synapse groups when a network is loaded.

use std::sync::{Arc, Mutex};

use mlgenn_ir::launch::{Launch, Watch};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::plan::{ConnectivityPlan, PlannedKernel, SparseFrom, SynapseGroupPlan};

use crate::arrays::{ArrayData, Arrays};
use crate::bind::{BoundKernel, Operands, Place, Surroundings};
use crate::compiled::CompiledModel;
use crate::error::EngineError;
use crate::fixed_probability::FixedProbability;
use crate::lanes::LaneMap;
use crate::random_key::random_key;

/// Rows that a thread initialises at a time.
pub(crate) const ROWS_PER_PIECE: usize = 64;

/// For groups with pairs given at load: where each given pair ended up.
pub(crate) type Placement = Option<Vec<u32>>;

/// Builds connectivity.
pub(crate) struct Builder<'a> {
    pub(crate) model: &'a CompiledModel,
    pub(crate) buffers: &'a [Arc<Buffer>],
    pub(crate) around: Surroundings<'a>,
    pub(crate) arrays: &'a Arrays,
    pub(crate) seed: u64,
    pub(crate) watch: &'a Watch,
}

impl Builder<'_> {
    /// Build the connectivity of a group.
    pub(crate) fn build(&self, group: &SynapseGroupPlan) -> Result<Placement, EngineError> {
        let ConnectivityPlan::Sparse { row_length, indices, distinct, from } = &group.connectivity
        else {
            return Ok(None);
        };
        let (row_length, indices) = (&*self.buffers[row_length.0], &*self.buffers[indices.0]);
        let rows = Rows { group, row_length, indices };
        let placement = self.fill(&rows, from)?;
        if *distinct {
            rows.drop_repetitions();
        }
        Ok(placement)
    }

    /// Write the rows of a group.
    fn fill(&self, rows: &Rows<'_>, from: &SparseFrom) -> Result<Placement, EngineError> {
        let group = rows.group;
        match from {
            SparseFrom::Given { count } => self.given(rows, *count).map(Some),
            SparseFrom::OneToOne => {
                for pre in 0..group.num_pre.min(group.num_post) {
                    rows.push(pre, pre as u32)?;
                }
                Ok(None)
            }
            SparseFrom::FixedProbability { probability, self_connections, stream } => {
                let key = random_key(self.seed, *stream, 0);
                self.fixed_probability(rows, *probability, *self_connections, key)?;
                Ok(None)
            }
            SparseFrom::Rows(kernel) => {
                self.run(kernel, group.num_pre)?;
                rows.check(self.buffers)?;
                Ok(None)
            }
            SparseFrom::Columns { kernel, col_indices, col_length, col_stride } => {
                self.run(kernel, group.num_post)?;
                let (targets, lengths) =
                    (&*self.buffers[col_indices.0], &*self.buffers[col_length.0]);
                for post in 0..group.num_post {
                    let length = lengths.load(post).unwrap_or(0) as usize;
                    if length > *col_stride {
                        return Err(rows.error(format!(
                            "column {post} has {length} synapses, but the longest column was \
                             said to have {col_stride}"
                        )));
                    }
                    for entry in 0..length {
                        let pre = targets.load(post * col_stride + entry).unwrap_or(0) as usize;
                        rows.push(pre, post as u32)?;
                    }
                }
                Ok(None)
            }
        }
    }

    /// Connect each pair with a probability; pieces of rows are drawn on all threads.
    fn fixed_probability(
        &self,
        rows: &Rows<'_>,
        probability: f64,
        self_connections: bool,
        key: u64,
    ) -> Result<(), EngineError> {
        if probability <= 0.0 {
            return Ok(());
        }
        let group = rows.group;
        let executor = self.model.backend.executor();
        let drawer = FixedProbability::new(executor, probability, key, group.num_post)?;
        let draw = |piece: usize| -> Result<(), EngineError> {
            let memory = drawer.memory()?;
            let first = piece * ROWS_PER_PIECE;
            for pre in first..(first + ROWS_PER_PIECE).min(group.num_pre) {
                let start = pre * group.row_stride;
                let Some(targets) = rows.indices.words(start, group.row_stride) else { continue };
                let except = (!self_connections).then_some(pre);
                let length = drawer.draw(&memory, pre, except, targets);
                let length = length.ok_or_else(|| rows.no_room(pre))?;
                rows.row_length.store(pre, length as u64);
            }
            Ok(())
        };
        let pieces = group.num_pre.div_ceil(ROWS_PER_PIECE);
        let results: Vec<_> = (0..pieces).map(|_| Mutex::new(Ok(()))).collect();
        self.model.backend.for_each(pieces, &|piece| {
            if let Ok(mut result) = results[piece].lock() {
                *result = draw(piece);
            }
        });
        results.into_iter().try_for_each(|result| result.into_inner().unwrap_or(Ok(())))
    }

    fn run(&self, kernel: &PlannedKernel, lanes: usize) -> Result<(), EngineError> {
        let executor = self.model.backend.executor();
        let bound = BoundKernel::new(executor, &self.model.plan, kernel, LaneMap::Neurons);
        let mut operands = Operands::new();
        bound.operands(&self.around, &Place::default(), &mut operands);
        bound.program.launch(&Launch { lanes, operands: &operands, watch: self.watch });
        match self.watch.take_fault() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    fn given(&self, rows: &Rows<'_>, count: usize) -> Result<Vec<u32>, EngineError> {
        let name = &rows.group.name;
        let list = |path: String| -> Result<Vec<u32>, EngineError> {
            let data: &ArrayData = self
                .arrays
                .get(&path)
                .ok_or_else(|| EngineError::MissingArray { path: path.clone() })?;
            if data.len() != count {
                let expected = format!("{count} pairs were announced");
                return Err(EngineError::ArraySize { path, given: data.len(), expected });
            }
            let as_wide = data.bits(Type::I64).map(|bits| bits as i64);
            as_wide
                .map(|index| {
                    u32::try_from(index).map_err(|_| {
                        rows.error(format!("{path} contains {index}, which is no index"))
                    })
                })
                .collect()
        };
        let pre = list(format!("syn.{name}.pre_ind"))?;
        let post = list(format!("syn.{name}.post_ind"))?;
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&pair| (pre[pair], post[pair]));
        let mut placement = vec![0; count];
        for pair in order {
            placement[pair] = rows.push(pre[pair] as usize, post[pair])?;
        }
        Ok(placement)
    }
}

/// Rows under construction.
struct Rows<'a> {
    group: &'a SynapseGroupPlan,
    row_length: &'a Buffer,
    indices: &'a Buffer,
}

impl Rows<'_> {
    fn error(&self, problem: String) -> EngineError {
        let context = format!("Synapse group '{}'", self.group.name);
        EngineError::Connectivity { context, problem }
    }

    fn no_room(&self, pre: usize) -> EngineError {
        self.error(format!(
            "row {pre} has more than {} synapses, the longest row that there is room for; \
             set max_connections",
            self.group.row_stride
        ))
    }

    /// Add a synapse at the end of a row; returns its index.
    fn push(&self, pre: usize, post: u32) -> Result<u32, EngineError> {
        let (num_pre, num_post) = (self.group.num_pre, self.group.num_post);
        if pre >= num_pre || post as usize >= num_post {
            return Err(self.error(format!(
                "there is a synapse from neuron {pre} to neuron {post}, but the populations have \
                 {num_pre} and {num_post} neurons"
            )));
        }
        let length = self.row_length.load(pre).unwrap_or(0) as usize;
        if length >= self.group.row_stride {
            return Err(self.no_room(pre));
        }
        let synapse = pre * self.group.row_stride + length;
        self.indices.store(synapse, u64::from(post));
        self.row_length.store(pre, length as u64 + 1);
        Ok(synapse as u32)
    }

    /// Check rows that a kernel has written.
    fn check(&self, buffers: &[Arc<Buffer>]) -> Result<(), EngineError> {
        for pre in 0..self.group.num_pre {
            let length = self.row_length.load(pre).unwrap_or(0) as usize;
            if length > self.group.row_stride {
                return Err(self.error(format!(
                    "row {pre} has {length} synapses, but the longest row was said to have {}",
                    self.group.row_stride
                )));
            }
            for entry in 0..length {
                let synapse = pre * self.group.row_stride + entry;
                let post = self.indices.load(synapse).unwrap_or(0) as usize;
                if post >= self.group.num_post {
                    return Err(self.error(format!(
                        "row {pre} has a synapse to neuron {post}, but the target has {} neurons",
                        self.group.num_post
                    )));
                }
                let Some(kernel) = &self.group.kernel else { continue };
                let index = buffers[kernel.indices.0].load(synapse).unwrap_or(0) as usize;
                if index >= kernel.elements() {
                    return Err(self.error(format!(
                        "row {pre} has a synapse that uses a weight outside of the kernel, which \
                         has the shape {:?}",
                        kernel.shape
                    )));
                }
            }
        }
        Ok(())
    }

    /// Sort rows, and connect each pair once at most.
    fn drop_repetitions(&self) {
        for pre in 0..self.group.num_pre {
            let length = self.row_length.load(pre).unwrap_or(0) as usize;
            let start = pre * self.group.row_stride;
            let Some(row) = self.indices.words(start, length) else { continue };
            row.sort_unstable();
            let mut kept = 0;
            for entry in 0..length {
                if kept == 0 || row[entry] != row[kept - 1] {
                    row[kept] = row[entry];
                    kept += 1;
                }
            }
            self.row_length.store(pre, kept as u64);
        }
    }
}
