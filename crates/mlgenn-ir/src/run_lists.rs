//! Stretches of synapses with consecutive targets and consecutive weights, by row: what the rows
//! of a convolution consist of, whose output channels lie side by side.

use crate::buffer::Buffer;
use crate::types::Type;

/// Synapses of a row with consecutive targets and consecutive weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First target.
    pub target: u32,
    /// First weight.
    pub weight: u32,
    /// Number of synapses.
    pub length: u32,
}

/// The runs of each row.
#[derive(Debug)]
pub struct RunLists {
    /// First run of each row, and one past the last of the last.
    starts: Vec<usize>,
    runs: Vec<Run>,
    /// One more than the largest target and weight.
    targets_end: usize,
    weights_end: usize,
    /// The length that all runs have.
    length: Option<u32>,
}

impl RunLists {
    /// No rows yet.
    pub fn new() -> Self {
        Self { starts: vec![0], runs: Vec::new(), targets_end: 0, weights_end: 0, length: None }
    }

    /// Append a row.
    pub fn push(&mut self, row: &[Run]) {
        for run in row {
            let end = |first: u32| first as usize + run.length as usize;
            self.targets_end = self.targets_end.max(end(run.target));
            self.weights_end = self.weights_end.max(end(run.weight));
            self.length = if self.runs.is_empty() {
                Some(run.length)
            } else {
                self.length.filter(|&length| length == run.length)
            };
            self.runs.push(*run);
        }
        self.starts.push(self.runs.len());
    }

    /// The runs of a row; none if there is no such row.
    #[inline]
    pub fn row(&self, row: u32) -> &[Run] {
        let row = row as usize;
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&start), Some(&end)) => &self.runs[start..end],
            _ => &[],
        }
    }

    /// The length that all runs have, if they have one in common.
    pub fn length(&self) -> Option<usize> {
        self.length.map(|length| length as usize)
    }
}

impl Default for RunLists {
    fn default() -> Self {
        Self::new()
    }
}

/// Arguments of [`crate::launch::Executor::add_runs`].
#[derive(Debug)]
pub struct AddRuns<'a> {
    /// The runs of all rows.
    pub lists: &'a RunLists,
    /// `f32` weights.
    pub weights: &'a Buffer,
    /// First weight.
    pub weights_offset: usize,
    /// Rows to add.
    pub rows: &'a [u32],
    /// `f32` vector.
    pub out: &'a Buffer,
    /// First element of the vector.
    pub out_offset: usize,
}

impl AddRuns<'_> {
    /// Whether all runs are inside of both buffers.
    pub fn fits(&self) -> bool {
        let inside = |buffer: &Buffer, offset: usize, count: usize| {
            let end = offset.checked_add(count);
            buffer.ty() == Type::F32 && end.is_some_and(|end| end <= buffer.len())
        };
        inside(self.weights, self.weights_offset, self.lists.weights_end)
            && inside(self.out, self.out_offset, self.lists.targets_end)
    }

    /// Do it one synapse after the other.
    pub(crate) fn run(&self) {
        if !self.fits() {
            return;
        }
        let load = |buffer: &Buffer, at| f32::from_bits(buffer.load(at).unwrap_or(0) as u32);
        for run in self.rows.iter().flat_map(|&row| self.lists.row(row)) {
            for i in 0..run.length as usize {
                let weight = self.weights_offset + run.weight as usize + i;
                let target = self.out_offset + run.target as usize + i;
                let sum = load(self.out, target) + load(self.weights, weight);
                self.out.store(target, u64::from(sum.to_bits()));
            }
        }
    }
}
