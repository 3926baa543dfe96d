//! Other ways to look at the synapses of a sparse group than by the arrays of its rows: by columns,
//! by runs, by lists of targets.

use std::sync::Arc;

use mlgenn_ir::Buffer;
use mlgenn_ir::run_lists::{Run, RunLists};
use mlgenn_ir::target_lists::TargetLists;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{Added, ConnectivityPlan, SynapseGroupPlan};

use crate::compiled::CompiledModel;
use crate::distinct_weights::DistinctWeights;

/// Runs shorter than this on average are no faster than single synapses.
const WORTH_RUNS: usize = 4;

/// What is looked up about the connectivity of a synapse group; nothing for dense ones.
#[derive(Debug, Default)]
pub(crate) struct ConnectivityIndex {
    /// Synapses by postsynaptic neuron, if something visits them that way.
    pub(crate) columns: Columns,
    /// Runs of synapses, if spikes only add weights and there are runs worth it.
    pub(crate) runs: Option<RunLists>,
    /// Their weights, if nothing but the host writes them.
    pub(crate) distinct_weights: Option<DistinctWeights>,
    /// Lists of targets, if spikes only add weights and there are no runs.
    pub(crate) targets: Option<TargetLists>,
}

/// Synapses of a sparse group by postsynaptic neuron.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// First entry of each column, and one past the last.
    pub(crate) starts: Vec<usize>,
    /// Synapse of each entry: index in the arrays of the group.
    pub(crate) synapses: Vec<u32>,
    /// Presynaptic neuron of each entry.
    pub(crate) sources: Vec<u32>,
    /// Position in its row of each entry.
    pub(crate) positions: Vec<u32>,
}

impl ConnectivityIndex {
    /// Look at the connectivity of a group as it is now.
    pub(crate) fn new(model: &CompiledModel, group: usize, buffers: &[Arc<Buffer>]) -> Self {
        let group = &model.plan.synapse_groups[group];
        let ConnectivityPlan::Sparse { row_length, indices, .. } = &group.connectivity else {
            return Self::default();
        };
        let shared = group.kernel.as_ref().filter(|_| group.shares_kernel);
        let kernel_entries = shared.map(|kernel| &*buffers[kernel.indices.0]);
        let rows = Rows {
            group,
            row_length: &buffers[row_length.0],
            indices: &buffers[indices.0],
            kernel_entries,
        };
        let by_column = group.post_spike.is_some() || group.post_event.is_some();
        let columns = if by_column { rows.columns() } else { Columns::default() };
        let adds = group.pre_spike.as_ref().and_then(|kernel| kernel.adds);
        let weights = match adds {
            Some(Added::Weight(weights)) => Some(weights),
            _ => None,
        };
        let runs = weights.and_then(|_| rows.runs());
        let is_fixed = |weights: &ArrayId| {
            let array = model.plan.layout.array(*weights);
            array.copies == Copies::Shared && !model.written.contains(weights)
        };
        let fixed = weights.filter(|_| runs.is_some() && kernel_entries.is_none());
        let distinct_weights = fixed.filter(is_fixed).map(DistinctWeights::new);
        // A kernel's weights are not in the order of rows.
        let listed = match adds {
            Some(Added::Weight(_)) => runs.is_none() && kernel_entries.is_none(),
            Some(Added::Constant(_)) => true,
            None => false,
        };
        let targets = if listed { rows.targets() } else { None };
        Self { columns, runs, distinct_weights, targets }
    }

    /// Timesteps begin: look at what somebody may have changed since the last ones.
    pub(crate) fn refresh(&mut self, buffers: &[Arc<Buffer>]) {
        if let (Some(runs), Some(weights)) = (&self.runs, &mut self.distinct_weights) {
            weights.refresh(runs, buffers);
        }
    }
}

/// The rows of a sparse group.
struct Rows<'a> {
    group: &'a SynapseGroupPlan,
    row_length: &'a Buffer,
    indices: &'a Buffer,
    /// Weight of each synapse, if they share those of a kernel.
    kernel_entries: Option<&'a Buffer>,
}

impl Rows<'_> {
    /// Index of the first synapse of a row, and targets of all of them.
    fn row(&self, pre: usize) -> (usize, &[u32]) {
        let length = self.row_length.load(pre).unwrap_or(0) as usize;
        let start = pre * self.group.row_stride;
        (start, self.indices.words(start, length).map_or(&[], |targets| targets))
    }

    /// Number of synapses.
    fn count(&self) -> usize {
        (0..self.group.num_pre).map(|pre| self.row(pre).1.len()).sum()
    }

    /// Whether there are runs long enough: most matrices have not, and that shows early.
    fn has_runs(&self) -> bool {
        let most = self.count() / WORTH_RUNS;
        let mut runs = 0;
        for pre in 0..self.group.num_pre {
            let (_, targets) = self.row(pre);
            let ends = targets.windows(2).filter(|pair| pair[0].wrapping_add(1) != pair[1]);
            runs += ends.count() + usize::from(!targets.is_empty());
            if runs > most {
                return false;
            }
        }
        true
    }

    /// The runs, if they are long enough.
    fn runs(&self) -> Option<RunLists> {
        if !self.has_runs() {
            return None;
        }
        let (mut lists, mut row) = (RunLists::new(), Vec::new());
        let (mut runs, mut synapses) = (0, 0);
        for pre in 0..self.group.num_pre {
            let (start, targets) = self.row(pre);
            let entries = self.kernel_entries.map(|entries| entries.words(start, targets.len()));
            row.clear();
            for (position, &target) in targets.iter().enumerate() {
                let weight = match &entries {
                    Some(entries) => entries.as_ref()?[position],
                    None => (start + position) as u32,
                };
                match row.last_mut() {
                    Some(Run { target: first, weight: first_weight, length })
                        if *first + *length == target && *first_weight + *length == weight =>
                    {
                        *length += 1;
                    }
                    _ => row.push(Run { target, weight, length: 1 }),
                }
            }
            runs += row.len();
            synapses += targets.len();
            lists.push(&row);
        }
        (runs * WORTH_RUNS <= synapses).then_some(lists)
    }

    /// The targets of all rows, if each row has them in order and once.
    fn targets(&self) -> Option<TargetLists> {
        let mut lists = TargetLists::new(self.group.num_post, self.count());
        (0..self.group.num_pre).all(|pre| lists.push(self.row(pre).1)).then_some(lists)
    }

    /// Synapses by postsynaptic neuron.
    fn columns(&self) -> Columns {
        let num_post = self.group.num_post;
        let mut starts = vec![0; num_post + 1];
        let row = |pre: usize| {
            let (start, targets) = self.row(pre);
            let targets = targets.iter().enumerate();
            targets.map(move |(position, &post)| (start + position, position, post as usize))
        };
        for pre in 0..self.group.num_pre {
            for (_, _, post) in row(pre) {
                starts[post + 1] += 1;
            }
        }
        for post in 0..num_post {
            starts[post + 1] += starts[post];
        }
        let count = starts[num_post];
        let mut next = starts.clone();
        let mut columns = Columns {
            starts,
            synapses: vec![0; count],
            sources: vec![0; count],
            positions: vec![0; count],
        };
        for pre in 0..self.group.num_pre {
            for (synapse, position, post) in row(pre) {
                let entry = next[post];
                next[post] += 1;
                columns.synapses[entry] = synapse as u32;
                columns.sources[entry] = pre as u32;
                columns.positions[entry] = position as u32;
            }
        }
        columns
    }
}
