//! Adding the weights of the neurons that spiked, for several batch members: what spikes of a
//! dense connection do.

use crate::buffer::Buffer;
use crate::launch::{AddRows, Executor, LIST_MARGIN};

/// Arguments of [`Executor::add_spiking_rows`].
#[derive(Debug)]
pub struct AddSpikingRows<'a> {
    /// Bits of the neurons that spiked; those of a batch member start `stride` words after those
    /// of the one before.
    pub spikes: &'a [u32],
    /// Words of one batch member.
    pub words: usize,
    /// See `spikes`; at least `words`.
    pub stride: usize,
    /// Row-major `f32` matrix, with a row for each neuron.
    pub matrix: &'a Buffer,
    /// First element of the matrix.
    pub matrix_offset: usize,
    /// Elements of a row.
    pub columns: usize,
    /// `f32` vectors, those of the batch members one after the other.
    pub out: &'a Buffer,
    /// First element of that of the first member.
    pub out_offset: usize,
}

impl<'a> AddSpikingRows<'a> {
    /// The bits of each batch member.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &'a [u32]> + use<'a> {
        let words = self.words;
        // The last ones may end with the words.
        self.spikes.chunks(self.stride.max(1)).map(move |spikes| &spikes[..words.min(spikes.len())])
    }

    /// The rows of one batch member, of which `rows` are the neurons that spiked.
    pub fn rows<'b>(&'b self, member: usize, rows: &'b [u32]) -> AddRows<'b> {
        AddRows {
            matrix: self.matrix,
            matrix_offset: self.matrix_offset,
            columns: self.columns,
            rows,
            out: self.out,
            out_offset: self.out_offset + member * self.columns,
        }
    }

    /// How long a list has to be.
    pub fn list_length(&self) -> usize {
        32 * self.words + LIST_MARGIN
    }

    /// Do it with the other functions of an executor.
    pub fn run<E: Executor + ?Sized>(&self, executor: &E, list: &mut [u32]) {
        let all = self.members().len().checked_mul(self.columns);
        let end = all.and_then(|all| all.checked_add(self.out_offset));
        if end.is_none_or(|end| end > self.out.len()) {
            return;
        }
        for (member, spikes) in self.members().enumerate() {
            let count = executor.list_bits(spikes, list);
            if count > 0 {
                executor.add_rows(&self.rows(member, &list[..count]));
            }
        }
    }
}
