//! Keeping the calendar of neurons that go ahead of time.
#![expect(unsafe_code, reason = "runs with instructions that the machine was found to have")]

use mlgenn_ir::days::Days;
use mlgenn_ir::launch::LIST_MARGIN;

use crate::simd::{Level, Simd, Task};

/// See [`mlgenn_ir::launch::Executor::run_days`].
pub(crate) fn run_days(level: Level, days: Days<'_>) -> usize {
    // SAFETY: executors are only made for available levels.
    unsafe { level.run(RunDays(days)) }
}

/// See [`mlgenn_ir::launch::Executor::list_due`].
pub(crate) fn list_due(level: Level, days: &[u32], end: u32, list: &mut [u32]) -> usize {
    if list.len() < days.len() + LIST_MARGIN {
        return 0;
    }
    // SAFETY: executors are only made for available levels; the list is long enough.
    unsafe { level.run(ListDue { days, end, list }) }
}

struct ListDue<'a> {
    days: &'a [u32],
    end: u32,
    list: &'a mut [u32],
}

impl Task for ListDue<'_> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        // SAFETY: whole vectors lie inside; the list has room for a vector behind its end.
        unsafe {
            // Numbers of half of the range have the order of signed ones when the sign is flipped.
            let sign = S::splat(1 << 31);
            let end = S::xor(S::splat(self.end), sign);
            let mut count = 0;
            let vectors = self.days.chunks_exact(S::LANES);
            let rest = vectors.remainder();
            for (first, days) in (0..).step_by(S::LANES).zip(vectors) {
                let due = S::lt_i32(S::xor(S::load(days.as_ptr()), sign), end);
                let place = self.list.as_mut_ptr().add(count);
                count += S::store_positions(place, first, S::movemask(due));
            }
            let first = (self.days.len() - rest.len()) as u32;
            for (position, _) in (first..).zip(rest).filter(|(_, day)| **day < self.end) {
                self.list[count] = position;
                count += 1;
            }
            count
        }
    }
}

struct RunDays<'a>(Days<'a>);

impl Task for RunDays<'_> {
    type Output = usize;

    // Plain loops, which are compiled for the vector unit here.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        self.0.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_those_before_the_end() {
        let days: Vec<u32> =
            (0..70u32).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 20)).collect();
        for level in Level::available() {
            for count in [0, 1, 15, 16, 17, 70] {
                for end in [0, 1, 1 << 15, 1 << 31, u32::MAX] {
                    let wanted: Vec<u32> =
                        (0..count as u32).filter(|&i| days[i as usize] < end).collect();
                    let mut list = vec![0; count + LIST_MARGIN];
                    let found = list_due(level, &days[..count], end, &mut list);
                    assert_eq!(list[..found], wanted);
                }
            }
        }
    }
}
