//! Updating rows of dense matrices with numbers of the columns: what gradients, and the feedback
//! that goes with them, mostly are.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

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

/// Sum of products, in the order of [`mlgenn_ir::launch::LaneSum`].
#[inline(always)]
unsafe fn product<S: Simd>(row: *const u32, vector: *const u32, columns: usize) -> f32 {
    let mut sums = [S::splat(0); MAX_LANES];
    let vectors = MAX_LANES / S::LANES;
    let mut at = 0;
    while at + MAX_LANES <= columns {
        for (k, sum) in sums[..vectors].iter_mut().enumerate() {
            let at = at + k * S::LANES;
            let product = S::mul_f32(S::load(row.add(at)), S::load(vector.add(at)));
            *sum = S::add_f32(*sum, product);
        }
        at += MAX_LANES;
    }
    for sum in &mut sums[..vectors] {
        if at + S::LANES <= columns {
            let product = S::mul_f32(S::load(row.add(at)), S::load(vector.add(at)));
            *sum = S::add_f32(*sum, product);
        } else if at < columns {
            // Lanes that are not there add a zero: sums that start from zero stay as they are.
            let (row, vector) = (row.add(at), vector.add(at));
            let (a, b) =
                (S::load_partial(row, columns - at), S::load_partial(vector, columns - at));
            *sum = S::add_f32(*sum, S::mul_f32(a, b));
        }
        at += S::LANES;
    }
    let mut half = vectors / 2;
    while half > 0 {
        for k in 0..half {
            sums[k] = S::add_f32(sums[k], sums[k + half]);
        }
        half /= 2;
    }
    S::sum_f32(sums[0])
}
