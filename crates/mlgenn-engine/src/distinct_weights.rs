//! The weights of a convolution, each kernel once.
//!
//! Synapses of a sparse group have weights of their own, so that a convolution has its kernel for
//! every pixel again: more than a cache holds. Where a network does not write weights, equal runs
//! of them are read from one copy. Whoever gets hold of the array outside may write it, so that the
//! copy is made anew afterwards, and does not count as long as the array is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlgenn_ir::run_lists::{Run, RunLists};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::layout::ArrayId;
use rustc_hash::FxHashMap;

/// The copy has to be so many times smaller than the weights of all runs.
const WORTH_COPYING: usize = 3;

/// After a part of all weights, and so many bytes, it has to be half as large as the weights so far,
/// or there is no point in going on.
const LOOK_AT_PART: usize = 16;
const LOOK_AT_LEAST: usize = 1 << 16;

/// Bytes that a vector is aligned to at most.
const ALIGNMENT: usize = 64;

/// Weights of a synapse group that only the host writes, equal runs once.
#[derive(Debug)]
pub(crate) struct DistinctWeights {
    /// The weights of all synapses.
    array: ArrayId,
    /// Whether they may have been written since.
    is_behind: AtomicBool,
    /// The runs, and the weights that they refer to; nothing if there are few equal ones.
    runs: Option<(RunLists, Buffer)>,
}

impl DistinctWeights {
    /// Those of an array; see [`Self::refresh`].
    pub(crate) fn new(array: ArrayId) -> Self {
        Self { array, is_behind: AtomicBool::new(true), runs: None }
    }

    /// Somebody gets an array that may be written.
    pub(crate) fn hand_out(&self, array: ArrayId) {
        self.is_behind.fetch_or(array == self.array, Ordering::Relaxed);
    }

    /// Timesteps begin: look at the weights as they are now.
    pub(crate) fn refresh(&mut self, lists: &RunLists, buffers: &[Arc<Buffer>]) {
        let weights = &buffers[self.array.0];
        if Arc::strong_count(weights) > 1 {
            *self.is_behind.get_mut() = true;
            self.runs = None;
        } else if std::mem::take(self.is_behind.get_mut()) {
            self.runs = without_repeats(lists, weights);
        }
    }

    /// The runs with their weights.
    pub(crate) fn runs(&self) -> Option<(&RunLists, &Buffer)> {
        self.runs.as_ref().map(|(lists, weights)| (lists, weights))
    }
}

/// The same runs, with equal weights in the same place; nothing if that saves little.
fn without_repeats(lists: &RunLists, weights: &Buffer) -> Option<(RunLists, Buffer)> {
    if weights.ty() != Type::F32 {
        return None;
    }
    let width = Type::F32.bytes();
    weights.with_bytes(|bytes| {
        let mut copies = FxHashMap::default();
        let mut kept: Vec<u8> = Vec::new();
        let (mut distinct, mut runs) = (RunLists::new(), Vec::new());
        let look_at = LOOK_AT_LEAST.max(bytes.len() / LOOK_AT_PART);
        let mut seen = 0;
        for row in 0..lists.len() {
            runs.clear();
            for (targets, &weight) in lists.targets(row).iter().zip(lists.weights(row)) {
                let start = weight as usize * width;
                let own = bytes.get(start..start + targets.length as usize * width)?;
                seen += own.len();
                let copy = *copies.entry(own).or_insert_with(|| {
                    let alignment = own.len().next_power_of_two().min(ALIGNMENT);
                    kept.resize(kept.len().next_multiple_of(alignment), 0);
                    let start = kept.len();
                    kept.extend_from_slice(own);
                    (start / width) as u32
                });
                runs.push(Run { target: targets.first, weight: copy, length: targets.length });
            }
            distinct.push(&runs);
            if seen > look_at && 2 * kept.len() > seen {
                return None;
            }
        }
        if seen == 0 || WORTH_COPYING * kept.len() > seen {
            return None;
        }
        let weights = Buffer::new(Type::F32, kept.len() / width).ok()?;
        weights.copy_from_bytes(0, &kept);
        Some((distinct, weights))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` rows of a run of 8 weights; `kernels` of them differ.
    fn weights(rows: u32, kernels: u32) -> (RunLists, Buffer) {
        let mut lists = RunLists::new();
        let buffer = Buffer::new(Type::F32, 8 * rows as usize).unwrap();
        let weights = buffer.floats(0, 8 * rows as usize).unwrap();
        for row in 0..rows {
            lists.push(&[Run { target: row, weight: 8 * row, length: 8 }]);
            for i in 0..8 {
                weights[(8 * row + i) as usize] = (8 * (row % kernels) + i) as f32;
            }
        }
        (lists, buffer)
    }

    #[test]
    fn equal_runs_have_one_copy() {
        let (lists, buffer) = weights(60, 5);
        let (distinct, copies) = without_repeats(&lists, &buffer).unwrap();
        assert!(copies.len() == 5 * 8);
        for row in 0..60 {
            assert_eq!(distinct.targets(row), lists.targets(row));
            let of = |lists: &RunLists, buffer: &Buffer| {
                let first = lists.weights(row)[0] as usize;
                buffer.floats(first, 8).unwrap().to_vec()
            };
            assert_eq!(of(&distinct, &copies), of(&lists, &buffer));
        }
    }

    #[test]
    fn weights_that_differ_have_none() {
        for (rows, kernels) in [(60, 60), (4000, 4000), (60, 40), (0, 1)] {
            let (lists, buffer) = weights(rows, kernels);
            assert!(without_repeats(&lists, &buffer).is_none(), "{kernels} of {rows} differ");
        }
    }

    #[test]
    fn copies_do_not_count_while_the_weights_can_be_written() {
        let (lists, buffer) = weights(60, 5);
        let buffers = [Arc::new(buffer)];
        let mut distinct = DistinctWeights::new(ArrayId(0));
        distinct.refresh(&lists, &buffers);
        assert!(distinct.runs().is_some());
        let held = buffers[0].clone();
        distinct.refresh(&lists, &buffers);
        assert!(distinct.runs().is_none());
        held.floats(0, 8).unwrap().fill(-1.0);
        drop(held);
        distinct.refresh(&lists, &buffers);
        let first = |distinct: &DistinctWeights| {
            let (_, copies) = distinct.runs().unwrap();
            copies.floats(0, 1).unwrap()[0]
        };
        assert_eq!(first(&distinct), -1.0);
        buffers[0].floats(0, 8).unwrap().fill(-2.0);
        distinct.refresh(&lists, &buffers);
        assert_eq!(first(&distinct), -1.0, "nobody said that it was written");
        distinct.hand_out(ArrayId(0));
        distinct.refresh(&lists, &buffers);
        assert_eq!(first(&distinct), -2.0);
    }
}
