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

/// After this part of all weights it has to be half as large as the weights so far, or there is no
/// point in going on.
const LOOK_AT_LEAST: usize = 16;

/// Copies start at multiples of this, as vectors of them do then.
const ALIGNMENT: usize = 16;

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
        let mut seen = 0;
        for row in 0..lists.len() {
            runs.clear();
            for (targets, &weight) in lists.targets(row).iter().zip(lists.weights(row)) {
                let own = bytes[weight as usize * width..].get(..targets.length as usize * width)?;
                seen += own.len();
                let copy = *copies.entry(own).or_insert_with(|| {
                    kept.resize(kept.len().next_multiple_of(ALIGNMENT * width), 0);
                    let start = kept.len();
                    kept.extend_from_slice(own);
                    (start / width) as u32
                });
                runs.push(Run { target: targets.first, weight: copy, length: targets.length });
            }
            distinct.push(&runs);
            if seen > bytes.len() / LOOK_AT_LEAST && 2 * kept.len() > seen {
                return None;
            }
        }
        if WORTH_COPYING * kept.len() > seen {
            return None;
        }
        let weights = Buffer::new(Type::F32, kept.len() / width).ok()?;
        weights.copy_from_bytes(0, &kept);
        Some((distinct, weights))
    })
}
