//! Lists of the targets of sparse rows, in the form in which weights are added to them fastest.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::types::Type;

/// The targets of each row: ascending, each of them once, all below a number of targets.
#[derive(Debug)]
pub struct TargetLists {
    num_targets: usize,
    /// First entry of each row, and one past the last of the last.
    starts: Vec<usize>,
    targets: Targets,
    /// Where rows are cut, see [`TargetLists::cut_at`].
    cuts: Vec<Cut>,
}

/// A bound that targets are on either side of.
#[derive(Debug)]
struct Cut {
    bound: usize,
    /// Number of targets below it, of each row.
    below: Vec<u32>,
}

/// Half as many bytes where that is enough.
#[derive(Debug)]
enum Targets {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// The targets of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// Of at most 65,536 targets.
    Narrow(&'a [u16]),
    /// Of more.
    Wide(&'a [u32]),
}

impl TargetLists {
    /// No rows yet, for up to `synapses` entries below `num_targets`.
    pub fn new(num_targets: usize, synapses: usize) -> Self {
        let targets = if num_targets <= 1 << 16 {
            Targets::Narrow(Vec::with_capacity(synapses))
        } else {
            Targets::Wide(Vec::with_capacity(synapses))
        };
        Self { num_targets, starts: vec![0], targets, cuts: Vec::new() }
    }

    /// Append a row; false, and nothing is appended, if its targets are not as the type says.
    pub fn push(&mut self, row: &[u32]) -> bool {
        let ascending = row.windows(2).fold(true, |good, pair| good & (pair[0] < pair[1]));
        let inside = row.last().is_none_or(|&last| (last as usize) < self.num_targets);
        if !(ascending && inside) {
            return false;
        }
        let end = match &mut self.targets {
            Targets::Narrow(targets) => {
                targets.extend(row.iter().map(|&target| target as u16));
                targets.len()
            }
            Targets::Wide(targets) => {
                targets.extend_from_slice(row);
                targets.len()
            }
        };
        self.starts.push(end);
        self.cuts.clear();
        true
    }

    /// Look up where rows are cut by bounds of ranges of targets: to find that when a row is added
    /// means to wait for memory several times.
    pub fn cut_at(&mut self, bounds: impl Iterator<Item = usize> + Clone) {
        if self.cuts.iter().map(|cut| cut.bound).eq(bounds.clone()) {
            return;
        }
        let rows = 0..self.starts.len() as u32 - 1;
        let below = |bound| rows.clone().map(|row| self.row(row).below(bound) as u32).collect();
        self.cuts = bounds.map(|bound| Cut { bound, below: below(bound) }).collect();
    }

    /// The entries of a row whose targets are in a range.
    #[inline]
    pub fn entries(&self, row: u32, targets: &Range<usize>) -> Range<usize> {
        let below = |bound: usize| {
            if bound == 0 {
                return 0;
            }
            if bound >= self.num_targets {
                return self.row(row).len();
            }
            let cut = self.cuts.iter().find(|cut| cut.bound == bound);
            let known = cut.and_then(|cut| cut.below.get(row as usize));
            known.map_or_else(|| self.row(row).below(bound), |&below| below as usize)
        };
        let end = below(targets.end);
        below(targets.start).min(end)..end
    }

    /// How many targets there may be.
    pub fn num_targets(&self) -> usize {
        self.num_targets
    }

    /// The targets of a row; none if there is no such row.
    #[inline]
    pub fn row(&self, row: u32) -> Row<'_> {
        let row = row as usize;
        let range = match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&start), Some(&end)) => start..end,
            _ => 0..0,
        };
        match &self.targets {
            Targets::Narrow(targets) => Row::Narrow(&targets[range]),
            Targets::Wide(targets) => Row::Wide(&targets[range]),
        }
    }
}

impl Row<'_> {
    /// Number of targets.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(targets) => targets.len(),
            Self::Wide(targets) => targets.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many targets are below a bound.
    fn below(&self, bound: usize) -> usize {
        match self {
            Self::Narrow(all) => all.partition_point(|&target| (target as usize) < bound),
            Self::Wide(all) => all.partition_point(|&target| (target as usize) < bound),
        }
    }

    fn target(&self, entry: usize) -> usize {
        match self {
            Self::Narrow(targets) => targets[entry] as usize,
            Self::Wide(targets) => targets[entry] as usize,
        }
    }
}

/// Arguments of [`crate::launch::Executor::add_to_targets`].
#[derive(Debug)]
pub struct AddToTargets<'a> {
    /// Targets of the rows.
    pub lists: &'a TargetLists,
    /// What is added.
    pub weights: Weights<'a>,
    /// Rows to add.
    pub rows: &'a [u32],
    /// Targets that are added to; the others are left alone.
    pub targets: Range<usize>,
    /// `f32` vector.
    pub out: &'a Buffer,
    /// First element of the vector.
    pub out_offset: usize,
}

/// What is added to the targets of rows.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// The same number to all.
    Same(f32),
    /// A number for each entry: that of entry `i` of row `r` is element `offset + r * stride + i`
    /// of the `f32` buffer.
    Each {
        /// The weights.
        buffer: &'a Buffer,
        /// First weight of row 0.
        offset: usize,
        /// Elements from one row to the next.
        stride: usize,
    },
}

impl Weights<'_> {
    /// The element with the first weight of a row, if the buffer has all of its `count` weights.
    #[inline]
    pub fn start(&self, row: u32, count: usize) -> Option<usize> {
        let Weights::Each { buffer, offset, stride } = *self else { return None };
        let start = (row as usize).checked_mul(stride)?.checked_add(offset)?;
        let end = start.checked_add(count)?;
        (buffer.ty() == Type::F32 && end <= buffer.len()).then_some(start)
    }
}

impl AddToTargets<'_> {
    /// Whether the vector has all elements that may be added to.
    pub fn fits(&self) -> bool {
        let end = self.out_offset.checked_add(self.lists.num_targets());
        self.out.ty() == Type::F32 && end.is_some_and(|end| end <= self.out.len())
    }

    /// Do it one synapse after the other.
    pub(crate) fn run(&self) {
        if !self.fits() {
            return;
        }
        for &row in self.rows {
            let targets = self.lists.row(row);
            let start = self.weights.start(row, targets.len());
            for entry in self.lists.entries(row, &self.targets) {
                let weight = match (self.weights, start) {
                    (Weights::Same(weight), _) => weight,
                    (Weights::Each { buffer, .. }, Some(start)) => {
                        f32::from_bits(buffer.load(start + entry).unwrap_or(0) as u32)
                    }
                    (Weights::Each { .. }, None) => break,
                };
                let target = self.out_offset + targets.target(entry);
                let sum = f32::from_bits(self.out.load(target).unwrap_or(0) as u32) + weight;
                self.out.store(target, u64::from(sum.to_bits()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_checked() {
        for num_targets in [5, 1 << 16, 1 << 17] {
            let mut lists = TargetLists::new(num_targets, 4);
            let last = num_targets as u32 - 1;
            assert!(lists.push(&[0, 2, last]) && lists.push(&[]) && lists.push(&[last]));
            for bad in [&[1, 1][..], &[2, 1], &[num_targets as u32], &[0, u32::MAX]] {
                assert!(!lists.push(bad), "{bad:?}");
            }
            let lengths = [0, 1, 2, 3, u32::MAX].map(|row| lists.row(row).len());
            assert_eq!(lengths, [3, 0, 1, 0, 0]);
            assert_eq!(lists.row(0).target(2), last as usize);
        }
    }

    #[test]
    fn cuts_change_nothing() {
        let mut lists = TargetLists::new(100, 12);
        for row in [&[0, 2, 30, 31, 99][..], &[], &[50], &[31, 32, 33, 60, 98, 99]] {
            assert!(lists.push(row));
        }
        let ranges = [0..100, 0..31, 31..60, 60..100, 60..200, 40..40];
        let entries = |lists: &TargetLists| {
            let of = |row| ranges.clone().map(|range| lists.entries(row, &range));
            [0, 1, 2, 3, 7].map(of)
        };
        let expected = entries(&lists);
        assert_eq!(expected[0][..4], [0..5, 0..3, 3..4, 4..5]);
        lists.cut_at([31, 60].into_iter());
        assert_eq!(entries(&lists), expected);
        assert!(lists.push(&[70]));
        assert_eq!(lists.entries(4, &(60..100)), 0..1);
    }
}
