//! Where neurons are that go ahead of time, all of a block at once: the timestep ("day") of a
//! stretch in which each is due next.

/// One pass over all neurons: when each is due next, and at which time. Those that are due behind
/// the end of the stretch have left, and have no time (NaN).
#[derive(Debug)]
pub struct Days<'a> {
    /// What happens.
    pub pass: Pass,
    /// How long each neuron sleeps from now on.
    pub timesteps: &'a [u32],
    /// When each neuron is due.
    pub days: &'a mut [u32],
    /// The same in ms.
    pub times: &'a mut [f32],
    /// End of the stretch.
    pub end: u32,
    /// The timestep at the start of the stretch.
    pub first: u64,
    /// Duration of a timestep in ms.
    pub dt: f32,
}

/// What happens to neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// All of them set out on this day.
    SetOut(u32),
    /// Those that were due, and have not left, go on.
    GoOn,
}

impl Days<'_> {
    /// Do it; how many neurons are due before the end.
    // Inlined where instructions of a vector unit may be used.
    #[inline(always)]
    pub fn run(self) -> usize {
        match self.pass {
            Pass::SetOut(now) => self.each(|_, timesteps| now.saturating_add(timesteps)),
            Pass::GoOn => {
                let end = self.end;
                self.each(
                    |day, timesteps| if day < end { day.saturating_add(timesteps) } else { day },
                )
            }
        }
    }

    #[inline(always)]
    fn each(self, next: impl Fn(u32, u32) -> u32) -> usize {
        let mut due = 0;
        for ((day, time), &timesteps) in
            self.days.iter_mut().zip(&mut *self.times).zip(self.timesteps)
        {
            *day = next(*day, timesteps.max(1));
            let at = (self.first + u64::from(*day)) as f32 * self.dt;
            *time = if *day < self.end { at } else { f32::NAN };
            due += u32::from(*day < self.end);
        }
        due as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neurons_leave_at_the_end_of_the_stretch() {
        let (mut days, mut times) = ([0; 6], [0.0; 6]);
        let mut run = |pass, timesteps: [u32; 6]| {
            let (days, times) = (&mut days, &mut times);
            let all =
                Days { pass, timesteps: &timesteps, days, times, end: 10, first: 100, dt: 0.5 };
            let due = all.run();
            (due, *days, *times)
        };
        let (due, days, times) = run(Pass::SetOut(0), [0, 3, 10, u32::MAX, 9, 10]);
        assert_eq!((due, days), (3, [1, 3, 10, u32::MAX, 9, 10]));
        assert_eq!((times[..2].to_vec(), times[4]), (vec![50.5, 51.5], 54.5));
        assert!([2, 3, 5].iter().all(|&neuron: &usize| times[neuron].is_nan()));
        let (due, days, times) = run(Pass::GoOn, [9, 2, 1, 1, u32::MAX, 1]);
        assert_eq!((due, days), (1, [10, 5, 10, u32::MAX, u32::MAX, 10]));
        assert!(times[1] == 52.5 && times[0].is_nan() && times[4].is_nan());
    }
}
