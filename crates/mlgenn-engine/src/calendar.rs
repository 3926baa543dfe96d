//! When the sleeping neurons of a population have to be updated next.
//!
//! Neurons of some populations know for how many timesteps they can be left alone: see
//! [`mlgenn_ir::passes::sleep`]. While a block goes through timesteps on its own, a calendar says
//! which of them are due in each.

/// Fewer timesteps than this are not worth a calendar.
pub(crate) const SHORTEST_STRETCH: usize = 4;

/// Neurons of a population by the timestep in which they are due, for a stretch of timesteps.
#[derive(Debug, Default)]
pub(crate) struct Calendar {
    /// Whether it has been made, and nothing has disturbed the neurons since.
    kept: bool,
    /// For each timestep of the stretch: distances of the neurons from the first neuron of the
    /// first batch member of the block.
    days: Vec<Vec<u32>>,
}

impl Calendar {
    /// Start a stretch of so many timesteps.
    pub(crate) fn begin(&mut self, timesteps: usize) {
        self.days.iter_mut().for_each(Vec::clear);
        self.days.resize_with(timesteps, Vec::new);
        self.kept = false;
    }

    /// Something has changed what the neurons wait for.
    pub(crate) fn disturb(&mut self) {
        self.kept = false;
    }

    /// Whether it says who is due.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Make it anew in the timestep `now`: neuron `i` sleeps for `timesteps[i]`.
    pub(crate) fn make(&mut self, now: usize, timesteps: &[u32]) {
        self.days.iter_mut().for_each(Vec::clear);
        self.kept = true;
        for (neuron, &timesteps) in timesteps.iter().enumerate() {
            self.sleep(now, neuron as u32, timesteps);
        }
    }

    /// A neuron sleeps for so many timesteps, at least one.
    pub(crate) fn sleep(&mut self, now: usize, neuron: u32, timesteps: u32) {
        let day = now.saturating_add(timesteps.max(1) as usize);
        if let Some(day) = self.days.get_mut(day) {
            day.push(neuron);
        }
    }

    /// The neurons that are due in a timestep, in any order; give the list back when it is used up.
    pub(crate) fn take(&mut self, now: usize) -> Vec<u32> {
        self.days.get_mut(now).map(std::mem::take).unwrap_or_default()
    }

    /// Keep the memory of a list for later.
    pub(crate) fn give_back(&mut self, now: usize, mut due: Vec<u32>) {
        if let Some(day) = self.days.get_mut(now) {
            due.clear();
            *day = due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neurons_are_due_when_they_have_slept() {
        let mut calendar = Calendar::default();
        calendar.begin(5);
        assert!(!calendar.is_kept());
        calendar.make(1, &[1, 0, 3, 2, u32::MAX]);
        let on = |calendar: &mut Calendar, day| {
            let mut due = calendar.take(day);
            due.sort_unstable();
            calendar.give_back(day, due.clone());
            assert!(calendar.take(day).is_empty());
            due
        };
        assert_eq!(on(&mut calendar, 2), [0, 1]);
        calendar.sleep(2, 4, 1);
        calendar.sleep(2, 0, 7);
        assert_eq!(on(&mut calendar, 3), [3, 4]);
        assert_eq!(on(&mut calendar, 4), [2]);
        calendar.disturb();
        assert!(!calendar.is_kept());
    }
}
