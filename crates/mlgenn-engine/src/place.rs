//! Which launch of a kernel it is: memory that launches have in common, and where their lanes are.

use mlgenn_ir::Buffer;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{ConnectivityPlan, SynapseGroupPlan};

use crate::worker::BlockMemory;

/// What the launches of a worker have in common.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) buffers: &'a [std::sync::Arc<Buffer>],
    /// Pointers of all rings: the slot written last; in neuron updates the slot being written.
    pub(crate) rings: &'a [u32],
    /// Of the block.
    pub(crate) memory: &'a BlockMemory,
    /// Number of timesteps made since loading, or of runs of connectivity updates.
    pub(crate) steps_made: &'a Buffer,
    /// 0, 1, 2, ….
    pub(crate) iota: &'a Buffer,
    /// Random keys: `[stream][batch]`.
    pub(crate) keys: &'a Buffer,
}

/// Which launch it is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// The batch member, or the first one of the block.
    pub(crate) member: usize,
    /// The block of batch members.
    pub(crate) block: usize,
    /// The row or column.
    pub(crate) line: usize,
    /// First synapse of the row.
    pub(crate) row_start: usize,
    /// First element of the stretch.
    pub(crate) stretch: usize,
    /// Lists of the lanes, as `Unit` says.
    pub(crate) synapses: &'a [u32],
    /// See `Unit::ByTarget` and `Unit::BySource`.
    pub(crate) others: &'a [u32],
    /// See `Unit::ByColumn`.
    pub(crate) columns: &'a [u32],
    /// See `Unit::ByKernelEntry`.
    pub(crate) kernel_entries: &'a [u32],
    /// Batch member of each lane, counted from the first of the block.
    pub(crate) members_of_lanes: &'a [u32],
    /// Neuron of each lane.
    pub(crate) neurons_of_lanes: &'a [u32],
    /// See `Unit::ByDistance`.
    pub(crate) distances_of_lanes: &'a [u32],
}

impl<'a> Place<'a> {
    /// Go to a row of a synapse group; returns the number of its synapses.
    pub(crate) fn enter_row(
        &mut self,
        group: &SynapseGroupPlan,
        buffers: &'a [std::sync::Arc<Buffer>],
        row: usize,
    ) -> usize {
        self.line = row;
        self.row_start = row * group.row_stride;
        let ConnectivityPlan::Sparse { row_length, indices, .. } = &group.connectivity else {
            return group.num_post;
        };
        let lanes = buffers[row_length.0].load(row).unwrap_or(0) as usize;
        let start = self.row_start;
        let list = |array: ArrayId| match buffers[array.0].words(start, lanes) {
            Some(words) => &*words,
            None => &[],
        };
        self.others = list(*indices);
        self.kernel_entries = group.kernel.as_ref().map_or(&[], |kernel| list(kernel.indices));
        lanes
    }
}
