//! Adding rows of a dense matrix to a vector: what the spikes of a dense connection do.
//!
//! The sums of a tile of columns stay in registers over all rows.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::Type;
use mlgenn_ir::launch::AddRows;

use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::add_rows`].
pub(crate) fn add_rows(level: Level, rows: &AddRows<'_>) {
    let AddRows { matrix, matrix_offset, columns, out, out_offset, .. } = *rows;
    if matrix.ty() != Type::F32
        || out.ty() != Type::F32
        || columns == 0
        || matrix_offset > matrix.len()
        || out_offset.checked_add(columns).is_none_or(|end| end > out.len())
    {
        return;
    }
    let task = Rows {
        rows: rows.rows,
        num_rows: (matrix.len() - matrix_offset) / columns,
        columns,
        // SAFETY: the offsets are inside the buffers.
        matrix: unsafe { matrix.as_ptr().cast::<u32>().add(matrix_offset) },
        out: unsafe { out.as_ptr().cast::<u32>().add(out_offset) },
    };
    // SAFETY: executors are only made for available levels; the vector has `columns` elements, the
    // matrix `num_rows` rows of as many.
    unsafe { level.run(task) }
}

struct Rows<'a> {
    rows: &'a [u32],
    /// Rows that the matrix has whole.
    num_rows: usize,
    columns: usize,
    matrix: *const u32,
    out: *mut u32,
}

impl Task for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut column = 0;
        // The widest tile leaves half of the vector registers of the smaller instruction sets.
        while column + 16 * S::LANES <= self.columns && S::LANES == 16 {
            self.tile::<S, 16>(column);
            column += 16 * S::LANES;
        }
        while column + 8 * S::LANES <= self.columns {
            self.tile::<S, 8>(column);
            column += 8 * S::LANES;
        }
        while column + 4 * S::LANES <= self.columns {
            self.tile::<S, 4>(column);
            column += 4 * S::LANES;
        }
        while column + S::LANES <= self.columns {
            self.tile::<S, 1>(column);
            column += S::LANES;
        }
        if column < self.columns {
            let count = self.columns - column;
            let out = self.out.add(column);
            let mut sum = S::load_partial(out, count);
            for &row in self.rows {
                if (row as usize) < self.num_rows {
                    let row = self.matrix.add(row as usize * self.columns + column);
                    sum = S::add_f32(sum, S::load_partial(row, count));
                }
            }
            S::store_partial(out, sum, count);
        }
    }
}

impl Rows<'_> {
    /// `WIDTH` vectors of columns from `column` on.
    #[inline(always)]
    unsafe fn tile<S: Simd, const WIDTH: usize>(&self, column: usize) {
        let out = self.out.add(column);
        let mut sums = [S::splat(0); WIDTH];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = S::load(out.add(i * S::LANES));
        }
        for &row in self.rows {
            if (row as usize) < self.num_rows {
                let row = self.matrix.add(row as usize * self.columns + column);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add_f32(*sum, S::load(row.add(i * S::LANES)));
                }
            }
        }
        for (i, &sum) in sums.iter().enumerate() {
            S::store(out.add(i * S::LANES), sum);
        }
    }
}
