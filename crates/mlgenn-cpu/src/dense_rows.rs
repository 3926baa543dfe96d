//! Adding rows of a dense matrix to a vector: what the spikes of a dense connection do.
//!
//! The sums of a tile of columns stay in registers over all rows.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::Type;
use mlgenn_ir::launch::AddRows;
use mlgenn_ir::spiking_rows::AddSpikingRows;

use crate::events::ListBits;
use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::add_rows`].
pub(crate) fn add_rows(level: Level, rows: &AddRows<'_>) {
    if let Some(task) = Rows::new(rows, 1) {
        // SAFETY: executors are only made for available levels; `new` has checked the rest.
        unsafe { level.run(task) }
    }
}

/// See [`mlgenn_ir::launch::Executor::add_spiking_rows`].
pub(crate) fn add_spiking_rows(level: Level, add: &AddSpikingRows<'_>, list: &mut [u32]) {
    // SAFETY: executors are only made for available levels.
    unsafe { level.run(SpikingRows { add, list }) }
}

struct SpikingRows<'a> {
    add: &'a AddSpikingRows<'a>,
    list: &'a mut [u32],
}

impl Task for SpikingRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let members = self.add.members();
        let Some(first) = Rows::new(&self.add.rows(0, &[]), members.len()) else { return };
        for (member, words) in members.enumerate() {
            let count = ListBits { words, list: self.list }.run::<S>();
            if count > 0 {
                let out = first.out.add(member * first.columns);
                Rows { rows: &self.list[..count], out, ..first }.run::<S>();
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Rows<'a> {
    rows: &'a [u32],
    /// Rows that the matrix has whole.
    num_rows: usize,
    columns: usize,
    matrix: *const u32,
    out: *mut u32,
}

impl<'a> Rows<'a> {
    /// `None` if something is outside of its buffer, be it one of so many vectors that follow each
    /// other.
    #[inline]
    fn new(rows: &AddRows<'a>, vectors: usize) -> Option<Self> {
        let AddRows { matrix, matrix_offset, columns, out, out_offset, .. } = *rows;
        if matrix.ty() != Type::F32
            || out.ty() != Type::F32
            || columns == 0
            || matrix_offset > matrix.len()
            || out_offset > out.len()
            || vectors.checked_mul(columns).is_none_or(|all| all > out.len() - out_offset)
        {
            return None;
        }
        Some(Self {
            rows: rows.rows,
            num_rows: (matrix.len() - matrix_offset) / columns,
            columns,
            // SAFETY: the offsets are inside the buffers: the vector has `columns` elements, the
            // matrix `num_rows` rows of as many.
            matrix: unsafe { matrix.as_ptr().cast::<u32>().add(matrix_offset) },
            // SAFETY: as above.
            out: unsafe { out.as_ptr().cast::<u32>().add(out_offset) },
        })
    }
}

impl Task for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut column = 0;
        // The widest tile takes half of the vector registers of AVX-512.
        while S::LANES == 16 && column + 16 * S::LANES <= self.columns {
            self.tile::<S, 16>(column, 0);
            column += 16 * S::LANES;
        }
        while column + 8 * S::LANES <= self.columns {
            self.tile::<S, 8>(column, 0);
            column += 8 * S::LANES;
        }
        let rest = (self.columns - column) % S::LANES;
        match (self.columns - column) / S::LANES {
            0 if rest == 0 => {}
            0 => self.tile::<S, 0>(column, rest),
            1 => self.tile::<S, 1>(column, rest),
            2 => self.tile::<S, 2>(column, rest),
            3 => self.tile::<S, 3>(column, rest),
            4 => self.tile::<S, 4>(column, rest),
            5 => self.tile::<S, 5>(column, rest),
            6 => self.tile::<S, 6>(column, rest),
            _ => self.tile::<S, 7>(column, rest),
        }
    }
}

impl Rows<'_> {
    /// `WIDTH` vectors of columns from `column` on, and `rest` columns more, less than a vector.
    #[inline(always)]
    unsafe fn tile<S: Simd, const WIDTH: usize>(&self, column: usize, rest: usize) {
        let out = self.out.add(column);
        let mut sums = [S::splat(0); WIDTH];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = S::load(out.add(i * S::LANES));
        }
        let last = WIDTH * S::LANES;
        let mut rest_sum = S::splat(0);
        if rest > 0 {
            rest_sum = S::load_partial(out.add(last), rest);
        }
        for &row in self.rows {
            if (row as usize) < self.num_rows {
                let row = self.matrix.add(row as usize * self.columns + column);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add_f32(*sum, S::load(row.add(i * S::LANES)));
                }
                if rest > 0 {
                    rest_sum = S::add_f32(rest_sum, S::load_partial(row.add(last), rest));
                }
            }
        }
        for (i, &sum) in sums.iter().enumerate() {
            S::store(out.add(i * S::LANES), sum);
        }
        if rest > 0 {
            S::store_partial(out.add(last), rest_sum, rest);
        }
    }
}
