//! How a kernel is run: binding its slots to memory, and the traits of what runs it.
//!
//! # Order of effects
//!
//! The lanes of a launch are cut into blocks of [`BLOCK_LANES`], run one after another. In a block
//! operations run one after another, each for all lanes of the block that control flow has led to
//! it, in ascending order. An `If` runs its first region for the lanes whose condition holds, then
//! the second for the others; a `Loop` goes on with the lanes whose condition still holds. This
//! makes every result exact to the bit. Kernels should nevertheless not rely on which of two
//! operations comes first when different lanes touch the same element: that depends on the size of
//! a block.
//!
//! `Accumulate` on an operand with the pattern [`Pattern::Uniform`] keeps a [`LaneSum`] for that
//! instruction; they are added to the elements at the end of the launch, in the order of the
//! instructions in the text form. A sum of zero is not added, so that an instruction that no lane
//! got to leaves a negative zero alone.
//!
//! `Emit` sets the bits of all lanes of the launch; other bits of the last word are cleared.
//!
//! When [`Watch::should_stop`], which includes faults, loops end at their next test of the
//! condition.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::buffer::Buffer;
use crate::days::Days;
use crate::kernel::{Kernel, SlotKind};
use crate::poll;
use crate::row_update::UpdateRows;
use crate::run_lists::AddRuns;
use crate::spiking_rows::AddSpikingRows;
use crate::target_lists::AddToTargets;
use crate::traces::{RowSums, Traces};
use crate::types::Type;

/// Number of lanes that run in step: see the module on the order of effects.
pub const BLOCK_LANES: usize = 256;

/// Elements that [`Executor::list_bits`] and [`Executor::list_due`] may write behind those that they
/// list: a vector.
pub const LIST_MARGIN: usize = 16;

/// How the lanes of a launch map to the elements of a slot; fixed when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// All lanes share element `offset`.
    Uniform,
    /// Lane `i` has element `offset + i`.
    Contiguous,
    /// Lane `i` has element `offset + indices[i]`.
    Gather,
    /// Lanes address any of `length` elements from `offset` on (array slots), or a bit each
    /// (event slots: lane `i` has bit `i % 32` of the `u32` word `offset + i / 32`).
    Whole,
}

/// What a slot is bound to in one launch.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The memory; elements of the type of the slot (of `u32` for events).
    pub buffer: &'a Buffer,
    /// First element, as the pattern says.
    pub offset: usize,
    /// Element of each lane, for the pattern `Gather`.
    pub indices: &'a [u32],
    /// Number of elements that the launch may touch, for the pattern `Whole` of array slots.
    pub length: usize,
    /// The ring, for delayed accumulators and histories.
    pub ring: Ring,
}

/// Slots of a ring buffer: slot `s` lies `s * stride` elements after `offset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// Number of slots; at least 1.
    pub slots: u32,
    /// Slot from which delays count: histories read `(current + slots - delay) % slots`, delayed
    /// accumulators add to `(current + delay) % slots`.
    pub current: u32,
    /// Elements from one slot to the next.
    pub stride: usize,
}

/// One run of a compiled kernel.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Number of lanes.
    pub lanes: usize,
    /// What each slot is bound to.
    pub operands: &'a [Operand<'a>],
    /// Where faults are reported, and whether to stop.
    pub watch: &'a Watch,
}

/// Check that the operands of a launch fit the kernel and have the elements that its lanes need.
///
/// What is checked: one operand per slot, buffers of the type of the slot (`u32` for events),
/// patterns that go with the kinds of slots ([`Pattern::Whole`] for arrays and events, the others
/// for the rest), and every element of every lane (and ring slot) within its buffer. Programs call
/// this first, raise the fault, and run nothing.
pub fn check_operands(
    kernel: &Kernel,
    patterns: &[Pattern],
    launch: &Launch<'_>,
) -> Result<(), Fault> {
    for (i, slot) in kernel.slots.iter().enumerate() {
        let fits = match (patterns.get(i), launch.operands.get(i)) {
            (Some(&pattern), Some(operand)) => {
                let ty = if slot.kind == SlotKind::Events { Type::U32 } else { slot.ty };
                operand.buffer.ty() == ty && operand.covers(slot.kind, pattern, launch.lanes)
            }
            _ => false,
        };
        if !fits {
            return Err(Fault::OperandOutOfRange {
                kernel: kernel.name.clone(),
                slot: slot.name.clone(),
                lanes: launch.lanes,
            });
        }
    }
    Ok(())
}

impl Operand<'_> {
    /// Whether the operand has all elements that so many lanes need.
    fn covers(&self, kind: SlotKind, pattern: Pattern, lanes: usize) -> bool {
        self.elements(kind, pattern, lanes).is_some_and(|end| end <= self.buffer.len())
    }

    /// One more than the largest element that lanes may touch; `None` if there is none.
    fn elements(&self, kind: SlotKind, pattern: Pattern, lanes: usize) -> Option<usize> {
        let whole = matches!(kind, SlotKind::Events | SlotKind::Array { .. });
        let extent = match pattern {
            Pattern::Whole if kind == SlotKind::Events => lanes.div_ceil(32),
            Pattern::Whole if whole => self.length,
            Pattern::Whole => return None,
            _ if whole => return None,
            _ if lanes == 0 => 0,
            Pattern::Uniform => 1,
            Pattern::Contiguous => lanes,
            Pattern::Gather => {
                let largest = self.indices.get(..lanes)?.iter().max()?;
                *largest as usize + 1
            }
        };
        let ring = match kind {
            SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. } => {
                if self.ring.current >= self.ring.slots {
                    return None;
                }
                (self.ring.slots as usize - 1).checked_mul(self.ring.stride)?
            }
            _ => 0,
        };
        self.offset.checked_add(ring)?.checked_add(extent)
    }
}

/// Makes a launch, see [`Program::repeat`].
pub type Repeated<'a> = Box<dyn Fn() + 'a>;

/// A kernel compiled for one choice of patterns.
pub trait Program: Send + Sync {
    /// Run the kernel. Operands outside their buffers are a fault, and nothing is run.
    fn launch(&self, launch: &Launch<'_>);

    /// A launch that is going to be made many times: whatever can be is checked and looked up once.
    fn repeat<'a>(
        &'a self,
        lanes: usize,
        operands: Vec<Operand<'a>>,
        watch: &'a Watch,
    ) -> Repeated<'a> {
        Box::new(move || self.launch(&Launch { lanes, operands: &operands, watch }))
    }

    /// Run the kernel once for each of `rows`, in order: operand `i` starts `row * steps[i]`
    /// elements further on than in `launch`. Rows whose operands are outside their buffers are a
    /// fault.
    fn launch_rows(&self, launch: &Launch<'_>, steps: &[usize], rows: &[u32]) {
        launch_each_row(launch, steps, rows, |launch| self.launch(launch));
    }
}

/// Call `run` with the launch of each row, see [`Program::launch_rows`].
pub fn launch_each_row(
    launch: &Launch<'_>,
    steps: &[usize],
    rows: &[u32],
    mut run: impl FnMut(&Launch<'_>),
) {
    let mut operands = launch.operands.to_vec();
    for &row in rows {
        for ((operand, first), step) in operands.iter_mut().zip(launch.operands).zip(steps) {
            operand.offset = first.offset.saturating_add(step.saturating_mul(row as usize));
        }
        run(&Launch { operands: &operands, ..*launch });
    }
}

/// Something that runs kernels.
pub trait Executor: Send + Sync {
    /// Prepare a kernel; `patterns` has one entry per slot. The kernel has passed the verifier.
    fn compile(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program>;

    /// Prepare a kernel whose lanes are apart: of arrays that are stored to, and of variables of
    /// neurons, each lane touches elements that no other one touches, so that it makes no
    /// difference which lane comes first.
    fn compile_apart(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program> {
        self.compile(kernel, patterns)
    }

    /// Name of the executor, such as `interpreter` or `avx512`.
    fn name(&self) -> &'static str;

    /// Whether this executor is what others are compared with: it is then given every kernel as
    /// it is, for all lanes, without the shortcuts that leave results alone.
    fn is_reference(&self) -> bool {
        false
    }

    /// Whether kernels with branches go through whole vectors of lanes, so that it costs little to
    /// launch all neurons where only some have something to do.
    fn has_masks(&self) -> bool {
        false
    }

    /// See [`Days::run`].
    fn run_days(&self, days: Days<'_>) -> usize {
        days.run()
    }

    /// List the positions of the days before `end`, in ascending order; returns how many there are.
    /// The list has room for all days and [`LIST_MARGIN`] more, which may be written to.
    fn list_due(&self, days: &[u32], end: u32, list: &mut [u32]) -> usize {
        let due = (0..).zip(days).filter(|(_, day)| **day < end).map(|(position, _)| position);
        list.iter_mut().zip(due).map(|(place, position)| *place = position).count()
    }

    /// Add rows of a matrix to a vector: for each `row` in order and each column `j`,
    /// `out[out_offset + j] += matrix[matrix_offset + row * columns + j]`, in `f32`.
    ///
    /// The order of additions to one element is that of `rows`. Rows outside are skipped, all of
    /// them if the vector has fewer than `columns` elements from `out_offset` on.
    fn add_rows(&self, rows: &AddRows<'_>);

    /// Do [`Executor::add_rows`] for several batch members, the rows of each being those whose bits
    /// are set; nothing if the vector of some member is not inside. `list` is for working with, see
    /// [`AddSpikingRows::list_length`].
    fn add_spiking_rows(&self, add: &AddSpikingRows<'_>, list: &mut [u32]) {
        add.run(self, list);
    }

    /// List the positions of the bits that are set, in ascending order; returns how many there are.
    /// The list has room for the bits of all words and [`LIST_MARGIN`] more, which may be written
    /// to; bits that there is no room for are left out.
    fn list_bits(&self, words: &[u32], list: &mut [u32]) -> usize {
        let bits = (0..).zip(words).flat_map(|(index, &word)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| 32 * index + bit)
        });
        list.iter_mut().zip(bits).map(|(place, bit)| *place = bit).count()
    }

    /// Add products of a matrix and a vector to a vector: for each row,
    /// `out[row] += Σ matrix[row][column] values[column]` in `f32`, the sum being a [`LaneSum`] of
    /// which one of zero is not added. Nothing happens if buffers are too small.
    fn add_row_sums(&self, sums: &RowSums<'_>) {
        sums.add_plainly();
    }

    /// What brings synapses with linear dynamics up to date; `None` if each of them is to run in
    /// every timestep.
    fn traces(&self) -> Option<&dyn Traces> {
        None
    }

    /// Update rows of matrices with numbers of the columns, see [`UpdateRows::run`]; false, and
    /// nothing is done, if something is outside of its buffer.
    fn update_rows(&self, update: &UpdateRows<'_>) -> bool {
        let fits = update.fits();
        if fits {
            update.run();
        }
        fits
    }

    /// Add stretches of weights to stretches of a vector: for each `row` in order and each of its
    /// runs in order, `out[out_offset + target + j] += weights[weights_offset + weight + j]` for
    /// each `j < length`, in `f32`. Rows that do not exist are skipped, all of them if some run is
    /// not inside of both.
    fn add_runs(&self, add: &AddRuns<'_>) {
        add.run();
    }

    /// Add weights to the targets of rows: for each `row` in order and each of its entries in
    /// order, `out[out_offset + target] += weight`, in `f32`. Rows that do not exist or have not
    /// all their weights are skipped, all of them if the vector is too short for some target.
    fn add_to_targets(&self, add: &AddToTargets<'_>) {
        add.run();
    }
}

/// Arguments of [`Executor::add_rows`].
#[derive(Debug)]
pub struct AddRows<'a> {
    /// Row-major `f32` matrix.
    pub matrix: &'a Buffer,
    /// First element of the matrix.
    pub matrix_offset: usize,
    /// Number of columns.
    pub columns: usize,
    /// Rows to add.
    pub rows: &'a [u32],
    /// `f32` vector.
    pub out: &'a Buffer,
    /// First element of the vector.
    pub out_offset: usize,
}

/// Sum of lanes in a fixed order that vector units of up to 16 lanes share: lane `i` is added to
/// partial sum `i % 16`; then the upper half of the partial sums is added to the lower half until
/// one is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneSum<T> {
    /// The partial sums.
    pub partial: [T; 16],
}

impl<T: Copy + Default + std::ops::Add<Output = T>> LaneSum<T> {
    /// No lanes yet.
    pub fn new() -> Self {
        Self { partial: [T::default(); 16] }
    }

    /// Add the value of a lane.
    pub fn add(&mut self, lane: usize, value: T) {
        self.partial[lane % 16] = self.partial[lane % 16] + value;
    }

    /// The sum: the upper half is added to the lower half until one is left.
    pub fn finish(self) -> T {
        // Halves of known length, for vector units.
        let all = self.partial;
        let eight: [T; 8] = std::array::from_fn(|i| all[i] + all[i + 8]);
        let four: [T; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        let two: [T; 2] = std::array::from_fn(|i| four[i] + four[i + 2]);
        two[0] + two[1]
    }
}

impl<T: Copy + Default + std::ops::Add<Output = T>> Default for LaneSum<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a kernel did that it must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An index outside an array.
    #[error("{kernel}: index {index} is outside of {array}, which has {length} elements")]
    IndexOutOfRange {
        /// Name of the kernel.
        kernel: String,
        /// Name of the array.
        array: String,
        /// The index.
        index: i64,
        /// Number of elements.
        length: usize,
    },
    /// A pointer that belongs to no array.
    #[error("{kernel}: a pointer does not point into any array")]
    BadPointer {
        /// Name of the kernel.
        kernel: String,
    },
    /// `assert` of a false condition, or an `add_synapse` that is not possible.
    #[error(
        "{kernel}: assertion failed: that of an `assert`, or of `add_synapse`, which needs a row \
         that is not full and a postsynaptic neuron that exists"
    )]
    AssertionFailed {
        /// Name of the kernel.
        kernel: String,
    },
    /// Memory bound to a slot does not have the elements that the lanes need: an error in the
    /// engine, not in the model.
    #[error("{kernel}: {slot} is bound to memory that is too small for {lanes} lanes")]
    OperandOutOfRange {
        /// Name of the kernel.
        kernel: String,
        /// Name of the slot.
        slot: String,
        /// Number of lanes.
        lanes: usize,
    },
}

/// Shared by all launches of a run: the first fault, and the wish to stop.
#[derive(Debug, Default)]
pub struct Watch {
    stop: AtomicBool,
    faulted: AtomicBool,
    fault: Mutex<Option<Fault>>,
}

impl Watch {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ask long loops to end early.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether long loops should end early: asked for, or after a fault.
    pub fn should_stop(&self) -> bool {
        if self.stop.load(Ordering::Relaxed) || self.faulted.load(Ordering::Relaxed) {
            return true;
        }
        let stops = poll::should_stop();
        if stops {
            self.stop();
        }
        stops
    }

    /// Whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Report a fault; the first one is kept.
    pub fn raise(&self, fault: Fault) {
        let mut first = self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if first.is_none() {
            *first = Some(fault);
            self.faulted.store(true, Ordering::Relaxed);
        }
    }

    /// The first fault, and forget everything.
    pub fn take_fault(&self) -> Option<Fault> {
        self.stop.store(false, Ordering::Relaxed);
        self.faulted.store(false, Ordering::Relaxed);
        self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}
