//! Adding runs of weights to a vector: what the spikes of a convolution do.
//!
//! Runs are short, and many of them have the same targets one after the other: those of all
//! channels of a pixel that spiked. So targets are read into registers once for all of them.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::run_lists::{AddRuns, Targets};

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
        let add = self.0;
        let out = add.out.as_ptr().cast::<u32>().add(add.out_offset);
        for rows in add.lists.alike(add.rows) {
            for (run, targets) in add.lists.targets(rows[0]).iter().enumerate() {
                self.add_run::<S>(rows, run, targets, out);
            }
        }
    }
}

impl Runs<'_> {
    /// Add a run of each of the rows, which are alike.
    #[inline(always)]
    unsafe fn add_run<S: Simd>(&self, rows: &[u32], run: usize, targets: &Targets, out: *mut u32) {
        let length = targets.length as usize;
        let out = out.add(targets.first as usize);
        let mut at = 0;
        while at + 8 * S::LANES <= length {
            self.add_vectors::<S, 8>(rows, run, at, out);
            at += 8 * S::LANES;
        }
        match (length - at) / S::LANES {
            1 => self.add_vectors::<S, 1>(rows, run, at, out),
            2 => self.add_vectors::<S, 2>(rows, run, at, out),
            3 => self.add_vectors::<S, 3>(rows, run, at, out),
            4 => self.add_vectors::<S, 4>(rows, run, at, out),
            5 => self.add_vectors::<S, 5>(rows, run, at, out),
            6 => self.add_vectors::<S, 6>(rows, run, at, out),
            7 => self.add_vectors::<S, 7>(rows, run, at, out),
            _ => (),
        }
        let rest = length % S::LANES;
        if rest > 0 {
            let at = length - rest;
            let mut sum = S::load_partial(out.add(at), rest);
            for &row in rows {
                sum = S::add_f32(sum, S::load_partial(self.weights(row, run).add(at), rest));
            }
            S::store_partial(out.add(at), sum, rest);
        }
    }

    /// The part of it that is so many vectors from `at` on.
    #[inline(always)]
    unsafe fn add_vectors<S: Simd, const VECTORS: usize>(
        &self,
        rows: &[u32],
        run: usize,
        at: usize,
        out: *mut u32,
    ) {
        let out = out.add(at);
        let mut sums: [S::V; VECTORS] = std::array::from_fn(|i| S::load(out.add(i * S::LANES)));
        for &row in rows {
            let weights = self.weights(row, run).add(at);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = S::add_f32(*sum, S::load(weights.add(i * S::LANES)));
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            S::store(out.add(i * S::LANES), sum);
        }
    }

    /// Where the weights of a run are.
    #[inline(always)]
    unsafe fn weights(&self, row: u32, run: usize) -> *const u32 {
        let first = self.0.lists.weights(row)[run] as usize;
        self.0.weights.as_ptr().cast::<u32>().add(self.0.weights_offset + first)
    }
}
