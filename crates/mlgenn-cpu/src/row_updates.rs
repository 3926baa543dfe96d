//! Updating rows of dense matrices with numbers of the columns: what gradients, and the feedback
//! that goes with them, mostly are.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::launch::LaneSum;
use mlgenn_ir::row_update::{Start, UpdateRows};

use crate::simd::{Level, MAX_LANES, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::update_rows`].
pub(crate) fn update_rows(level: Level, update: &UpdateRows<'_>) -> bool {
    if !update.fits() {
        return false;
    }
    // SAFETY: `fits` has checked that places are inside their buffers.
    let pointer =
        |place: Start<'_>| unsafe { place.buffer.as_ptr().cast::<u32>().add(place.offset) };
    let task = Rows {
        rows: update.rows,
        columns: update.columns,
        add: update.add.map(|(matrix, vector, subtract)| {
            (pointer(matrix), pointer(vector).cast_const(), subtract)
        }),
        sum: update.sum.map(|(matrix, vector, out)| {
            (pointer(matrix).cast_const(), pointer(vector).cast_const(), pointer(out))
        }),
    };
    // SAFETY: executors are only made for available levels; vectors have `columns` elements,
    // matrices and sums have all rows.
    unsafe { level.run(task) }
    true
}

struct Rows<'a> {
    rows: &'a [u32],
    columns: usize,
    add: Option<(*mut u32, *const u32, bool)>,
    sum: Option<(*const u32, *const u32, *mut u32)>,
}

impl Task for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for &row in self.rows {
            let start = row as usize * self.columns;
            if let Some((matrix, vector, out)) = self.sum {
                let sum = product::<S>(matrix.add(start), vector, self.columns);
                if sum != 0.0 {
                    let out = out.cast::<f32>().add(row as usize);
                    *out += sum;
                }
            }
            match self.add {
                Some((matrix, vector, false)) => {
                    let add = |old, value| S::add_f32(old, value);
                    combine::<S>(matrix.add(start), vector, self.columns, add);
                }
                Some((matrix, vector, true)) => {
                    let subtract = |old, value| S::sub_f32(old, value);
                    combine::<S>(matrix.add(start), vector, self.columns, subtract);
                }
                None => {}
            }
        }
    }
}

/// `row[j] = combine(row[j], vector[j])`.
#[inline(always)]
unsafe fn combine<S: Simd>(
    row: *mut u32,
    vector: *const u32,
    columns: usize,
    combine: impl Fn(S::V, S::V) -> S::V,
) {
    let whole = columns / S::LANES * S::LANES;
    for at in (0..whole).step_by(S::LANES) {
        S::store(row.add(at), combine(S::load(row.add(at)), S::load(vector.add(at))));
    }
    let rest = columns - whole;
    if rest > 0 {
        let (row, vector) = (row.add(whole), vector.add(whole));
        let new = combine(S::load_partial(row, rest), S::load_partial(vector, rest));
        S::store_partial(row, new, rest);
    }
}

/// Sum of products, in the order of [`LaneSum`].
#[inline(always)]
unsafe fn product<S: Simd>(row: *const u32, vector: *const u32, columns: usize) -> f32 {
    let mut sums = [S::splat(0); MAX_LANES];
    let sums = &mut sums[..MAX_LANES / S::LANES];
    let whole = columns / MAX_LANES * MAX_LANES;
    for at in (0..whole).step_by(MAX_LANES) {
        for (k, sum) in sums.iter_mut().enumerate() {
            let at = at + k * S::LANES;
            let product = S::mul_f32(S::load(row.add(at)), S::load(vector.add(at)));
            *sum = S::add_f32(*sum, product);
        }
    }
    let rest = columns - whole;
    for (k, sum) in sums.iter_mut().enumerate() {
        let lanes = rest.saturating_sub(k * S::LANES).min(S::LANES);
        if lanes > 0 {
            // Lanes beyond the row add zero, which changes nothing.
            let at = whole + k * S::LANES;
            let (a, b) =
                (S::load_partial(row.add(at), lanes), S::load_partial(vector.add(at), lanes));
            *sum = S::add_f32(*sum, S::mul_f32(a, b));
        }
    }
    let mut partial = LaneSum::<f32>::new();
    for (k, &sum) in sums.iter().enumerate() {
        S::store(partial.partial.as_mut_ptr().cast::<u32>().add(k * S::LANES), sum);
    }
    partial.finish()
}
