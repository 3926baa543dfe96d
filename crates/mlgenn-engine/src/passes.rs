//! Which custom updates go over their elements together.
//!
//! The sum of gradients over the batch and the optimiser that uses it are two updates of the same
//! synapses. If all synapses are summed before the optimiser begins, the sums have left the cache
//! by then. A *pass* takes a piece of the synapses, runs one update after another for it, and goes
//! on with the next piece; on a GPU a piece is one synapse. Results are to the bit those of one
//! update after the other.

use std::collections::BTreeSet;

use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{CustomUpdatePlan, CustomUpdateSize, Reduction};
use smallvec::SmallVec;

use crate::compiled::row_map;
use crate::lanes::{LaneMap, not_by_lane, writes_apart};

/// What a custom update does to arrays, as far as others may go over their elements with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateEffects {
    size: CustomUpdateSize,
    /// Arrays that it reads or writes.
    touched: BTreeSet<ArrayId>,
    /// Those that it writes.
    written: BTreeSet<ArrayId>,
    /// Those of which its lanes do not have one element each, which no other lane touches.
    not_by_lane: BTreeSet<ArrayId>,
    /// Whether it takes pieces of its elements one by one, each with all copies of its arrays, and
    /// nothing has to be done before or after all of them.
    by_piece: bool,
}

/// Updates that go over their elements together, by their positions, in order.
pub type Pass = SmallVec<[usize; 4]>;

impl UpdateEffects {
    /// What an update does.
    pub fn new(plan: &Plan, update: &CustomUpdatePlan) -> Self {
        let map = lane_map(plan, update);
        let queues = update.spike_counts.iter().map(|it| plan.event_queues[it.queue.0].array);
        let around: BTreeSet<_> = update.written_around().chain(queues).collect();
        let by_piece = (update.copies == Copies::Shared || is_over_batch(plan, update))
            && writes_apart(plan, &update.kernel, map)
            && update.reductions.iter().all(|reduction| reduction.scratch.is_none())
            && update.broadcasts.is_empty()
            && update.transpose.is_none()
            && update.spike_counts.is_empty();
        Self {
            size: update.size,
            touched: update.kernel.arrays().chain(around.iter().copied()).collect(),
            written: update.kernel.written().union(&around).copied().collect(),
            not_by_lane: not_by_lane(plan, &update.kernel, map),
            by_piece,
        }
    }

    /// Whether it takes pieces of its elements one by one, each with all copies of its arrays.
    pub(crate) fn is_by_piece(&self) -> bool {
        self.by_piece
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

    /// Whether an update that goes piece by piece has the pieces of another one, and neither needs
    /// what the other does to another piece.
    fn can_join(&self, other: &Self) -> bool {
        let by_lane = |array| [self, other].iter().all(|it| !it.not_by_lane.contains(&array));
        self.by_piece && self.size == other.size && self.contested(other).all(by_lane)
    }
}

/// Share out updates, which are meant to run one after the other, among passes.
///
/// An update joins the last pass that it has to come after, because one writes an array that the
/// other touches, if both may go piece by piece. It thereby overtakes passes that have nothing to
/// do with it.
pub fn passes<'a>(updates: impl IntoIterator<Item = &'a UpdateEffects>) -> Vec<Pass> {
    let updates: SmallVec<[_; 8]> = updates.into_iter().collect();
    let mut passes: Vec<Pass> = Vec::new();
    for (position, update) in updates.iter().enumerate() {
        let related = |pass: &&mut Pass| {
            pass.iter().any(|&it| updates[it].contested(update).next().is_some())
        };
        // Those that join nothing need not be compared.
        let last = update.by_piece.then(|| passes.iter_mut().rev().find(related)).flatten();
        match last {
            Some(pass) if pass.iter().all(|&it| updates[it].can_join(update)) => {
                pass.push(position);
            }
            _ => passes.push(Pass::from_iter([position])),
        }
    }
    passes
}

/// Whether a group may go over elements together with those before and after it, as all that it does
/// are updates of variables. It does not if times are measured, so that it has a time of its own.
pub fn joins_others(plan: &Plan, group: &str) -> bool {
    let mut updates = plan.custom_updates.get(group).into_iter().flatten();
    !plan.network.timing_enabled
        && !plan.custom_connectivity_updates.contains_key(group)
        && updates.all(|update| update.transpose.is_none())
}

/// How the lanes of a custom update go through its elements.
pub(crate) fn lane_map(plan: &Plan, update: &CustomUpdatePlan) -> LaneMap {
    match update.size {
        CustomUpdateSize::Elements(_) => LaneMap::Neurons,
        CustomUpdateSize::Matrix { .. } => LaneMap::Matrix,
        CustomUpdateSize::Rows { group } => row_map(plan, group),
    }
}

/// For how many copies of its arrays an update runs.
pub fn copies_of_update(plan: &Plan, update: &CustomUpdatePlan) -> usize {
    match update.copies {
        Copies::Shared => 1,
        Copies::Member => plan.network.batch_size,
        Copies::Block => plan.blocks.count(),
    }
}

/// Whether an update takes sums or maxima over the batch.
pub fn is_over_batch(plan: &Plan, update: &CustomUpdatePlan) -> bool {
    update.reductions.iter().any(|reduction| reduces_over_batch(plan, update, reduction))
}

/// Whether a reduction of an update is taken over the batch, rather than over neurons.
pub fn reduces_over_batch(plan: &Plan, update: &CustomUpdatePlan, reduction: &Reduction) -> bool {
    let CustomUpdateSize::Elements(size) = update.size else { return true };
    let target = plan.layout.array(reduction.target);
    reduction.scratch.is_none()
        && target.copies == Copies::Shared
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
        let updates = &model.plan.custom_updates["All"];
        let effects: Vec<_> =
            updates.iter().map(|update| UpdateEffects::new(&model.plan, update)).collect();
        let names = |pass: &Pass| pass.iter().map(|&it| updates[it].name.clone()).collect();
        passes(&effects).iter().map(names).collect()
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
