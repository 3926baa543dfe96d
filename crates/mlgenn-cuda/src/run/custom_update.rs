//! The launches of custom updates.

use mlgenn_engine::{copies_of_update, reduces_over_batch};
use mlgenn_ir::Type;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{
    CustomUpdatePlan, CustomUpdateSize, Reduction, RingPosition, SpikeCount, SpikeCountWrite,
};

use super::tables::{Copied, Tables};
use crate::abi::{LaunchHead, Slot, type_code};
use crate::driver::{DeviceError, Step};
use crate::emit::{NetworkEntry, Scheduled};

impl Tables<'_> {
    /// The launches of a custom update, but for its transposition.
    pub(super) fn custom_update(
        &self,
        number: usize,
        entry: &NetworkEntry,
        update: &CustomUpdatePlan,
    ) -> Result<Vec<Step>, DeviceError> {
        let plan = self.plan;
        let copies = copies_of_update(plan, update);
        let mut steps = Vec::new();
        for count in &update.spike_counts {
            steps.push(self.spike_count(Scheduled::CountEvents, count)?);
        }
        let over_neurons = || {
            let reductions = update.reductions.iter();
            reductions.filter(|it| !reduces_over_batch(plan, update, it))
        };
        for reduction in over_neurons() {
            steps.push(self.start(reduction)?);
        }
        let head = match update.size {
            CustomUpdateSize::Elements(elements) | CustomUpdateSize::Matrix { elements, .. } => {
                LaunchHead { lanes: elements as u32, ..LaunchHead::default() }
            }
            CustomUpdateSize::Rows { group } => {
                let sizes = &plan.synapse_groups[group];
                let lanes = (sizes.num_pre * sizes.row_stride) as u32;
                LaunchHead { lanes, ..self.synapses(group) }
            }
        };
        let copied = Copied { copies, per_block: 1 };
        steps.extend(self.entry(number, entry, head, None, &copied)?);
        for reduction in over_neurons() {
            if let Some(scratch) = reduction.scratch {
                steps.push(self.maximum(scratch, reduction.target, head.lanes, copies)?);
            }
        }
        for &array in &update.broadcasts {
            steps.push(self.broadcast(array, copies)?);
        }
        for count in &update.spike_counts {
            if count.written != SpikeCountWrite::Never {
                steps.push(self.spike_count(Scheduled::DropEvents, count)?);
            }
        }
        Ok(steps)
    }

    /// The launch that writes the transposed values of an update.
    pub(super) fn transposition(
        &self,
        update: &CustomUpdatePlan,
    ) -> Result<Option<Step>, DeviceError> {
        let Some(transpose) = update.transpose else { return Ok(None) };
        let ty = self.plan.layout.array(transpose.from).ty;
        let lanes = transpose.rows * transpose.columns;
        let head = LaunchHead {
            lanes: lanes as u32,
            rows: transpose.rows as u32,
            columns: transpose.columns as u32,
            ty: type_code(ty),
            ..LaunchHead::default()
        };
        let slots = [self.array(transpose.from), self.array(transpose.to)];
        let copies = self.plan.copies(transpose.from);
        self.step(Scheduled::Transpose.name(), [lanes, copies], head, &slots).map(Some)
    }

    fn array(&self, array: ArrayId) -> Slot {
        self.memory.ring(self.plan, &self.state, array, RingPosition::Current)
    }

    fn spike_count(&self, function: Scheduled, count: &SpikeCount) -> Result<Step, DeviceError> {
        let queue = self.plan.event_queues[count.queue.0].array;
        let members = self.plan.network.batch_size;
        let head = LaunchHead {
            lanes: self.plan.layout.array(queue).elements() as u32,
            members: members as u32,
            ty: u32::from(count.written == SpikeCountWrite::AllSlots),
            ..LaunchHead::default()
        };
        self.step(
            function.name(),
            [members, 1],
            head,
            &[self.array(queue), self.array(count.count)],
        )
    }

    /// Give the target of a reduction over neurons the value that it starts from.
    fn start(&self, reduction: &Reduction) -> Result<Step, DeviceError> {
        let ty = self.plan.layout.array(reduction.target).ty;
        let bits = reduction.reduce.start_bits(ty);
        let lanes = self.memory.len(reduction.target);
        let head = LaunchHead { lanes: lanes as u32, ty: type_code(ty), ..LaunchHead::default() };
        let value = Slot { data: self.upload(&value_bytes(ty, bits))?, ..Slot::default() };
        self.step(Scheduled::Fill.name(), [lanes, 1], head, &[self.array(reduction.target), value])
    }

    fn maximum(
        &self,
        from: ArrayId,
        to: ArrayId,
        lanes: u32,
        copies: usize,
    ) -> Result<Step, DeviceError> {
        let maximum = Scheduled::MaximumOfLanes(self.plan.layout.array(to).ty);
        let head = LaunchHead { lanes, members: copies as u32, ..LaunchHead::default() };
        self.step(maximum.name(), [copies, 1], head, &[self.array(from), self.array(to)])
    }

    fn broadcast(&self, array: ArrayId, copies: usize) -> Result<Step, DeviceError> {
        let description = self.plan.layout.array(array);
        let copies = if description.copies == Copies::Shared { 1 } else { copies };
        let lanes = description.elements();
        let head = LaunchHead {
            lanes: lanes as u32,
            ty: type_code(description.ty),
            ..LaunchHead::default()
        };
        self.step(Scheduled::Broadcast.name(), [lanes, copies], head, &[self.array(array)])
    }
}

/// A number of some type as it lies in memory.
pub(super) fn value_bytes(ty: Type, bits: u64) -> Vec<u8> {
    match ty.bytes() {
        1 => vec![bits as u8],
        2 => (bits as u16).to_ne_bytes().to_vec(),
        4 => (bits as u32).to_ne_bytes().to_vec(),
        _ => bits.to_ne_bytes().to_vec(),
    }
}
