//! Keeping the calendar of neurons that go ahead of time.
#![expect(unsafe_code, reason = "runs with instructions that the machine was found to have")]

use mlgenn_ir::days::Days;

use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::run_days`].
pub(crate) fn run_days(level: Level, days: Days<'_>) -> usize {
    // SAFETY: executors are only made for available levels.
    unsafe { level.run(RunDays(days)) }
}

struct RunDays<'a>(Days<'a>);

impl Task for RunDays<'_> {
    type Output = usize;

    // Plain loops, which are compiled for the vector unit here.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        self.0.run()
    }
}
