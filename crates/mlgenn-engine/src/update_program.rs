//! The programs of custom updates.

use mlgenn_ir::launch::Executor;
use mlgenn_model::Plan;
use mlgenn_model::plan::CustomUpdatePlan;

use crate::bind::BoundKernel;
use crate::passes::{UpdateEffects, copies_of_update, is_over_batch, lane_map};

/// Copies of a gradient that are summed at once. Memory gives several streams faster than one.
pub(crate) const TOGETHER: usize = 4;

/// The program of a custom update, and what it does to arrays.
pub(crate) struct UpdateProgram {
    pub(crate) kernel: BoundKernel,
    /// The same for [`TOGETHER`] copies, if copies follow each other anyway.
    pub(crate) copies: Option<BoundKernel>,
    pub(crate) effects: UpdateEffects,
}

/// A custom update and its program.
pub(crate) type Update<'a> = (&'a CustomUpdatePlan, &'a UpdateProgram);

impl UpdateProgram {
    pub(crate) fn new(executor: &dyn Executor, plan: &Plan, update: &CustomUpdatePlan) -> Self {
        let map = lane_map(plan, update);
        let kernel = BoundKernel::new(executor, plan, &update.kernel, map);
        let effects = UpdateEffects::new(plan, update);
        let is_sum =
            effects.is_by_piece() && is_over_batch(plan, update) && !executor.is_reference();
        let copies = is_sum && copies_of_update(plan, update) >= TOGETHER;
        let copies =
            copies.then(|| BoundKernel::for_copies(executor, plan, &update.kernel, map, TOGETHER));
        Self { kernel, copies, effects }
    }
}
