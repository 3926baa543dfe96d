//! What a launch is given: the layouts of `prelude/memory.cuh`.

use mlgenn_ir::launch::Fault;
use mlgenn_ir::{Kernel, Type};

/// Where a slot of a kernel is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Address of the first element, of the first copy.
    pub data: u64,
    /// Address of the elements of the lanes (`u32`), if they are not in order.
    pub indices: u64,
    /// Number of elements, for arrays.
    pub length: i64,
    /// Elements from one copy (of a batch member) to the next.
    pub copy_step: i64,
    /// Elements from one delay slot to the next.
    pub ring_stride: i64,
    /// Address of the delay slot written last (`u32`); 0 without a ring.
    pub current: u64,
    /// Number of delay slots.
    pub slots: u32,
    /// How many delay slots before the last one.
    pub back: u32,
}

/// The first fault of a run, and the wish to stop.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Not 0 to end loops.
    pub stop: u32,
    /// Kind of the first fault; 0 for none.
    pub fault: u32,
    /// Number of the kernel.
    pub kernel: u32,
    /// Slot of the kernel.
    pub slot: u32,
    /// The index.
    pub index: i64,
    /// Number of elements.
    pub length: i64,
}

/// What comes before the slots of a launch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaunchHead {
    /// Address of the [`Watch`].
    pub watch: u64,
    /// Address of the addresses of what sums need: values of lanes for each, then partial sums.
    pub sums: u64,
    /// Number of lanes.
    pub lanes: u32,
    /// Number of batch members.
    pub members: u32,
    /// Number of the kernel, for faults.
    pub kernel: u32,
    /// Number of batch members of a block.
    pub members_per_block: u32,
    /// Neurons that may have events.
    pub rows: u32,
    /// Postsynaptic neurons.
    pub columns: u32,
    /// Elements of a row of synapses.
    pub stride: u32,
    /// For functions that are no kernels of the model: type of the elements, see [`type_code`].
    pub ty: u32,
    /// Addresses of `u32`: length of each row, postsynaptic neuron of each synapse, entry of the
    /// kernel of each synapse; first synapse of each postsynaptic neuron in the lists that follow,
    /// presynaptic neurons, synapses.
    pub lists: [u64; 6],
}

impl Watch {
    /// From bytes as they lie in memory.
    pub fn from_bytes(bytes: &[u8; size_of::<Self>()]) -> Self {
        let word = |at: usize| bytes[at..at + 4].try_into().map_or(0, u32::from_ne_bytes);
        let long = |at: usize| bytes[at..at + 8].try_into().map_or(0, i64::from_ne_bytes);
        Self {
            stop: word(0),
            fault: word(4),
            kernel: word(8),
            slot: word(12),
            index: long(16),
            length: long(24),
        }
    }

    /// The fault, given the kernel that `self.kernel` stands for.
    pub fn to_fault(self, kernel: &Kernel) -> Option<Fault> {
        let name = kernel.name.clone();
        match self.fault {
            1 => Some(Fault::IndexOutOfRange {
                kernel: name,
                array: kernel.slots.get(self.slot as usize)?.name.clone(),
                index: self.index,
                length: usize::try_from(self.length).unwrap_or(0),
            }),
            2 => Some(Fault::BadPointer { kernel: name }),
            3 => Some(Fault::AssertionFailed { kernel: name }),
            _ => None,
        }
    }
}

/// Number of a type in `prelude/schedule.cuh`: its place in [`Type::ALL`].
pub fn type_code(ty: Type) -> u32 {
    Type::ALL.iter().position(|&other| other == ty).map_or(0, |place| place as u32)
}

/// The bytes of a launch as words: head and slots.
pub fn launch_words(head: &LaunchHead, slots: &[Slot]) -> Vec<u64> {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let mut words = vec![
        head.watch,
        head.sums,
        pair(head.lanes, head.members),
        pair(head.kernel, head.members_per_block),
        pair(head.rows, head.columns),
        pair(head.stride, head.ty),
    ];
    words.extend(head.lists);
    for slot in slots {
        words.extend([
            slot.data,
            slot.indices,
            slot.length as u64,
            slot.copy_step as u64,
            slot.ring_stride as u64,
            slot.current,
            pair(slot.slots, slot.back),
        ]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_size_of_the_layout() {
        let slot = Slot {
            data: 1,
            indices: 2,
            length: 3,
            copy_step: 4,
            ring_stride: 5,
            current: 6,
            slots: 7,
            back: 8,
        };
        let head = LaunchHead { lanes: 3, members: 4, ..LaunchHead::default() };
        let words = launch_words(&head, &[slot, slot]);
        assert_eq!(words.len() * 8, size_of::<LaunchHead>() + 2 * size_of::<Slot>());
        assert_eq!(words[2], 3 | 4 << 32);
        assert_eq!(words[18], 7 | 8 << 32);
    }
}
