//! Running custom updates.

use std::ops::Range;
use std::sync::Arc;

use mlgenn_ir::launch::{BLOCK_LANES, Launch, Watch};
use mlgenn_ir::{Buffer, evaluate};
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{CustomUpdatePlan, CustomUpdateSize, SlotBinding};
use smallvec::SmallVec;

use crate::bind::{BoundKernel, Operands, Place, Surroundings};
use crate::compiled::CompiledModel;
use crate::passes::{copies_of_update, is_over_batch, passes, reduces_over_batch};
use crate::spike_count::Spikes;
use crate::update_program::{TOGETHER, Update};

/// Fewest synapses of a matrix that one work item updates: memory is slow at the begin of each
/// stretch of each copy.
const SHORTEST: usize = 1 << 13;

/// Most synapses of a matrix that one work item updates: what one update has computed is still in
/// the cache for the next one.
const LONGEST: usize = 1 << 16;

/// Rows of a sparse matrix that one work item updates.
const ROWS: usize = 64;

/// Below so many lanes in all, threads cost more than they bring.
pub(crate) const WORTH_THREADS: usize = 1 << 18;

/// Runs custom updates.
pub(crate) struct CustomUpdates<'a> {
    pub(crate) model: &'a CompiledModel,
    pub(crate) buffers: &'a [Arc<Buffer>],
    pub(crate) around: Surroundings<'a>,
    pub(crate) watch: &'a Watch,
}

/// Whether the updates of a group concern each batch member on its own, so that a block of
/// members can run them between its timesteps.
pub(crate) fn is_local(model: &CompiledModel, group: &str) -> bool {
    if model.plan.custom_connectivity_updates.contains_key(group) {
        return false;
    }
    let mut updates = model.plan.custom_updates.get(group).into_iter().flatten();
    updates.all(|update| concerns_members(model, update))
}

/// Whether an update concerns each batch member, or each block of them, on its own.
pub(crate) fn concerns_members(model: &CompiledModel, update: &CustomUpdatePlan) -> bool {
    let copies = |array: ArrayId| model.plan.layout.array(array).copies;
    update.copies != Copies::Shared
        && update.reductions.iter().all(|it| copies(it.target) != Copies::Shared)
        && update.transpose.is_none()
        && writes(update).all(|array| copies(array) == update.copies)
}

/// Arrays that the kernel of an update writes.
fn writes(update: &CustomUpdatePlan) -> impl Iterator<Item = ArrayId> + '_ {
    let slots = update.kernel.kernel.slots.iter().zip(&update.kernel.bindings);
    slots.filter_map(|(slot, binding)| {
        use mlgenn_ir::SlotKind::{Accumulator, Array, Variable};
        let written = matches!(
            slot.kind,
            Variable { writable: true, .. } | Array { writable: true } | Accumulator { .. }
        );
        match binding {
            SlotBinding::Array { array, .. } if written => Some(*array),
            _ => None,
        }
    })
}

impl<'a> CustomUpdates<'a> {
    /// Run the updates of some groups, one after the other, for everything, but for transposes.
    pub(crate) fn run(&self, groups: &[&str]) {
        let updates = groups.iter().flat_map(|group| self.updates(group));
        if groups.len() == 1 {
            return updates.for_each(|update| self.run_alone(update));
        }
        let updates: SmallVec<[_; 8]> = updates.collect();
        for pass in passes(updates.iter().map(|(_, program)| &program.effects)) {
            match pass[..] {
                [update] => self.run_alone(updates[update]),
                _ => self.run_pass(&pass.iter().map(|&it| updates[it]).collect::<Vec<_>>()),
            }
        }
    }

    /// The updates of a group.
    pub(crate) fn updates(&self, group: &str) -> impl Iterator<Item = Update<'a>> + use<'a> {
        let updates = self.model.plan.custom_updates.get(group).into_iter().flatten();
        updates.zip(self.model.custom_updates.get(group).into_iter().flatten())
    }

    /// Write the transposed values of a group.
    pub(crate) fn run_transposes(&self, group: &str) {
        let updates = self.model.plan.custom_updates.get(group);
        for update in updates.into_iter().flatten() {
            self.transpose(update);
        }
    }

    fn spikes(&self) -> Spikes<'_> {
        Spikes { plan: &self.model.plan, buffers: self.buffers, rings: self.around.rings }
    }

    fn count_spikes(&self, update: &CustomUpdatePlan, members: Range<usize>) {
        for spikes in &update.spike_counts {
            members.clone().for_each(|member| self.spikes().count(spikes, member));
        }
    }

    fn drop_spikes(&self, update: &CustomUpdatePlan, members: Range<usize>) {
        for spikes in &update.spike_counts {
            members.clone().for_each(|member| self.spikes().drop_beyond(spikes, member));
        }
    }

    /// Run the updates of a group, all of which are local, for a block of batch members.
    pub(crate) fn run_block(&self, group: &str, block: usize) {
        self.updates(group).for_each(|update| self.run_block_alone(update, block));
    }

    /// Run a local update for a block of batch members.
    pub(crate) fn run_block_alone(&self, (update, program): Update<'a>, block: usize) {
        if update.copies == Copies::Block {
            self.run_copy(update, &program.kernel, block, 0..self.items(update));
            return;
        }
        let members = self.model.plan.blocks.members(block);
        self.count_spikes(update, members.clone());
        for member in members.clone() {
            self.run_copy(update, &program.kernel, member, 0..self.items(update));
            self.broadcast(update, member);
        }
        self.drop_spikes(update, members);
    }

    fn copies(&self, update: &CustomUpdatePlan) -> usize {
        copies_of_update(&self.model.plan, update)
    }

    /// Synapses of a matrix that one work item updates. Threads have two each, in case that one of
    /// them is held up. Results do not depend on it, as synapses do not meet.
    fn stretch(&self, elements: usize) -> usize {
        let share = elements.div_ceil(2 * self.model.backend.threads());
        share.next_multiple_of(BLOCK_LANES).clamp(SHORTEST, LONGEST)
    }

    /// Number of pieces that an update is cut into: stretches or rows.
    fn items(&self, update: &CustomUpdatePlan) -> usize {
        match update.size {
            CustomUpdateSize::Elements(_) => 1,
            CustomUpdateSize::Matrix { elements, .. } => elements.div_ceil(self.stretch(elements)),
            CustomUpdateSize::Rows { group } => {
                self.model.plan.synapse_groups[group].num_pre.div_ceil(ROWS)
            }
        }
    }

    fn lanes(&self, update: &CustomUpdatePlan) -> usize {
        match update.size {
            CustomUpdateSize::Elements(size) => size,
            CustomUpdateSize::Matrix { elements, .. } => elements,
            CustomUpdateSize::Rows { group } => {
                let group = &self.model.plan.synapse_groups[group];
                group.num_pre * group.row_stride
            }
        }
    }

    /// Run an update for everything, but for its transpose.
    pub(crate) fn run_alone(&self, (update, program): Update<'a>) {
        let members = 0..self.model.plan.network.batch_size;
        self.count_spikes(update, members.clone());
        if is_over_batch(&self.model.plan, update) {
            self.run_pass(&[(update, program)]);
        } else {
            let (copies, items) = (self.copies(update), self.items(update));
            self.for_each(copies * items, copies * self.lanes(update), &|index| {
                let (copy, item) = (index / items, index % items);
                self.run_copy(update, &program.kernel, copy, item..item + 1);
            });
        }
        if !update.broadcasts.is_empty() {
            (0..self.copies(update)).for_each(|copy| self.broadcast(update, copy));
        }
        self.drop_spikes(update, members);
    }

    /// Run updates that have the same pieces, all of them for one piece before the next. Each takes
    /// all copies of a piece in order, so that sums have a fixed order.
    fn run_pass(&self, pass: &[Update<'a>]) {
        let Some((first, _)) = pass.first() else { return };
        let lanes = pass.iter().map(|(update, _)| self.copies(update) * self.lanes(update));
        self.for_each(self.items(first), lanes.sum(), &|item| {
            for (update, program) in pass {
                self.start_reductions(update, item);
                let (mut next, copies) = (0, self.copies(update));
                while next < copies {
                    let several = program.copies.as_ref().filter(|_| next + TOGETHER <= copies);
                    let kernel = several.unwrap_or(&program.kernel);
                    self.run_copy(update, kernel, next, item..item + 1);
                    next += if several.is_some() { TOGETHER } else { 1 };
                }
            }
        });
    }

    /// Give a piece of the targets of reductions the value that they start from.
    fn start_reductions(&self, update: &CustomUpdatePlan, item: usize) {
        for reduction in &update.reductions {
            let target = &self.buffers[reduction.target.0];
            let whole = match update.size {
                CustomUpdateSize::Elements(_) => target.len(),
                _ => self.model.plan.layout.array(reduction.target).elements(),
            };
            let piece = match update.size {
                CustomUpdateSize::Elements(_) => whole,
                CustomUpdateSize::Matrix { elements, .. } => self.stretch(elements),
                CustomUpdateSize::Rows { group } => {
                    ROWS * self.model.plan.synapse_groups[group].row_stride
                }
            };
            let start = item * piece;
            let bits = reduction.reduce.start_bits(target.ty());
            for copy in (0..target.len()).step_by(whole.max(1)) {
                target.fill(copy + start, piece.min(whole - start), bits);
            }
        }
    }

    fn for_each(&self, count: usize, lanes: usize, work: &(dyn Fn(usize) + Sync)) {
        if lanes < WORTH_THREADS {
            (0..count).for_each(work);
        } else {
            self.model.backend.for_each(count, work);
        }
    }

    /// Run some pieces of an update for one copy of its arrays.
    fn run_copy(
        &self,
        update: &CustomUpdatePlan,
        kernel: &BoundKernel,
        copy: usize,
        items: Range<usize>,
    ) {
        let mut operands = Operands::new();
        let mut place = Place { member: copy, block: copy, ..Place::default() };
        match update.size {
            CustomUpdateSize::Elements(size) => {
                self.run_elements(update, kernel, &place, size, &mut operands);
            }
            CustomUpdateSize::Matrix { elements, .. } => {
                let stretch = self.stretch(elements);
                for item in items {
                    place.stretch = item * stretch;
                    let lanes = stretch.min(elements - place.stretch);
                    self.launch(kernel, &place, lanes, &mut operands);
                }
            }
            CustomUpdateSize::Rows { group } => {
                let group = &self.model.plan.synapse_groups[group];
                let rows = items.start * ROWS..(items.end * ROWS).min(group.num_pre);
                for row in rows {
                    let lanes = place.enter_row(group, self.buffers, row);
                    self.launch(kernel, &place, lanes, &mut operands);
                }
            }
        }
    }

    fn run_elements(
        &self,
        update: &CustomUpdatePlan,
        kernel: &BoundKernel,
        place: &Place<'a>,
        size: usize,
        operands: &mut Operands<'a>,
    ) {
        let over_neurons: Vec<_> = update
            .reductions
            .iter()
            .filter(|it| !reduces_over_batch(&self.model.plan, update, it))
            .collect();
        let copy = place.member;
        let copy_of = |array: ArrayId| match self.model.plan.layout.array(array).copies {
            Copies::Shared => 0,
            _ => copy,
        };
        for reduction in &over_neurons {
            let target = &self.buffers[reduction.target.0];
            target.store(copy_of(reduction.target), reduction.reduce.start_bits(target.ty()));
        }
        self.launch(kernel, place, size, operands);
        for reduction in &over_neurons {
            let Some(scratch) = reduction.scratch else { continue };
            let values = &self.buffers[scratch.0];
            let target = &self.buffers[reduction.target.0];
            let at = copy_of(reduction.target);
            let first = copy_of(scratch) * size;
            for lane in first..first + size {
                let (Some(old), Some(value)) = (target.load(at), values.load(lane)) else {
                    continue;
                };
                if evaluate::compare(mlgenn_ir::CompareOp::Greater, target.ty(), value, old) {
                    target.store(at, value);
                }
            }
        }
    }

    fn launch(
        &self,
        kernel: &BoundKernel,
        place: &Place<'a>,
        lanes: usize,
        operands: &mut Operands<'a>,
    ) {
        kernel.operands(&self.around, place, operands);
        kernel.program.launch(&Launch { lanes, operands, watch: self.watch });
    }

    /// Copy the current slot of an array to all its slots.
    fn broadcast(&self, update: &CustomUpdatePlan, copy: usize) {
        for id in &update.broadcasts {
            let array = self.model.plan.layout.array(*id);
            let copy = if array.copies == Copies::Shared { 0 } else { copy };
            let elements = array.elements();
            let current = array.ring.map_or(0, |ring| self.around.rings[ring.0]) as usize;
            let start = copy * array.slots * elements;
            for slot in (0..array.slots).filter(|slot| *slot != current) {
                self.buffers[id.0].copy_within(
                    start + current * elements,
                    start + slot * elements,
                    elements,
                );
            }
        }
    }

    fn transpose(&self, update: &CustomUpdatePlan) {
        let Some(transpose) = update.transpose else { return };
        let (rows, columns) = (transpose.rows, transpose.columns);
        let (from, to) = (&self.buffers[transpose.from.0], &self.buffers[transpose.to.0]);
        for copy in 0..self.model.plan.copies(transpose.from) {
            let start = copy * rows * columns;
            for row in 0..rows {
                for column in 0..columns {
                    if let Some(bits) = from.load(start + row * columns + column) {
                        to.store(start + column * rows + row, bits);
                    }
                }
            }
        }
    }
}
