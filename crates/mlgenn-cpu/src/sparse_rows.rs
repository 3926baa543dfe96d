//! Adding the weights of sparse rows to their targets: what the spikes of a sparse connection do.
//!
//! Scatter instructions do not pay. Targets of a row differ, so four sums are read before any of
//! them is written, and the next row is fetched while this one is added: large matrices lie far
//! from the processor, and rows are too short for it to see a pattern.
#![expect(unsafe_code, reason = "reads and writes inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]

use mlgenn_ir::prefetch::prefetch;
use mlgenn_ir::target_lists::{AddToTargets, Row, Weights};

/// See [`mlgenn_ir::launch::Executor::add_to_targets`].
pub(crate) fn add_to_targets(add: &AddToTargets<'_>) {
    if !add.fits() {
        return;
    }
    // SAFETY: the vector has an element for each target there may be.
    unsafe {
        let out = add.out.as_ptr().cast::<f32>().add(add.out_offset);
        match add.weights {
            Weights::Same(weight) => add_same(add, weight, out),
            Weights::Each { .. } => add_each(add, out),
        }
    }
}

unsafe fn add_same(add: &AddToTargets<'_>, weight: f32, out: *mut f32) {
    for &row in add.rows {
        let entries = add.lists.entries(row, &add.targets);
        match add.lists.row(row) {
            Row::Narrow(targets) => {
                targets[entries].iter().for_each(|&to| *out.add(to as usize) += weight);
            }
            Row::Wide(targets) => {
                targets[entries].iter().for_each(|&to| *out.add(to as usize) += weight);
            }
        }
    }
}

/// The weights of a row that are added, and their targets.
unsafe fn find<'a>(add: &AddToTargets<'a>, row: u32) -> Option<(*const f32, Row<'a>)> {
    let Weights::Each { buffer, .. } = add.weights else { return None };
    let targets = add.lists.row(row);
    let start = add.weights.start(row, targets.len())?;
    let entries = add.lists.entries(row, &add.targets);
    let weights = buffer.as_ptr().cast::<f32>().cast_const().add(start + entries.start);
    let targets = match targets {
        Row::Narrow(targets) => Row::Narrow(&targets[entries]),
        Row::Wide(targets) => Row::Wide(&targets[entries]),
    };
    Some((weights, targets))
}

unsafe fn add_each(add: &AddToTargets<'_>, out: *mut f32) {
    let mut rows = add.rows.iter().filter_map(|&row| find(add, row)).peekable();
    while let Some((weights, targets)) = rows.next() {
        let (next_weights, next) = *rows.peek().unwrap_or(&(weights, targets));
        match (targets, next) {
            (Row::Narrow(targets), Row::Narrow(next)) => {
                add_row(targets, weights, out, next.as_ptr(), next_weights);
            }
            (Row::Wide(targets), Row::Wide(next)) => {
                add_row(targets, weights, out, next.as_ptr(), next_weights);
            }
            // All rows of a list are of one kind.
            _ => {}
        }
    }
}

/// Entries for which lines are fetched at once: two lines of weights.
const STRETCH: usize = 32;

/// Add the weights of one row, and fetch about as much of the next.
#[inline(always)]
unsafe fn add_row<T: Copy + Into<u32>>(
    targets: &[T],
    weights: *const f32,
    out: *mut f32,
    next_targets: *const T,
    next_weights: *const f32,
) {
    let count = targets.len();
    let targets = targets.as_ptr();
    let mut entry = 0;
    loop {
        // Fetching what does not exist does no harm.
        prefetch(next_weights.wrapping_add(entry).cast());
        prefetch(next_weights.wrapping_add(entry + STRETCH / 2).cast());
        prefetch(next_targets.wrapping_add(entry).cast());
        if size_of::<T>() > 2 {
            prefetch(next_targets.wrapping_add(entry + STRETCH / 2).cast());
        }
        if entry + STRETCH > count {
            break;
        }
        for four in (0..STRETCH).step_by(4) {
            add_four(targets.add(entry + four), weights.add(entry + four), out);
        }
        entry += STRETCH;
    }
    while entry + 4 <= count {
        add_four(targets.add(entry), weights.add(entry), out);
        entry += 4;
    }
    while entry < count {
        *out.add((*targets.add(entry)).into() as usize) += *weights.add(entry);
        entry += 1;
    }
}

#[inline(always)]
unsafe fn add_four<T: Copy + Into<u32>>(targets: *const T, weights: *const f32, out: *mut f32) {
    let to: [*mut f32; 4] = std::array::from_fn(|i| out.add((*targets.add(i)).into() as usize));
    let sums: [f32; 4] = std::array::from_fn(|i| *to[i] + *weights.add(i));
    for i in 0..4 {
        *to[i] = sums[i];
    }
}
