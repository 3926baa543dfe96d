//! Adding runs of weights to a vector: what the spikes of a convolution do, whose output channels
//! lie side by side.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::launch::AddRuns;

use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::add_runs`].
pub(crate) fn add_runs(level: Level, runs: &AddRuns<'_>) {
    // SAFETY: executors are only made for available levels.
    unsafe { level.run(Runs(runs)) }
}

struct Runs<'a>(&'a AddRuns<'a>);

impl Task for Runs<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let weights = self.0.weights.as_ptr().cast::<u32>();
        let out = self.0.out.as_ptr().cast::<u32>();
        for run in self.0.of_rows() {
            // `of_rows` leaves out runs that are not inside both buffers.
            let weights = weights.add(self.0.weights_offset + run.weight as usize);
            let out = out.add(self.0.out_offset + run.target as usize);
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
    }
}
