//! The launches of custom update groups, one by one and several in one call.

use std::collections::HashMap;

use indexmap::IndexMap;
use mlgenn_engine::{UpdateEffects, joins_others, passes};

use super::memory::State;
use super::network::part_of;
use super::tables::{Copied, Tables};
use crate::abi::LaunchHead;
use crate::driver::{DeviceError, Part, Step};
use crate::emit::{JoinedEntry, NetworkEntry, NetworkProgram, Stage};

/// The launches of all groups.
pub(super) struct UpdateGroups {
    groups: IndexMap<String, Group>,
    /// Launches that do what several custom updates do, by the numbers of these.
    joined: HashMap<Vec<usize>, Step>,
}

/// The launches of a group.
#[derive(Default)]
struct Group {
    updates: Vec<Update>,
    /// Row code of connectivity updates.
    rows: Vec<Step>,
    /// What comes last.
    transposes: Vec<Step>,
    /// See [`joins_others`].
    joins: bool,
}

/// The launches of a custom update.
struct Update {
    /// Number of its function.
    number: usize,
    effects: UpdateEffects,
    steps: Vec<Step>,
}

impl Group {
    /// The launches, without those together with other groups.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        let updates = self.updates.iter().flat_map(|update| &update.steps);
        updates.chain(&self.rows).chain(&self.transposes)
    }
}

impl UpdateGroups {
    /// Names of the groups.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.groups.keys()
    }

    /// Names of groups that have launches together which they do not have alone.
    pub(super) fn joined_names(&self) -> Vec<Vec<String>> {
        let mut names: Vec<Vec<String>> = Vec::new();
        for updates in self.joined.keys() {
            let has = |group: &Group| group.updates.iter().any(|it| updates.contains(&it.number));
            let groups = self.groups.iter().filter(|(_, group)| has(group));
            names.push(groups.map(|(name, _)| name.clone()).collect());
        }
        names.sort();
        names.dedup();
        names
    }

    /// All launches.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.groups.values().flat_map(Group::steps).chain(self.joined.values())
    }

    /// The launches of one group without its transposes.
    pub(super) fn updates(&self, name: &str) -> Vec<Step> {
        let Some(group) = self.groups.get(name) else { return Vec::new() };
        let updates = group.updates.iter().flat_map(|update| &update.steps);
        updates.chain(&group.rows).cloned().collect()
    }

    /// The transposes of one group.
    pub(super) fn transposes(&self, name: &str) -> Vec<Step> {
        self.groups.get(name).map_or_else(Vec::new, |group| group.transposes.clone())
    }

    /// The launches of groups, one group after the other; those that may go over elements together
    /// do so where there is a function for it.
    pub(super) fn together(&self, names: &[String]) -> Vec<Step> {
        let groups: Vec<_> = names.iter().filter_map(|name| self.groups.get(name)).collect();
        let mut steps = Vec::new();
        for groups in groups.chunk_by(|a, b| a.joins && b.joins) {
            let updates: Vec<_> = groups.iter().flat_map(|group| &group.updates).collect();
            for pass in passes(updates.iter().map(|update| &update.effects)) {
                let numbers: Vec<_> = pass.iter().map(|&it| updates[it].number).collect();
                match self.joined.get(&numbers) {
                    Some(step) => steps.push(step.clone()),
                    None => steps.extend(pass.iter().flat_map(|&it| updates[it].steps.clone())),
                }
            }
            // Groups that join others have none of these.
            let rest = groups.iter().flat_map(|group| group.rows.iter().chain(&group.transposes));
            steps.extend(rest.cloned());
        }
        steps
    }
}

impl Tables<'_> {
    /// The launches of all custom update groups.
    pub(super) fn update_groups(
        &self,
        program: &NetworkProgram,
    ) -> Result<UpdateGroups, DeviceError> {
        let (plan, entries) = (self.plan, &program.entries);
        let find = |stage: Stage| entries.iter().enumerate().find(|(_, e)| e.stage == stage);
        let mut groups: IndexMap<String, Group> = IndexMap::new();
        for (name, updates) in &plan.custom_updates {
            let group = groups.entry(name.clone()).or_default();
            group.joins = joins_others(plan, name);
            for (index, update) in updates.iter().enumerate() {
                let Some((number, entry)) = find(Stage::CustomUpdate(name.clone(), index)) else {
                    continue;
                };
                let steps = self.custom_update(number, entry, update)?;
                let steps = part_of(Part::CustomUpdate, steps).collect();
                if let Some(effects) = entry.effects.clone() {
                    group.updates.push(Update { number, effects, steps });
                }
                let transpose = self.transposition(update)?.into_iter().collect();
                group.transposes.extend(part_of(Part::Transpose, transpose));
            }
        }
        for (name, updates) in &plan.custom_connectivity_updates {
            let group = groups.entry(name.clone()).or_default();
            for (index, update) in updates.iter().enumerate() {
                if let Some((number, entry)) = find(Stage::ConnectivityRows(name.clone(), index)) {
                    let rows = self.connectivity_rows(number, entry, update.synapse_group)?;
                    group.rows.extend(part_of(Part::CustomUpdate, rows));
                }
            }
        }
        let updates = groups.values().flat_map(|group| &group.updates);
        let steps: HashMap<_, _> = updates.map(|update| (update.number, &update.steps)).collect();
        let joined =
            program.joined.iter().filter_map(|it| self.joined_step(it, &steps).transpose());
        let joined = joined.collect::<Result<_, _>>()?;
        Ok(UpdateGroups { groups, joined })
    }

    /// The launch that does what the launches of several updates do, one for each.
    fn joined_step(
        &self,
        joined: &JoinedEntry,
        steps: &HashMap<usize, &Vec<Step>>,
    ) -> Result<Option<(Vec<usize>, Step)>, DeviceError> {
        let parts = joined.updates.iter().filter_map(|number| steps.get(number)?.first());
        let parts: Vec<_> = parts.collect();
        let Some(&first) = parts.first() else { return Ok(None) };
        let table = self.upload_u64(&parts.iter().map(|part| part.table).collect::<Vec<_>>())?;
        let step = Step { function: joined.entry.name.clone(), table, ..first.clone() };
        Ok(Some((joined.updates.clone(), step)))
    }

    /// The launches of row code. It sees the number of runs as that of timesteps.
    fn connectivity_rows(
        &self,
        number: usize,
        entry: &NetworkEntry,
        group: usize,
    ) -> Result<Vec<Step>, DeviceError> {
        let state = State { steps_made: self.state.connectivity_runs, ..self.state };
        let lanes = self.plan.synapse_groups[group].num_pre as u32;
        let head = LaunchHead { lanes, ..LaunchHead::default() };
        let copied = Copied { copies: 1, per_block: 1 };
        Tables { state, ..*self }.entry(number, entry, head, None, &copied)
    }
}
