//! Threads that go through the timesteps of one batch member together.
//!
//! All of them run the whole schedule. What can be cut they share, by ranges of neurons; the rest
//! one of them does alone. They wait for one another by spinning, as a timestep is much shorter
//! than it takes to wake a thread up; where threads have to share cores, by giving theirs away.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Rounds of spinning before the core is given away.
const SPINS: u32 = 2000;

/// Where the threads of a team meet.
#[derive(Debug)]
pub(crate) struct Team {
    size: usize,
    arrived: AtomicUsize,
    /// Counts the meetings.
    meeting: AtomicUsize,
    /// A member has panicked: nobody waits for it.
    broken: AtomicBool,
    stopped: AtomicBool,
}

/// One of the threads of a team.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    team: &'a Team,
    number: usize,
}

impl Team {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            arrived: AtomicUsize::new(0),
            meeting: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// The member of that number.
    pub(crate) fn member(&self, number: usize) -> Member<'_> {
        Member { team: self, number }
    }
}

impl Member<'_> {
    /// Whether it does what is not shared.
    pub(crate) fn is_first(&self) -> bool {
        self.number == 0
    }

    /// Whether there are no others.
    pub(crate) fn is_alone(&self) -> bool {
        self.team.size == 1
    }

    /// Wait until all members are here; what they did before, all see after.
    pub(crate) fn meet(&self) {
        let team = self.team;
        if team.size == 1 {
            return;
        }
        let meeting = team.meeting.load(Ordering::Acquire);
        if team.arrived.fetch_add(1, Ordering::AcqRel) + 1 == team.size {
            team.arrived.store(0, Ordering::Relaxed);
            team.meeting.store(meeting.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while team.meeting.load(Ordering::Acquire) == meeting {
            if team.broken.load(Ordering::Relaxed) {
                return;
            }
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// The first member does something, if there is anything to do, while the others wait.
    pub(crate) fn alone(&self, anything: bool, work: impl FnOnce()) {
        if anything {
            self.meet();
            if self.is_first() {
                work();
            }
            self.meet();
        }
    }

    /// End of a timestep: whether to go on. `stop` is asked of the first member alone, so that all
    /// do the same.
    pub(crate) fn goes_on(&self, stop: impl Fn() -> bool) -> bool {
        if self.is_alone() {
            return !stop();
        }
        if self.is_first() && stop() {
            self.team.stopped.store(true, Ordering::Relaxed);
        }
        self.meet();
        let over = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        !over(&self.team.stopped) && !over(&self.team.broken)
    }

    /// Its share of `count` elements, cut between multiples of `unit`.
    pub(crate) fn share(&self, count: usize, unit: usize) -> Range<usize> {
        let cut = |number: usize| start_of_share(number, self.team.size, count, unit);
        cut(self.number)..cut(self.number + 1)
    }
}

/// Where the share of a member begins in a team of a size.
pub(crate) fn start_of_share(number: usize, size: usize, count: usize, unit: usize) -> usize {
    (count.div_ceil(unit) * number / size * unit).min(count)
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.team.broken.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_once() {
        for size in 1..6 {
            let team = Team::new(size);
            for count in [0, 1, 255, 256, 257, 1000, 5000] {
                let mut next = 0;
                for number in 0..size {
                    let share = team.member(number).share(count, 256);
                    assert!(
                        share.start == next
                            && (share.end.is_multiple_of(256) || share.end == count)
                    );
                    next = share.end;
                }
                assert_eq!(next, count);
            }
        }
    }

    #[test]
    fn members_see_what_others_did() {
        // More threads than most machines have cores.
        let team = Team::new(5);
        let counts: Vec<AtomicUsize> = (0..5).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for number in 0..5 {
                let (team, counts) = (&team, &counts);
                scope.spawn(move || {
                    let member = team.member(number);
                    for step in 1..200 {
                        counts[number].store(step, Ordering::Relaxed);
                        member.meet();
                        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == step));
                        member.meet();
                    }
                });
            }
        });
    }

    #[test]
    fn all_members_stop_together() {
        let team = Team::new(3);
        let steps = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for number in 0..3 {
                let (team, steps) = (&team, &steps);
                scope.spawn(move || {
                    let member = team.member(number);
                    while member.goes_on(|| steps.load(Ordering::Relaxed) >= 30) {
                        steps.fetch_add(1, Ordering::Relaxed);
                        member.meet();
                    }
                });
            }
        });
        assert_eq!(steps.into_inner(), 30);
    }

    #[test]
    fn nobody_waits_for_a_member_that_panicked() {
        let team = Team::new(2);
        std::thread::scope(|scope| {
            let bad = scope.spawn(|| {
                let _member = team.member(1);
                std::panic::resume_unwind(Box::new(()));
            });
            let member = team.member(0);
            member.meet();
            assert!(!member.goes_on(|| false));
            assert!(bad.join().is_err());
        });
    }
}
