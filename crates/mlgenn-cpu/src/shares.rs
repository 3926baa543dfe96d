//! Sharing out numbered work among threads.
//!
//! Neighbours lie side by side in memory, down to the cache lines that the last element of one and
//! the first of the next have in common, and what a thread did last time is still in its cache. So
//! each thread has a stretch of its own, the same every time, which it begins at the start of;
//! whoever is done takes from the end of what others have left.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What each thread has left to do.
pub(crate) struct Shares {
    left: Vec<Mutex<Range<usize>>>,
}

impl Shares {
    /// The numbers below `count`, for so many threads.
    pub(crate) fn new(count: usize, threads: usize) -> Self {
        let start = |thread: usize| {
            let (whole, rest) = (count / threads, count % threads);
            thread * whole + thread.min(rest)
        };
        let left = (0..threads).map(|thread| Mutex::new(start(thread)..start(thread + 1)));
        Self { left: left.collect() }
    }

    /// The next number for a thread, until there are none left.
    pub(crate) fn take(&self, thread: usize) -> Option<usize> {
        let own = self.left.get(thread).and_then(|own| lock(own).next());
        own.or_else(|| {
            loop {
                let most = self.left.iter().max_by_key(|left| lock(left).len())?;
                let taken = lock(most).next_back();
                // Its last one may have gone meanwhile, but not those of others.
                if taken.is_some() || self.left.iter().all(|left| lock(left).is_empty()) {
                    return taken;
                }
            }
        })
    }
}

fn lock(left: &Mutex<Range<usize>>) -> std::sync::MutexGuard<'_, Range<usize>> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_taken_once() {
        for (count, threads) in [(0, 2), (1, 3), (7, 2), (100, 5)] {
            let shares = Shares::new(count, threads);
            let take = |thread| std::iter::from_fn(|| shares.take(thread)).collect::<Vec<_>>();
            let mut taken = std::thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..threads).map(|thread| scope.spawn(move || take(thread))).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
            });
            let taken: &mut Vec<usize> = &mut taken;
            taken.sort_unstable();
            assert_eq!(*taken, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn own_ones_come_in_order_and_those_of_others_from_the_end() {
        let shares = Shares::new(7, 2);
        let taken: Vec<_> = std::iter::from_fn(|| shares.take(1)).collect();
        assert_eq!(taken, [4, 5, 6, 3, 2, 1, 0]);
        // A thread that has none of its own.
        let shares = Shares::new(4, 2);
        assert_eq!(std::iter::from_fn(|| shares.take(5)).count(), 4);
    }
}
