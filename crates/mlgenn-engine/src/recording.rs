//! Recorded spikes and spike-like events.

use mlgenn_ir::{Buffer, Type};

use crate::error::EngineError;

/// Spikes of one batch member, ordered by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpikeTrain {
    /// Times in ms.
    pub times: Vec<f64>,
    /// Neurons; within a timestep descending inside every 32 neurons, blocks ascending.
    pub ids: Vec<u32>,
}

/// The events of a queue in the last timesteps, one bit per neuron: `[timesteps][batch][words]`.
#[derive(Debug)]
pub(crate) struct Recording {
    buffer: Buffer,
    timesteps: usize,
    batch_size: usize,
    words: usize,
}

impl Recording {
    pub(crate) fn new(
        timesteps: usize,
        batch_size: usize,
        words: usize,
    ) -> Result<Self, EngineError> {
        let buffer = Buffer::new(Type::U32, timesteps * batch_size * words)?;
        Ok(Self { buffer, timesteps, batch_size, words })
    }

    /// Where they are kept.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Keep the events of a batch member in the timestep after `steps_made` others.
    pub(crate) fn store(&self, steps_made: u64, member: usize, words: &[u32]) {
        let row = (steps_made % self.timesteps as u64) as usize;
        let start = (row * self.batch_size + member) * self.words;
        if let Some(kept) = self.buffer.words(start, self.words) {
            kept.copy_from_slice(words);
        }
    }

    /// The events of every batch member, oldest timestep first; `timestep` is the counter, which
    /// may have been set back, `steps_made` the number of timesteps since loading.
    pub(crate) fn spikes(
        &self,
        name: &str,
        timestep: u64,
        steps_made: u64,
        dt: f64,
    ) -> Result<Vec<SpikeTrain>, EngineError> {
        let kept = self.timesteps as u64;
        if steps_made < kept {
            return Err(EngineError::Recording(format!(
                "{name}: {steps_made} timesteps were run, but {kept} are recorded; read the \
                 recording after that many"
            )));
        }
        let mut trains = vec![SpikeTrain::default(); self.batch_size];
        for age in (1..=kept).rev() {
            let row = (steps_made - age) % kept;
            let time = (timestep as f64 - age as f64) * dt;
            self.append(row as usize, time, &mut trains);
        }
        Ok(trains)
    }

    fn append(&self, row: usize, time: f64, trains: &mut [SpikeTrain]) {
        for (member, train) in trains.iter_mut().enumerate() {
            let start = (row * self.batch_size + member) * self.words;
            let Some(words) = self.buffer.words(start, self.words) else { continue };
            for (index, word) in words.iter().enumerate() {
                let mut left = *word;
                while left != 0 {
                    let bit = 31 - left.leading_zeros();
                    left &= !(1 << bit);
                    train.times.push(time);
                    train.ids.push(index as u32 * 32 + bit);
                }
            }
        }
    }
}
