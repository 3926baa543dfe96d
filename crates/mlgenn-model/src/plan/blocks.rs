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

    /// Number of blocks.
    pub fn count(self) -> usize {
        self.batch_size.div_ceil(self.members)
    }

    /// Batch members of a block.
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
