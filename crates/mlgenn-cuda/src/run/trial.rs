//! The launches that take batch members through many timesteps.

use std::cell::RefCell;

use super::tables::Tables;
use crate::driver::{Arena, DeviceError, Part, Step};
use crate::emit::{NetworkEntry, Scheduled, Stage, Trial, Word};

/// Postsynaptic neurons and threads of a block that takes sums, as in `prelude/scheduled/add_late.cuh`.
const LATE_COLUMNS: usize = 128;
const LATE_THREADS: usize = 128;

/// What the launches of trials have in common.
pub(super) struct TrialLaunch {
    /// Blocks of threads, and threads of each.
    blocks: usize,
    threads: usize,
    /// Most timesteps of a launch.
    pub(super) longest: usize,
    /// The words of a table before the number of timesteps.
    table: Vec<u64>,
    late_sums: Option<LateSumsLaunch>,
}

/// The launch that takes sums after the timesteps.
struct LateSumsLaunch {
    grid: [usize; 3],
    /// The words of a table after the address of that of the trial.
    table: Vec<u64>,
}

impl TrialLaunch {
    /// The launches of so many timesteps.
    pub(super) fn steps(
        &self,
        arena: &RefCell<Arena>,
        timesteps: usize,
    ) -> Result<Vec<Step>, DeviceError> {
        let upload = |words: &[u64]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            arena.borrow_mut().upload(&bytes)
        };
        let step =
            |function: String, grid, table| Step { function, grid, table, part: Part::default() };
        let trial = upload(&[&self.table[..], &[timesteps as u64]].concat())?;
        let mut steps = vec![step("run_trial".into(), [self.blocks, 1, self.threads], trial)];
        if let Some(late) = &self.late_sums {
            let table = upload(&[&[trial], &late.table[..]].concat())?;
            steps.push(step(Scheduled::AddLate.name(), late.grid, table));
        }
        steps.push(step("finish_trial".into(), [1, 1, 32], trial));
        Ok(steps)
    }
}

impl Tables<'_> {
    /// Prepare trials.
    pub(super) fn trial(
        &self,
        trial: &Trial,
        entries: &[NetworkEntry],
    ) -> Result<TrialLaunch, DeviceError> {
        let members = self.plan.network.batch_size;
        let allocate = |elements: usize| self.arena.borrow_mut().allocate((4 * elements).max(8));
        let kept = trial.longest * members;
        let events: Vec<_> = trial
            .kept_events
            .iter()
            .map(|neurons| allocate(neurons.div_ceil(32) * kept))
            .collect::<Result<_, _>>()?;
        let values: Vec<_> = trial
            .late_sums
            .iter()
            .map(|late| allocate(late.sizes.columns * kept))
            .collect::<Result<_, _>>()?;
        let words = trial.words.iter().map(|word| match *word {
            Word::Events(number) => Ok(events[number]),
            Word::Values(number) => Ok(values[number]),
            word => self.word(word, entries),
        });
        let words = self.upload_u64(&words.collect::<Result<Vec<_>, _>>()?)?;
        let state = &self.state;
        let late_sums = self.late_sums(trial, &events, &values)?;
        Ok(TrialLaunch {
            blocks: members.div_ceil(trial.members_per_block),
            threads: trial.threads,
            longest: trial.longest,
            table: vec![
                state.watch,
                state.rings,
                state.timestep,
                state.time,
                state.steps_made,
                words,
            ],
            late_sums,
        })
    }

    /// Prepare the sums that are taken after the timesteps, from events and values that are kept.
    fn late_sums(
        &self,
        trial: &Trial,
        events: &[u64],
        values: &[u64],
    ) -> Result<Option<LateSumsLaunch>, DeviceError> {
        if trial.late_sums.is_empty() {
            return Ok(None);
        }
        let pair = |low: usize, high: usize| low as u64 | (high as u64) << 32;
        let (members, blocks) = (self.plan.network.batch_size, self.plan.blocks);
        let (mut tables, mut all_tiles) = (Vec::new(), 0);
        for (late, &values) in trial.late_sums.iter().zip(values) {
            let sizes = late.sizes;
            let tiles = sizes.rows.div_ceil(32) * sizes.columns.div_ceil(LATE_COLUMNS);
            all_tiles += tiles;
            tables.extend([
                events[late.events],
                values,
                self.memory.address(late.sum),
                self.plan.layout.array(late.sum).elements() as u64,
                pair(sizes.rows, sizes.columns),
                pair(sizes.stride, tiles),
            ]);
        }
        let table = vec![
            self.upload_u64(&tables)?,
            pair(trial.longest, members),
            pair(blocks.largest(), 0),
        ];
        Ok(Some(LateSumsLaunch { grid: [all_tiles, blocks.count(), LATE_THREADS], table }))
    }

    fn word(&self, word: Word, entries: &[NetworkEntry]) -> Result<u64, DeviceError> {
        let group = |entry: usize| match entries[entry].stage {
            Stage::Prologue(_, group) | Stage::Synapses(_, group) => group,
            _ => 0,
        };
        Ok(match word {
            Word::Sums(entry) => {
                let members = self.members().copies;
                self.sums(&entries[entry], members, entries[entry].sizes(self.plan).lanes)?
            }
            Word::List(entry, list) => self.synapses(group(entry)).lists[list],
            Word::Data(entry, slot) => self.slots(&entries[entry])[slot].data,
            Word::Length(entry, slot) => self.slots(&entries[entry])[slot].length as u64,
            Word::Address(array) => self.memory.address(array),
            Word::Recorded(queue) => self.memory.events[queue.0].unwrap_or(0),
            // Nobody asks for the events then.
            Word::RecordedTimesteps => self.memory.recording_timesteps.max(1) as u64,
            // Allocated with the trial.
            Word::Events(_) | Word::Values(_) => 0,
        })
    }
}
