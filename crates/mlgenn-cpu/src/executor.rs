//! The executor of blocks of lanes.

use mlgenn_ir::Kernel;
use mlgenn_ir::launch::{AddRows, AddRuns, Executor, Pattern, Program};

use crate::dense_rows;
use crate::runs;
use crate::simd::Level;
use crate::tape::assemble;

/// Runs kernels on the vector unit of this processor, a block of lanes at a time; the results are
/// those of [`mlgenn_ir::Interpreter`] to the bit (the bits of NaNs apart).
#[derive(Clone, Copy, Debug)]
pub struct BlockExecutor {
    level: Level,
}

impl BlockExecutor {
    /// For the best instruction set that this machine has, see [`Level::best`].
    pub fn new() -> Self {
        Self { level: Level::best() }
    }

    /// For a certain instruction set; `None` if this machine does not have it.
    pub fn with_level(level: Level) -> Option<Self> {
        Level::available().contains(&level).then_some(Self { level })
    }

    /// The instruction set.
    pub fn level(&self) -> Level {
        self.level
    }
}

impl Default for BlockExecutor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for BlockExecutor {
    fn compile(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program> {
        Box::new(assemble(kernel, patterns, self.level, false))
    }

    fn name(&self) -> &'static str {
        self.level.name()
    }

    fn add_rows(&self, rows: &AddRows<'_>) {
        dense_rows::add_rows(self.level, rows);
    }

    fn add_runs(&self, runs: &AddRuns<'_>) {
        runs::add_runs(self.level, runs);
    }
}
