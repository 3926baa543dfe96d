//! How a kernel is run: binding its slots to memory, and the traits of what runs it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::buffer::Buffer;
use crate::kernel::Kernel;

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
#[derive(Debug)]
pub struct Launch<'a> {
    /// Number of lanes.
    pub lanes: usize,
    /// What each slot is bound to.
    pub operands: &'a [Operand<'a>],
    /// Where faults are reported, and whether to stop.
    pub watch: &'a Watch,
}

/// A kernel compiled for one choice of patterns.
pub trait Program: Send + Sync {
    /// Run the kernel. Operands outside their buffers are a fault, and nothing is run.
    fn launch(&self, launch: &Launch<'_>);
}

/// Something that runs kernels.
pub trait Executor: Send + Sync {
    /// Prepare a kernel; `patterns` has one entry per slot. The kernel has passed the verifier.
    fn compile(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program>;

    /// Name of the executor, such as `interpreter` or `avx512`.
    fn name(&self) -> &'static str;

    /// Add rows of a matrix to a vector: for each `row` in order and each column `j`,
    /// `out[out_offset + j] += matrix[matrix_offset + row * columns + j]`, in `f32`.
    ///
    /// The order of additions to one element is that of `rows`. Rows outside are skipped.
    fn add_rows(&self, rows: &AddRows<'_>);
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

    /// The sum.
    pub fn finish(mut self) -> T {
        let mut half = 8;
        while half > 0 {
            for i in 0..half {
                self.partial[i] = self.partial[i] + self.partial[i + half];
            }
            half /= 2;
        }
        self.partial[0]
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
    /// `assert` of a false condition.
    #[error("{kernel}: assertion failed")]
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
        self.stop.load(Ordering::Relaxed) || self.faulted.load(Ordering::Relaxed)
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
