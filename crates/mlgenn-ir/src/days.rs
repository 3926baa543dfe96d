//! Where neurons are that go ahead of time, all of a block at once: the timestep ("day") of a
//! stretch in which each is due next.

/// One pass over all neurons. Those that are due behind the end of the stretch have left.
#[derive(Debug)]
pub enum Days<'a> {
    /// Neurons sleep for so many timesteps from `now` on.
    SetOut {
        /// The timestep of the stretch.
        now: u32,
        /// How long each neuron sleeps.
        timesteps: &'a [u32],
        /// The result.
        days: &'a mut [u32],
        /// End of the stretch.
        end: u32,
    },
    /// Write the times in ms at which neurons are due, and NaN for those that have left.
    Times {
        /// When each neuron is due.
        days: &'a [u32],
        /// End of the stretch.
        end: u32,
        /// The timestep at the start of the stretch.
        first: u64,
        /// Duration of a timestep in ms.
        dt: f32,
        /// The result.
        times: &'a mut [f32],
    },
    /// Neurons that were due sleep for so many timesteps more.
    GoOn {
        /// How long each of them sleeps.
        timesteps: &'a [u32],
        /// When each neuron was due; when it is due next.
        days: &'a mut [u32],
        /// End of the stretch.
        end: u32,
    },
}

impl Days<'_> {
    /// Do it; how many neurons are due before the end.
    // Inlined where instructions of a vector unit may be used.
    #[inline(always)]
    pub fn run(self) -> usize {
        match self {
            Self::SetOut { now, timesteps, days, end } => {
                let mut due = 0;
                for (day, timesteps) in days.iter_mut().zip(timesteps) {
                    *day = now.saturating_add((*timesteps).max(1));
                    due += u32::from(*day < end);
                }
                due as usize
            }
            Self::Times { days, end, first, dt, times } => {
                let mut due = 0;
                for (time, &day) in times.iter_mut().zip(days) {
                    let at = (first + u64::from(day)) as f32 * dt;
                    *time = if day < end { at } else { f32::NAN };
                    due += u32::from(day < end);
                }
                due as usize
            }
            Self::GoOn { timesteps, days, end } => {
                let mut due = 0;
                for (day, &timesteps) in days.iter_mut().zip(timesteps) {
                    let next = day.saturating_add(timesteps.max(1));
                    *day = if *day < end { next } else { *day };
                    due += u32::from(*day < end);
                }
                due as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neurons_leave_at_the_end_of_the_stretch() {
        let (mut days, end) = ([0; 6], 10);
        let timesteps = [0, 3, 10, u32::MAX, 9, 10];
        let now = 0;
        assert_eq!(Days::SetOut { now, timesteps: &timesteps, days: &mut days, end }.run(), 3);
        assert_eq!(days, [1, 3, 10, u32::MAX, 9, 10]);
        let mut times = [0.0; 6];
        let (first, dt) = (100, 0.5);
        assert_eq!(Days::Times { days: &days, end, first, dt, times: &mut times }.run(), 3);
        assert_eq!((times[..2].to_vec(), times[4]), (vec![50.5, 51.5], 54.5));
        assert!([2, 3, 5].iter().all(|&neuron: &usize| times[neuron].is_nan()));
        let timesteps = [9, 2, 1, 1, u32::MAX, 1];
        assert_eq!(Days::GoOn { timesteps: &timesteps, days: &mut days, end }.run(), 1);
        assert_eq!(days, [10, 5, 10, u32::MAX, u32::MAX, 10]);
    }
}
