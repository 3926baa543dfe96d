//! Listing the neurons whose bits are set: the spikes of a timestep.
//!
//! Few of the bits are set, and which ones is anybody's guess. So for every word a few neurons are
//! written whether there are as many or not, and what was too much is written over: no branch
//! depends on a bit. Where vectors can be compressed, words with many bits are listed by halves.
#![expect(unsafe_code, reason = "runs with instructions that the machine was found to have")]

use crate::simd::{Level, Simd, Task};

/// Neurons that are written for every word.
const AT_ONCE: usize = 4;

/// Words that are passed over together if they are empty.
const STRETCH: usize = 8;

/// See [`mlgenn_ir::launch::Executor::list_bits`].
pub(crate) fn list_bits(level: Level, words: &[u32], list: &mut [u32]) -> usize {
    // SAFETY: executors are only made for available levels.
    unsafe { level.run(ListBits { words, list }) }
}

pub(crate) struct ListBits<'a> {
    pub(crate) words: &'a [u32],
    pub(crate) list: &'a mut [u32],
}

impl Task for ListBits<'_> {
    type Output = usize;

    // Counting bits and finding the lowest one are single instructions where they are enabled.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        let mut count = 0;
        for (first, words) in (0..).step_by(32 * STRETCH).zip(self.words.chunks(STRETCH)) {
            if words.iter().fold(0, |any, word| any | word) == 0 {
                continue;
            }
            for (first, pair) in (first..).step_by(64).zip(words.chunks(2)) {
                let high = pair.get(1).copied().unwrap_or(0);
                let mut left = u64::from(pair[0]) | u64::from(high) << 32;
                let end = count + left.count_ones() as usize;
                if S::COMPRESSES && end > count + AT_ONCE {
                    for first in (first..).step_by(16).take(2 * pair.len()) {
                        let Some(room) = self.list.get_mut(count..count + 16) else {
                            return count;
                        };
                        let bits = left as u32 & 0xffff;
                        // SAFETY: there is room for a vector.
                        count += unsafe { S::store_positions(room.as_mut_ptr(), first, bits) };
                        left >>= 16;
                    }
                    continue;
                }
                loop {
                    let Some(room) = self.list.get_mut(count..count + AT_ONCE) else {
                        return count;
                    };
                    for neuron in room {
                        *neuron = first + left.trailing_zeros();
                        left &= left.wrapping_sub(1);
                    }
                    count += AT_ONCE;
                    if count >= end {
                        break;
                    }
                }
                count = end;
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_is_set() {
        for level in Level::available() {
            for words in [
                &[][..],
                &[0; 20],
                &[u32::MAX; 9],
                &[1, 0x8000_0000, 0x0101_0101, 0, 0, 0, 0, 0, 0, 0xffff, 7],
            ] {
                let wanted: Vec<u32> = (0..32 * words.len() as u32)
                    .filter(|bit| words[*bit as usize / 32] >> (bit % 32) & 1 == 1)
                    .collect();
                let mut list = vec![0; 32 * words.len() + 4];
                let count = list_bits(level, words, &mut list);
                assert_eq!(list[..count], wanted);
            }
        }
    }
}
