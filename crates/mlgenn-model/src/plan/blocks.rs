//! Blocks of batch members: what one worker runs through a whole trial.

/// How a batch is cut into blocks.
///
/// Blocks depend on the batch size alone, never on the number of threads, so that sums over the
/// batch, which are taken block by block, have the same bits on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    batch_size: usize,
    members: usize,
}

impl Blocks {
    /// Cut a batch.
    pub fn new(batch_size: usize) -> Self {
        // Enough blocks to feed many cores, few enough that a copy of the gradients for each
        // stays cheap, and several members in each so that small populations fill vectors.
        let members = match batch_size {
            0..=8 => 1,
            9..=63 => batch_size.div_ceil(8),
            _ => batch_size.div_ceil(16),
        };
        Self { batch_size, members }
    }

    /// Cut a batch for a device that runs hundreds of blocks side by side. Sums over the batch need
    /// `bytes` for each block.
    pub fn for_device(batch_size: usize, bytes: usize) -> Self {
        // Two blocks for each multiprocessor of a large GPU are side by side; no more are useful.
        const MOST_BLOCKS: usize = 256;
        // Sums take a small part of the memory of a GPU.
        const MOST_BYTES: usize = 2 << 30;
        let blocks = (MOST_BYTES / bytes.max(1)).clamp(16, MOST_BLOCKS);
        Self { batch_size, members: batch_size.div_ceil(blocks).max(1) }
    }

    /// Number of blocks.
    pub fn count(self) -> usize {
        self.batch_size.div_ceil(self.members)
    }

    /// Batch members of a block.
    #[inline]
    pub fn members(self, block: usize) -> std::ops::Range<usize> {
        let start = block * self.members;
        start..(start + self.members).min(self.batch_size)
    }

    /// Number of members of the largest block.
    pub fn largest(self) -> usize {
        self.members
    }

    /// Block of a batch member.
    pub fn block_of(self, member: usize) -> usize {
        member / self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_a_block_for_each_member_if_there_is_memory() {
        assert_eq!(Blocks::for_device(100, 1 << 20).count(), 100);
        assert_eq!(Blocks::for_device(512, 1 << 20).count(), 256);
        assert_eq!(Blocks::for_device(512, 64 << 20).count(), 32);
        assert_eq!(Blocks::for_device(512, 1 << 40).count(), 16);
        assert_eq!(Blocks::for_device(0, 0).count(), 0);
    }

    #[test]
    fn blocks_cover_the_batch_once() {
        for batch_size in 1..=600 {
            let blocks = Blocks::new(batch_size);
            let members: Vec<_> = (0..blocks.count()).flat_map(|b| blocks.members(b)).collect();
            assert_eq!(members, (0..batch_size).collect::<Vec<_>>());
            for member in members {
                assert!(blocks.members(blocks.block_of(member)).contains(&member));
            }
            assert!(blocks.count() <= 16);
        }
    }
}
