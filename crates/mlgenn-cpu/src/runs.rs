//! Adding runs of weights to a vector: what the spikes of a convolution do.
//!
//! Runs are short, so what counts is how little is done around each: it was checked before that
//! all of them are inside of both arrays, and where all have the same length of a few vectors, as
//! they have if its number of channels is a power of two, there is no loop left.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::run_lists::{AddRuns, Run};

use crate::prefetch::prefetch;
use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::add_runs`].
pub(crate) fn add_runs(level: Level, add: &AddRuns<'_>) {
    if add.fits() {
        // SAFETY: executors are only made for available levels; all runs are inside.
        unsafe { level.run(Runs(add)) }
    }
}

struct Runs<'a>(&'a AddRuns<'a>);

impl Task for Runs<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let vectors = match self.0.lists.length() {
            Some(length) if length.is_multiple_of(S::LANES) => length / S::LANES,
            _ => 0,
        };
        match vectors {
            1 => self.each::<S, 1>(),
            2 => self.each::<S, 2>(),
            3 => self.each::<S, 3>(),
            4 => self.each::<S, 4>(),
            8 => self.each::<S, 8>(),
            _ => self.each::<S, 0>(),
        }
    }
}

impl Runs<'_> {
    /// Add all runs, of `VECTORS` vectors each; of any length if 0.
    #[inline(always)]
    unsafe fn each<S: Simd, const VECTORS: usize>(&self) {
        let add = self.0;
        let weights = add.weights.as_ptr().cast::<u32>().add(add.weights_offset);
        let out = add.out.as_ptr().cast::<u32>().add(add.out_offset);
        for (position, &row) in add.rows.iter().enumerate() {
            if let Some(&next) = add.rows.get(position + 1) {
                let runs = add.lists.row(next).as_ptr_range();
                prefetch(runs.start.cast());
                prefetch(runs.end.wrapping_sub(1).cast());
            }
            for run in add.lists.row(row) {
                let (weights, out) =
                    (weights.add(run.weight as usize), out.add(run.target as usize));
                if VECTORS == 0 {
                    add_run::<S>(run, weights, out);
                }
                for i in 0..VECTORS {
                    let at = i * S::LANES;
                    let sum = S::add_f32(S::load(out.add(at)), S::load(weights.add(at)));
                    S::store(out.add(at), sum);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn add_run<S: Simd>(run: &Run, weights: *const u32, out: *mut u32) {
    let length = run.length as usize;
    let mut at = 0;
    while at + S::LANES <= length {
        let sum = S::add_f32(S::load(out.add(at)), S::load(weights.add(at)));
        S::store(out.add(at), sum);
        at += S::LANES;
    }
    if at < length {
        let count = length - at;
        let old = S::load_partial(out.add(at), count);
        let sum = S::add_f32(old, S::load_partial(weights.add(at), count));
        S::store_partial(out.add(at), sum, count);
    }
}
