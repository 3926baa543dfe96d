//! The neurons of a population that had an event, or whose rows are to be visited.

use std::ops::Deref;

use mlgenn_ir::launch::{Executor, LIST_MARGIN};

/// A list of neurons, in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Active {
    /// The list, and whatever there is room for behind it.
    memory: Vec<u32>,
    count: usize,
}

impl Active {
    /// List the neurons whose bits are set.
    pub(crate) fn list_bits(&mut self, executor: &dyn Executor, words: &[u32]) {
        let room = self.room(32 * words.len() + LIST_MARGIN);
        self.count = executor.list_bits(words, room);
    }

    /// List the positions of the days before the end of a stretch.
    pub(crate) fn list_due(&mut self, executor: &dyn Executor, days: &[u32], end: u32) {
        let room = self.room(days.len() + LIST_MARGIN);
        self.count = executor.list_due(days, end, room);
    }

    /// Room for a list of so many neurons; whatever was listed is forgotten.
    pub(crate) fn room(&mut self, length: usize) -> &mut [u32] {
        self.count = 0;
        if self.memory.len() < length {
            self.memory.resize(length, 0);
        }
        &mut self.memory
    }

    /// List so many neurons, from the first on.
    pub(crate) fn list_all(&mut self, count: usize) {
        self.memory.clear();
        self.memory.extend(0..count as u32);
        self.count = count;
    }

    /// List nothing.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }
}

impl Deref for Active {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.memory[..self.count]
    }
}
