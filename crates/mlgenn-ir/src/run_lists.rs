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

/// Targets of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    /// First target.
    pub first: u32,
    /// How many there are.
    pub length: u32,
}

/// The runs of each row.
///
/// Rows that follow each other and have the same targets, as all channels of a pixel have, are
/// *alike*: they share the list of them.
#[derive(Debug, Default)]
pub struct RunLists {
    rows: Vec<Row>,
    /// Runs of rows that are alike, all of them one after the other.
    targets: Vec<Targets>,
    /// First weight of each run, by row.
    weights: Vec<u32>,
    /// One more than the largest target and weight.
    targets_end: usize,
    weights_end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// First of its targets; which rows are alike is told by this.
    targets: usize,
    /// First of its weights.
    weights: usize,
    runs: usize,
}

impl RunLists {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of rows.
    pub fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Append a row.
    pub fn push(&mut self, row: &[Run]) {
        let own = || row.iter().map(|run| Targets { first: run.target, length: run.length });
        let before = self.rows.last().filter(|before| {
            let targets = &self.targets[before.targets..][..before.runs];
            targets.iter().copied().eq(own())
        });
        let targets = before.map_or(self.targets.len(), |before| before.targets);
        if before.is_none() {
            self.targets.extend(own());
        }
        self.rows.push(Row { targets, weights: self.weights.len(), runs: row.len() });
        for run in row {
            let end = |first: u32| first as usize + run.length as usize;
            self.targets_end = self.targets_end.max(end(run.target));
            self.weights_end = self.weights_end.max(end(run.weight));
            self.weights.push(run.weight);
        }
    }

    /// Rows in order, in groups of those that follow each other and are alike. Rows that there are
    /// not are alike, too.
    pub fn alike<'a>(&self, rows: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
        let shape = |&row: &u32| self.rows.get(row as usize).map(|row| (row.targets, row.runs));
        rows.chunk_by(move |a, b| shape(a) == shape(b))
    }

    /// Targets of the runs of a row; none if there is no such row.
    #[inline]
    pub fn targets(&self, row: u32) -> &[Targets] {
        match self.rows.get(row as usize) {
            Some(row) => &self.targets[row.targets..][..row.runs],
            None => &[],
        }
    }

    /// First weights of the runs of a row; none if there is no such row.
    #[inline]
    pub fn weights(&self, row: u32) -> &[u32] {
        match self.rows.get(row as usize) {
            Some(row) => &self.weights[row.weights..][..row.runs],
            None => &[],
        }
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
        for rows in self.lists.alike(self.rows) {
            for (run, targets) in self.lists.targets(rows[0]).iter().enumerate() {
                for &row in rows {
                    for i in 0..targets.length as usize {
                        let weight = self.weights_offset + self.lists.weights(row)[run] as usize;
                        let target = self.out_offset + targets.first as usize + i;
                        let sum = load(self.out, target) + load(self.weights, weight + i);
                        self.out.store(target, u64::from(sum.to_bits()));
                    }
                }
            }
        }
    }
}
