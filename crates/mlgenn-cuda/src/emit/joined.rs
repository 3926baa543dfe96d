//! Which custom updates have a function together.

use mlgenn_engine::{UpdateEffects, joins_others, passes};
use mlgenn_model::Plan;
use mlgenn_model::plan::CustomUpdatePlan;

use super::elements;
use super::entry::Entry;
use super::network::{NetworkEntry, Stage};
use super::shape::Members;

/// A function that takes each element through several custom updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedEntry {
    /// The updates in order: numbers of their own functions.
    pub updates: Vec<usize>,
    /// Its text.
    pub entry: Entry,
}

/// A custom update with the number of its own function.
struct Numbered<'a> {
    number: usize,
    update: &'a CustomUpdatePlan,
    effects: &'a UpdateEffects,
    members: Members,
}

/// Functions for each sum or maximum over the batch together with what goes on from it in later
/// groups: in the next one, in two of them, and so on. Others are launched one by one.
pub(super) fn joined_entries(plan: &Plan, entries: &[NetworkEntry]) -> Vec<JoinedEntry> {
    let groups: Vec<_> = plan
        .custom_updates
        .keys()
        .filter(|group| joins_others(plan, group))
        .map(|group| numbered(plan, entries, group))
        .collect();
    let mut joined: Vec<JoinedEntry> = Vec::new();
    for (position, group) in groups.iter().enumerate() {
        for first in group.iter().filter(|update| update.members == Members::All) {
            let mut together = vec![first];
            for later in &groups[position + 1..] {
                let before = together.len();
                for update in later {
                    let effects = together.iter().chain([&update]).map(|it| it.effects);
                    if passes(effects).len() == 1 {
                        together.push(update);
                    }
                }
                if together.len() > before {
                    let updates: Vec<_> = together.iter().map(|it| it.update).collect();
                    let index = entries.len() + joined.len();
                    joined.push(JoinedEntry {
                        updates: together.iter().map(|it| it.number).collect(),
                        entry: elements::joined(index, plan, &updates),
                    });
                }
            }
        }
    }
    joined
}

/// The updates of a group.
fn numbered<'a>(plan: &'a Plan, entries: &'a [NetworkEntry], group: &str) -> Vec<Numbered<'a>> {
    let updates = plan.custom_updates.get(group).into_iter().flatten().enumerate();
    let find = |(index, update)| {
        let stage = Stage::CustomUpdate(group.to_owned(), index);
        let number = entries.iter().position(|entry| entry.stage == stage)?;
        let effects = entries[number].effects.as_ref()?;
        Some(Numbered { number, update, effects, members: entries[number].members })
    };
    updates.filter_map(find).collect()
}
