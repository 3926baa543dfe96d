//! The executor of blocks of lanes.

use mlgenn_ir::Kernel;
use mlgenn_ir::days::Days;
use mlgenn_ir::launch::{AddRows, Executor, Pattern, Program};
use mlgenn_ir::row_update::UpdateRows;
use mlgenn_ir::run_lists::AddRuns;
use mlgenn_ir::spiking_rows::AddSpikingRows;
use mlgenn_ir::target_lists::AddToTargets;
use mlgenn_ir::traces::{CatchUp, Jump, RowSums, Traces, Watched};

use crate::simd::{Level, UnknownLevel};
use crate::tape::{Options, assemble};
use crate::{days, dense_rows, events, row_sums, row_updates, runs, sparse_rows, traces};

/// Runs kernels on the vector unit of this processor, a block of lanes at a time; the results are
/// those of [`mlgenn_ir::Interpreter`] to the bit (the bits of NaNs apart).
#[derive(Clone, Copy, Debug)]
pub struct BlockExecutor {
    level: Level,
    native: bool,
}

impl BlockExecutor {
    /// For the best instruction set that this machine has.
    pub fn new() -> Self {
        Self::of(Level::best())
    }

    /// For the instruction set that the environment asks for, see [`Level::chosen`].
    ///
    /// # Errors
    ///
    /// If the machine does not have it.
    pub fn chosen() -> Result<Self, UnknownLevel> {
        Level::chosen().map(Self::of)
    }

    /// For a certain instruction set; `None` if this machine does not have it.
    pub fn with_level(level: Level) -> Option<Self> {
        Level::available().contains(&level).then(|| Self::of(level))
    }

    fn of(level: Level) -> Self {
        let native = std::env::var_os("MLGENN_NATIVE").is_none_or(|value| value != "0");
        Self { level, native }
    }

    /// Whether straight parts of kernels may become machine code, where the machine and the system
    /// allow it; at first, unless the environment variable `MLGENN_NATIVE` is `0`. Results do not
    /// depend on it.
    #[must_use]
    pub fn with_native(self, native: bool) -> Self {
        Self { native, ..self }
    }

    /// Whether straight parts of kernels may become machine code.
    pub fn is_native(&self) -> bool {
        self.native
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
        let options = Options { shared_memory: false, native: self.native, apart: false };
        Box::new(assemble(kernel, patterns, self.level, options))
    }

    fn compile_apart(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program> {
        let options = Options { shared_memory: false, native: self.native, apart: true };
        Box::new(assemble(kernel, patterns, self.level, options))
    }

    fn has_masks(&self) -> bool {
        self.native && self.level == Level::Avx512
    }

    fn run_days(&self, days: Days<'_>) -> usize {
        days::run_days(self.level, days)
    }

    fn list_due(&self, days: &[u32], end: u32, list: &mut [u32]) -> usize {
        days::list_due(self.level, days, end, list)
    }

    fn name(&self) -> &'static str {
        self.level.name()
    }

    fn add_rows(&self, rows: &AddRows<'_>) {
        dense_rows::add_rows(self.level, rows);
    }

    fn add_spiking_rows(&self, add: &AddSpikingRows<'_>, list: &mut [u32]) {
        dense_rows::add_spiking_rows(self.level, add, list);
    }

    fn list_bits(&self, words: &[u32], list: &mut [u32]) -> usize {
        events::list_bits(self.level, words, list)
    }

    fn update_rows(&self, update: &UpdateRows<'_>) -> bool {
        row_updates::update_rows(self.level, update)
    }

    fn add_runs(&self, runs: &AddRuns<'_>) {
        runs::add_runs(self.level, runs);
    }

    fn add_to_targets(&self, add: &AddToTargets<'_>) {
        sparse_rows::add_to_targets(add);
    }

    fn add_row_sums(&self, sums: &RowSums<'_>) {
        row_sums::add_row_sums(self.level, sums);
    }

    fn traces(&self) -> Option<&dyn Traces> {
        Some(self)
    }
}

impl Traces for BlockExecutor {
    fn find_jumps(&self, watched: &Watched<'_>, jumps: &mut Vec<Jump>) {
        traces::find_jumps(self.level, watched, jumps);
    }

    fn catch_up(&self, work: &CatchUp<'_>) {
        traces::catch_up(self.level, work);
    }
}
