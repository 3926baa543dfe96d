//! What executors do for dynamics in linear form, see [`crate::linear`].
//!
//! Presynaptic traces decay between spikes, `z(n) = decay z(n-1) + jump(n)`, and few of the jumps
//! are not zero. With the weight `K(n)` that `z(n)` has in a sum over timesteps, the sum is
//!
//! ```text
//! Σ K(n) z(n) = Σ jump(n) L(n),   L(n) = K(n) + decay L(n+1),
//! ```
//!
//! which costs an addition of a row for each spike. `K` follows from an adjoint recursion over the
//! coefficients of the dynamics, backwards in time, for each postsynaptic neuron: with the weights
//! `a(n)` of the states before timestep `n` in the sum,
//!
//! ```text
//! K(n) = D(n) + B(n)ᵀ a(n+1),   a(n) = C(n) + A(n)ᵀ a(n+1),   a(N) = 0,
//! ```
//!
//! and in the same way for each state at the end.

use crate::buffer::Buffer;
use crate::launch::LaneSum;
use crate::linear::Coefficient;
use crate::types::Type;

/// Arguments of [`crate::launch::Executor::add_row_sums`].
#[derive(Debug)]
pub struct RowSums<'a> {
    /// `f32` matrix in column-major order: element `(row, column)` at `column * rows + row`.
    pub matrix: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// `f32` vector with an element for each column.
    pub values: &'a Buffer,
    /// Its first element.
    pub values_offset: usize,
    /// `f32` vector with an element for each row.
    pub out: &'a Buffer,
    /// Its first element.
    pub out_offset: usize,
}

impl RowSums<'_> {
    /// Whether everything is inside the buffers and of the right type.
    pub fn fits(&self) -> bool {
        let inside = |buffer: &Buffer, offset: usize, count: Option<usize>| {
            let end = count.and_then(|count| offset.checked_add(count));
            buffer.ty() == Type::F32 && end.is_some_and(|end| end <= buffer.len())
        };
        inside(self.matrix, 0, self.rows.checked_mul(self.columns))
            && inside(self.values, self.values_offset, Some(self.columns))
            && inside(self.out, self.out_offset, Some(self.rows))
    }

    /// Add the sums, one row after the other.
    pub fn add_plainly(&self) {
        if !self.fits() {
            return;
        }
        let number = |buffer: &Buffer, index| buffer.load(index).map(|b| f32::from_bits(b as u32));
        for row in 0..self.rows {
            let mut sum = LaneSum::<f32>::new();
            for column in 0..self.columns {
                let weight = number(self.matrix, column * self.rows + row).unwrap_or(0.0);
                let value = number(self.values, self.values_offset + column).unwrap_or(0.0);
                sum.add(column, weight * value);
            }
            let (sum, at) = (sum.finish(), self.out_offset + row);
            if let Some(old) = number(self.out, at).filter(|_| sum != 0.0) {
                self.out.store(at, u64::from((old + sum).to_bits()));
            }
        }
    }
}

/// A change of a presynaptic trace that is not its decay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jump {
    /// Which presynaptic neuron.
    pub row: u32,
    /// Timestep, counted from the beginning of the history.
    pub step: u32,
    /// By how much.
    pub size: f32,
}

/// Arguments of [`Traces::find_jumps`].
#[derive(Debug)]
pub struct Watched<'a> {
    /// `f32` traces of all rows.
    pub traces: &'a Buffer,
    /// The first of them.
    pub offset: usize,
    /// What they were before; they are copied there.
    pub before: &'a Buffer,
    /// The first of these.
    pub before_offset: usize,
    /// Number of rows.
    pub rows: usize,
    /// What traces are multiplied by when nothing happens.
    pub decay: f32,
    /// Timestep.
    pub step: u32,
}

/// Arguments of [`Traces::catch_up`].
#[derive(Debug)]
pub struct CatchUp<'a> {
    /// Number of timesteps.
    pub steps: usize,
    /// Number of columns of all matrices.
    pub columns: usize,
    /// What traces are multiplied by in a timestep in which they do not jump.
    pub decay: f32,
    /// As in [`crate::linear::LinearTraces`], for `states.len()` states.
    pub matrix: &'a [Coefficient],
    /// Coefficients: `[output][step][column]`, outputs being `output_stride` apart.
    pub coefficients: &'a Buffer,
    /// See `coefficients`.
    pub output_stride: usize,
    /// Matrices of the states, with their first elements.
    pub states: &'a [(&'a Buffer, usize)],
    /// Matrix of the sums, with its first element.
    pub sum: (&'a Buffer, usize),
    /// Jumps in order of rows, those of a row in order of timesteps.
    pub jumps: &'a [Jump],
    /// First jump of each row, and one past the last jump of the last one.
    pub starts: &'a [u32],
    /// Memory to work with: at least [`CatchUp::scratch_elements`].
    pub scratch: &'a Buffer,
}

impl CatchUp<'_> {
    /// Columns are padded to vectors of the widest unit.
    pub const fn padded(columns: usize) -> usize {
        columns.next_multiple_of(16)
    }

    /// Elements of `scratch` that are needed for so many states, timesteps and columns.
    pub const fn scratch_elements(states: usize, steps: usize, columns: usize) -> usize {
        (states + 1) * (steps + states) * Self::padded(columns)
    }

    /// Whether everything is inside the buffers and of the right type.
    pub fn fits(&self) -> bool {
        let states = self.states.len();
        let inside = |(buffer, offset): (&Buffer, usize), count: Option<usize>| {
            let end = count.and_then(|count| offset.checked_add(count));
            buffer.ty() == Type::F32 && end.is_some_and(|end| end <= buffer.len())
        };
        let rows = self.starts.len().saturating_sub(1);
        let elements = rows.checked_mul(self.columns);
        let outputs = self.matrix.iter().filter_map(|coefficient| match coefficient {
            Coefficient::Output(output) => Some(output + 1),
            _ => None,
        });
        let outputs = outputs.max().unwrap_or(0);
        let scratch = Self::scratch_elements(states, self.steps, self.columns);
        self.matrix.len() == (states + 1) * (states + 1)
            && self.steps.checked_mul(self.columns).is_some_and(|n| n <= self.output_stride)
            && inside((self.coefficients, 0), outputs.checked_mul(self.output_stride))
            && inside((self.scratch, 0), Some(scratch))
            && inside(self.sum, elements)
            && self.states.iter().all(|state| inside(*state, elements))
            && self.jumps.iter().all(|jump| (jump.step as usize) < self.steps)
            && self.starts.windows(2).all(|pair| pair[0] <= pair[1])
            && self.starts.last().is_none_or(|&end| end as usize <= self.jumps.len())
    }
}

/// Brings synapses with linear dynamics up to date.
pub trait Traces {
    /// Find the rows whose traces did not just decay since the last timestep, and append their
    /// jumps in order of rows.
    fn find_jumps(&self, watched: &Watched<'_>, jumps: &mut Vec<Jump>);

    /// Do what the dynamics did in a number of timesteps.
    ///
    /// Results have the same bits on every machine; they do not depend on what is in `scratch`.
    fn catch_up(&self, work: &CatchUp<'_>);
}
