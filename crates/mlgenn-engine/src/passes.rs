//! Which custom updates go over their elements together.
//!
//! The sum of gradients over the batch and the optimiser that uses it are two updates of the same
//! synapses. If all synapses are summed before the optimiser begins, the sums have left the cache
//! by then. A *pass* takes a piece of the synapses, runs one update after another for it, and goes
//! on with the next piece. Results are to the bit those of one update after the other.

use std::collections::BTreeSet;

use mlgenn_ir::launch::Executor;
use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{CustomUpdatePlan, CustomUpdateSize};
use smallvec::SmallVec;

use crate::bind::{BoundKernel, LaneMap};
use crate::compiled::row_map;

/// The program of a custom update, and what it does to arrays.
pub(crate) struct UpdateProgram {
    pub(crate) kernel: BoundKernel,
    /// Arrays that it reads or writes.
    touched: BTreeSet<ArrayId>,
    /// Those that it writes.
    written: BTreeSet<ArrayId>,
    /// Whether it takes pieces of its elements one by one, each with all copies of its arrays, and
    /// nothing has to be done before or after all of them.
    by_piece: bool,
}

impl UpdateProgram {
    pub(crate) fn new(executor: &dyn Executor, plan: &Plan, update: &CustomUpdatePlan) -> Self {
        let map = match update.size {
            CustomUpdateSize::Elements(_) => LaneMap::Neurons,
            CustomUpdateSize::Matrix { .. } => LaneMap::Matrix,
            CustomUpdateSize::Rows { group } => row_map(plan, group),
        };
        let kernel = BoundKernel::new(executor, plan, &update.kernel, map);
        let counted = update.spike_counts.iter();
        let counted = counted.flat_map(|it| [it.count, plan.event_queues[it.queue.0].array]);
        let around = update.reductions.iter().map(|reduction| reduction.target).chain(counted);
        let around: BTreeSet<_> = around.chain(update.transpose.map(|it| it.to)).collect();
        let touched = update.kernel.arrays().chain(around.iter().copied()).collect();
        let written = update.kernel.written().union(&around).copied().collect();
        let by_piece = (update.copies == Copies::Shared || is_over_batch(plan, update))
            && kernel.can_be_cut
            && update.reductions.iter().all(|reduction| reduction.scratch.is_none())
            && update.broadcasts.is_empty()
            && update.transpose.is_none()
            && update.spike_counts.is_empty();
        Self { kernel, touched, written, by_piece }
    }

    /// Arrays that both touch and at least one writes.
    fn contested<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = ArrayId> + 'a {
        let both = self.touched.intersection(&other.touched).copied();
        both.filter(|array| self.written.contains(array) || other.written.contains(array))
    }
}

/// A custom update and its program.
pub(crate) type Update<'a> = (&'a CustomUpdatePlan, &'a UpdateProgram);

/// Updates that go over their elements together, in order.
pub(crate) type Pass<'a> = SmallVec<[Update<'a>; 4]>;

/// Share out updates, which are meant to run one after the other, among passes.
///
/// An update joins the last pass that works on arrays of its own, if the two may go piece by piece.
/// It thereby overtakes passes that have nothing to do with it.
pub(crate) fn passes<'a>(updates: impl Iterator<Item = Update<'a>>) -> Vec<Pass<'a>> {
    let mut passes: Vec<Pass<'a>> = Vec::new();
    for update in updates {
        let related = |pass: &&mut Pass<'a>| {
            pass.iter().any(|earlier| earlier.1.contested(update.1).next().is_some())
        };
        match passes.iter_mut().rev().find(related) {
            Some(pass) if pass.iter().all(|earlier| can_join(*earlier, update)) => {
                pass.push(update);
            }
            _ => passes.push(Pass::from_iter([update])),
        }
    }
    passes
}

/// Whether two updates have the same pieces, and none needs what the other does to another piece.
fn can_join(earlier: Update<'_>, later: Update<'_>) -> bool {
    let [a, b] = [earlier.1, later.1];
    a.by_piece
        && b.by_piece
        && earlier.0.size == later.0.size
        && a.contested(b).all(|array| [a, b].iter().all(|it| it.kernel.is_by_lane(array)))
}

/// Whether an update takes sums or maxima over the batch.
pub(crate) fn is_over_batch(plan: &Plan, update: &CustomUpdatePlan) -> bool {
    update.reductions.iter().any(|reduction| reduces_over_batch(plan, update, reduction.target))
}

/// Whether what an update reduces to an array is a sum or maximum over the batch, rather than over
/// neurons.
pub(crate) fn reduces_over_batch(plan: &Plan, update: &CustomUpdatePlan, target: ArrayId) -> bool {
    let CustomUpdateSize::Elements(size) = update.size else { return true };
    let target = plan.layout.array(target);
    target.copies == Copies::Shared
        && (update.copies != Copies::Shared || target.elements() == size)
}
