//! Products of a matrix and a vector: what dense connections send back to their sources.
//!
//! A vector of rows at a time; columns lie one after the other, so that no sum runs across lanes.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]
#![expect(
    clippy::needless_range_loop,
    reason = "iterators are not always inlined into vector code"
)]

use mlgenn_ir::traces::RowSums;

use crate::simd::{Level, Simd, Task};

/// Partial sums of a [`mlgenn_ir::launch::LaneSum`].
const PARTIAL: usize = 16;

/// See [`mlgenn_ir::launch::Executor::add_row_sums`].
pub(crate) fn add_row_sums(level: Level, sums: &RowSums<'_>) {
    if !sums.fits() {
        return;
    }
    let task = Sums {
        rows: sums.rows,
        columns: sums.columns,
        matrix: sums.matrix.as_ptr().cast(),
        // SAFETY: `fits` says that the offsets are inside the buffers.
        values: unsafe { sums.values.as_ptr().cast::<u32>().add(sums.values_offset) },
        // SAFETY: as above.
        out: unsafe { sums.out.as_ptr().cast::<u32>().add(sums.out_offset) },
    };
    // SAFETY: executors are only made for available levels; `fits` says that the matrix has
    // `rows * columns` elements and the vectors as many as they need.
    unsafe { level.run(task) }
}

struct Sums {
    rows: usize,
    columns: usize,
    matrix: *const u32,
    values: *const u32,
    out: *mut u32,
}

impl Task for Sums {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut row = 0;
        while row < self.rows {
            let count = S::LANES.min(self.rows - row);
            let sum = self.sum::<S>(row, count);
            let old = load::<S>(self.out.add(row), count);
            // A sum of zero leaves the sign of a zero alone.
            let new = S::select(S::ne_f32(sum, S::splat(0)), S::add_f32(old, sum), old);
            if count == S::LANES {
                S::store(self.out.add(row), new);
            } else {
                S::store_partial(self.out.add(row), new, count);
            }
            row += S::LANES;
        }
    }
}

impl Sums {
    /// Sums of `count` rows.
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, row: usize, count: usize) -> S::V {
        let mut partial = [S::splat(0); PARTIAL];
        let mut column = 0;
        while column + PARTIAL <= self.columns {
            for i in 0..PARTIAL {
                partial[i] = S::add_f32(partial[i], self.product::<S>(row, count, column + i));
            }
            column += PARTIAL;
        }
        for i in 0..PARTIAL {
            if column + i < self.columns {
                partial[i] = S::add_f32(partial[i], self.product::<S>(row, count, column + i));
            }
        }
        let mut half = PARTIAL / 2;
        while half > 0 {
            for i in 0..half {
                partial[i] = S::add_f32(partial[i], partial[i + half]);
            }
            half /= 2;
        }
        partial[0]
    }

    #[inline(always)]
    unsafe fn product<S: Simd>(&self, row: usize, count: usize, column: usize) -> S::V {
        let weights = load::<S>(self.matrix.add(column * self.rows + row), count);
        S::mul_f32(weights, S::splat(*self.values.add(column)))
    }
}

/// A vector, or the first elements of one.
#[inline(always)]
unsafe fn load<S: Simd>(at: *const u32, count: usize) -> S::V {
    if count == S::LANES { S::load(at) } else { S::load_partial(at, count) }
}
