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

/// Copies of a gradient that are summed at once. Memory gives several streams faster than one.
pub(crate) const TOGETHER: usize = 4;

/// The program of a custom update, and what it does to arrays.
pub(crate) struct UpdateProgram {
    pub(crate) kernel: BoundKernel,
    /// The same for [`TOGETHER`] copies, if copies follow each other anyway.
    pub(crate) copies: Option<BoundKernel>,
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
        let is_sum = by_piece && is_over_batch(plan, update) && !executor.is_reference();
        let copies = is_sum && copies(plan, update) >= TOGETHER;
        let copies =
            copies.then(|| BoundKernel::for_copies(executor, plan, &update.kernel, map, TOGETHER));
        Self { kernel, copies, touched, written, by_piece }
    }

    /// Arrays that it reads or writes.
    pub(crate) fn touched(&self) -> &BTreeSet<ArrayId> {
        &self.touched
    }

    /// Whether it writes an array.
    pub(crate) fn writes(&self, array: ArrayId) -> bool {
        self.written.contains(&array)
    }

    /// Arrays that both touch and at least one writes.
    pub(crate) fn contested<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = ArrayId> + 'a {
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
/// An update joins the last pass that it has to come after, because one writes an array that the
/// other touches, if both may go piece by piece. It thereby overtakes passes that have nothing to
/// do with it.
pub(crate) fn passes<'a>(updates: impl Iterator<Item = Update<'a>>) -> Vec<Pass<'a>> {
    let mut passes: Vec<Pass<'a>> = Vec::new();
    for update in updates {
        if !update.1.by_piece {
            passes.push(Pass::from_iter([update]));
            continue;
        }
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

/// Whether an update that goes piece by piece has the pieces of an earlier one, and neither needs
/// what the other does to another piece.
fn can_join(earlier: Update<'_>, later: Update<'_>) -> bool {
    let [a, b] = [earlier.1, later.1];
    a.by_piece
        && earlier.0.size == later.0.size
        && a.contested(b).all(|array| [a, b].iter().all(|it| it.kernel.is_by_lane(array)))
}

/// For how many copies of its arrays an update runs.
pub(crate) fn copies(plan: &Plan, update: &CustomUpdatePlan) -> usize {
    match update.copies {
        Copies::Shared => 1,
        Copies::Member => plan.network.batch_size,
        Copies::Block => plan.blocks.count(),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mlgenn_ir::Interpreter;
    use mlgenn_model::Network;
    use mlgenn_model::description::*;
    use mlgenn_model::plan::PlanOptions;

    use super::*;
    use crate::{CompiledModel, Inline};

    fn var_ref(var: &str) -> VarRef {
        VarRef::Wu { synapse_group: "S".into(), var: var.into(), transpose: None }
    }

    /// An update of the synapses `S`, with the code `X += Y;` or the like.
    fn update(name: &str, code: &str, references: &[&str]) -> CustomUpdate {
        let access = VarAccessMode::ReadWrite;
        let declared = references.iter().map(|name| VarRefDeclaration {
            name: (*name).into(),
            type_name: "scalar".into(),
            access,
        });
        CustomUpdate {
            name: name.into(),
            group: "All".into(),
            model: CustomUpdateModel {
                name: name.into(),
                var_refs: declared.collect(),
                update_code: code.into(),
                ..CustomUpdateModel::default()
            },
            var_refs: references.iter().map(|name| ((*name).into(), var_ref(name))).collect(),
            ..CustomUpdate::default()
        }
    }

    /// Names of the updates of each pass, for dense synapses with shared variables `A`, `B`, `C`.
    fn names(updates: Vec<CustomUpdate>) -> Vec<Vec<String>> {
        let population =
            |name: &str| Population { name: name.into(), size: 3, ..Population::default() };
        let vars = ["A", "B", "C"];
        let group = SynapseGroup {
            name: "S".into(),
            matrix_type: MatrixType::Dense,
            source: "P".into(),
            target: "Q".into(),
            weight_update: WeightUpdate {
                model: WeightUpdateModel {
                    name: "Static".into(),
                    vars: vars.iter().map(|name| Var::read_only(*name)).collect(),
                    ..WeightUpdateModel::default()
                },
                vars: vars
                    .iter()
                    .map(|name| ((*name).into(), VarInit::Constant { value: 0.0 }))
                    .collect(),
                ..WeightUpdate::default()
            },
            ..SynapseGroup::default()
        };
        let network = Network {
            name: "passes".into(),
            batch_size: 2,
            populations: vec![population("P"), population("Q")],
            synapse_groups: vec![group],
            custom_updates: updates,
            ..Network::default()
        };
        let backend = Arc::new(Inline::new("interpreter", Interpreter));
        let model = CompiledModel::new(network, PlanOptions::default(), backend).unwrap();
        let updates = model.plan.custom_updates["All"].iter().zip(&model.custom_updates["All"]);
        let passes = passes(updates);
        let names = |pass: &Pass<'_>| pass.iter().map(|(update, _)| update.name.clone()).collect();
        passes.iter().map(names).collect()
    }

    #[test]
    fn an_update_joins_the_pass_that_it_goes_on_from() {
        let passes = names(vec![
            update("first", "A += 1.0;", &["A"]),
            update("other", "B += 1.0;", &["B"]),
            update("then", "C += A;", &["A", "C"]),
            update("finally", "B += C;", &["B", "C"]),
        ]);
        // The last one needs what two passes have done, and so belongs to the later of them.
        assert_eq!(passes, [vec!["first", "then"], vec!["other", "finally"]]);
    }

    #[test]
    fn an_update_does_not_overtake_what_it_depends_on() {
        let passes = names(vec![
            update("first", "A += 1.0;", &["A"]),
            update("by_row", "B += id_pre;", &["B"]),
            update("then", "C += A + B;", &["A", "B", "C"]),
        ]);
        assert_eq!(passes, [["first"], ["by_row"], ["then"]]);
    }
}
