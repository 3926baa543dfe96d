//! The launches that take batch members through many timesteps.

use std::cell::RefCell;

use super::tables::Tables;
use crate::driver::{Arena, DeviceError, Part, Step};
use crate::emit::{NetworkEntry, Trial, Word};

/// Most timesteps of a launch.
const MOST_TIMESTEPS: usize = 256;

/// Lanes and synapses of a launch, of one batch member: an interrupt is answered between launches.
const MOST_WORK: usize = 1 << 20;

/// What the launches of trials have in common.
pub(super) struct TrialLaunch {
    /// Blocks of threads, and threads of each.
    blocks: usize,
    threads: usize,
    /// Most timesteps of a launch.
    pub(super) longest: usize,
    /// The words of a table before the number of timesteps.
    table: Vec<u64>,
}

impl TrialLaunch {
    /// The launches of so many timesteps.
    pub(super) fn steps(
        &self,
        arena: &RefCell<Arena>,
        timesteps: usize,
    ) -> Result<Vec<Step>, DeviceError> {
        let mut words = self.table.clone();
        words.push(timesteps as u64);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let table = arena.borrow_mut().upload(&bytes)?;
        let step = |function: &str, grid| Step {
            function: function.to_owned(),
            grid,
            table,
            part: Part::default(),
        };
        let all = step("run_trial", [self.blocks, 1, self.threads]);
        Ok(vec![all, step("finish_trial", [1, 1, 32])])
    }
}

impl Tables<'_> {
    /// Prepare trials.
    pub(super) fn trial(
        &self,
        trial: &Trial,
        entries: &[NetworkEntry],
    ) -> Result<TrialLaunch, DeviceError> {
        let words = trial.words.iter().map(|word| self.word(*word, entries));
        let words = self.upload_u64(&words.collect::<Result<Vec<_>, _>>()?)?;
        let state = &self.state;
        Ok(TrialLaunch {
            blocks: self.plan.blocks.count(),
            threads: trial.threads,
            longest: (MOST_WORK / trial.work.max(1)).clamp(1, MOST_TIMESTEPS),
            table: vec![
                state.watch,
                state.rings,
                state.timestep,
                state.time,
                state.steps_made,
                words,
            ],
        })
    }

    fn word(&self, word: Word, entries: &[NetworkEntry]) -> Result<u64, DeviceError> {
        let group = |entry: usize| match entries[entry].stage {
            crate::emit::Stage::Prologue(_, group) | crate::emit::Stage::Synapses(_, group) => {
                group
            }
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
            Word::Bits(queue) => self.memory.address(self.plan.event_queues[queue.0].array),
            Word::Recorded(queue) => self.memory.events[queue.0].unwrap_or(0),
            // Nobody asks for the events then.
            Word::RecordedTimesteps => self.memory.recording_timesteps.max(1) as u64,
        })
    }
}
