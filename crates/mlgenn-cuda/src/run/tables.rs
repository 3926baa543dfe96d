//! From planned launches to steps: tables in the memory of the GPU.

use std::cell::RefCell;

use mlgenn_model::Plan;

use super::memory::{Memory, State};
use crate::abi::{LaunchHead, Slot, launch_words};
use crate::driver::{Arena, DeviceError, Part, Step};
use crate::emit::{Members, NetworkEntry, PARTIAL_SUMS};

/// Threads of a block.
const THREADS: usize = 128;

/// What the steps of a network have in common.
pub(super) struct Tables<'a> {
    pub(super) plan: &'a Plan,
    pub(super) arena: &'a RefCell<Arena>,
    pub(super) memory: &'a Memory,
    pub(super) state: State,
}

/// Which copies a launch is for.
pub(super) struct Copied {
    /// How many there are.
    pub(super) copies: usize,
    /// Copies that a thread goes through as a block.
    pub(super) per_block: usize,
}

impl Tables<'_> {
    /// Put bytes into the memory of the GPU; gives their address.
    pub(super) fn upload(&self, bytes: &[u8]) -> Result<u64, DeviceError> {
        self.arena.borrow_mut().upload(bytes)
    }

    pub(super) fn upload_u32(&self, words: &[u32]) -> Result<u64, DeviceError> {
        self.upload(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>())
    }

    pub(super) fn upload_u64(&self, words: &[u64]) -> Result<u64, DeviceError> {
        self.upload(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>())
    }

    /// A launch with `threads` by `beside` threads.
    pub(super) fn step(
        &self,
        function: String,
        [threads, beside]: [usize; 2],
        head: LaunchHead,
        slots: &[Slot],
    ) -> Result<Step, DeviceError> {
        let table = self.upload_u64(&launch_words(&head, slots))?;
        let grid = [threads.div_ceil(THREADS), beside, THREADS];
        Ok(Step { function, grid, table, part: Part::Schedule })
    }

    /// The launches of an entry: itself, and what adds up its sums. `head` says what it runs over,
    /// `events` which events it reads.
    pub(super) fn entry(
        &self,
        number: usize,
        entry: &NetworkEntry,
        head: LaunchHead,
        events: Option<Slot>,
        copied: &Copied,
    ) -> Result<Vec<Step>, DeviceError> {
        let mut slots = self.slots(entry);
        slots.extend(events);
        let (copies, lanes) = (copied.copies, head.lanes as usize);
        let head = LaunchHead {
            watch: self.state.watch,
            sums: self.sums(entry, copies, lanes)?,
            members: copies as u32,
            kernel: number as u32,
            members_per_block: copied.per_block as u32,
            ..head
        };
        let beside = match entry.members {
            Members::Each => copies,
            Members::Block => copies.div_ceil(copied.per_block),
            Members::All => 1,
        };
        let name = &entry.entry.name;
        let mut steps = vec![self.step(name.clone(), [lanes, beside], head, &slots)?];
        if entry.entry.sums.is_empty() || entry.shape.sums_of_rows() {
            return Ok(steps);
        }
        let first = steps[0].clone();
        let mut add = |suffix: &str, grid| {
            steps.push(Step { function: format!("{name}_{suffix}"), grid, ..first.clone() });
        };
        add("partials", [1, copies, PARTIAL_SUMS]);
        add("totals", [copies.div_ceil(THREADS), 1, THREADS]);
        Ok(steps)
    }

    /// The slots of an entry.
    pub(super) fn slots(&self, entry: &NetworkEntry) -> Vec<Slot> {
        let bound = entry.planned.kernel.slots.iter().zip(&entry.planned.bindings);
        bound
            .map(|(slot, binding)| self.memory.slot(self.plan, &self.state, slot.kind, *binding))
            .collect()
    }

    /// Memory for the sums of an entry: values of lanes, then partial sums of copies.
    pub(super) fn sums(
        &self,
        entry: &NetworkEntry,
        copies: usize,
        lanes: usize,
    ) -> Result<u64, DeviceError> {
        let types = &entry.entry.sums;
        if types.is_empty() {
            return Ok(0);
        }
        let allocate = |count: usize| {
            let each = types.iter().map(move |ty| count * ty.bytes());
            let allocate = |bytes: usize| self.arena.borrow_mut().allocate(bytes.max(8));
            each.map(allocate).collect::<Result<Vec<_>, _>>()
        };
        let mut addresses = allocate(copies * lanes)?;
        if !entry.shape.sums_of_rows() {
            addresses.extend(allocate(copies * PARTIAL_SUMS)?);
        }
        self.upload_u64(&addresses)
    }
}
