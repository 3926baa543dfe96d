//! Do lanes touch elements of arrays that no other lane touches? A ring of spike times that has an
//! element for each neuron of each batch member in every slot is laid out like this; then it makes
//! no difference which lane comes first.

use std::collections::HashMap;

use crate::kernel::{Kernel, Region, SlotId, Value};
use crate::op::{BinaryOp, Op};
use crate::types::Type;

/// The slots that tell lanes apart, and what they range over.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    /// The number of the neuron, below `size`.
    pub neuron: Option<SlotId>,
    /// The number of the batch member, below `members`.
    pub member: Option<SlotId>,
    /// Neurons of a batch member.
    pub size: u64,
    /// Batch members.
    pub members: u64,
}

/// Whether every array that the kernel stores to is only indexed with
/// `size * members * anything + size * member + neuron` (plus a constant): different lanes touch
/// different elements. Indices are taken not to wrap, as such an index is outside of the array.
pub fn lanes_own_elements(kernel: &Kernel, lanes: Lanes) -> bool {
    let mut stored = Vec::new();
    kernel.body.for_each_op(&mut |op| match op {
        Op::StoreElement(slot, ..) | Op::AccumulateElement(slot, ..) => stored.push(*slot),
        _ => {}
    });
    let modulus = lanes.size * lanes.members;
    if stored.is_empty() {
        return true;
    }
    let mut finder = Finder { kernel, lanes, modulus, stored, residues: HashMap::new() };
    modulus > 0 && finder.follow(&kernel.body)
}

/// A number modulo `size * members`: a sum of multiples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Residue {
    neuron: u64,
    member: u64,
    constant: u64,
}

struct Finder<'a> {
    kernel: &'a Kernel,
    lanes: Lanes,
    modulus: u64,
    stored: Vec<SlotId>,
    /// Values of which nothing is known have no entry.
    residues: HashMap<Value, Residue>,
}

impl Finder<'_> {
    /// Whether all is well in a region.
    fn follow(&mut self, region: &Region) -> bool {
        region.instructions.iter().all(|instruction| {
            let good = match &instruction.op {
                Op::LoadElement(slot, index)
                | Op::StoreElement(slot, index, _)
                | Op::AccumulateElement(slot, index, _) => {
                    !self.stored.contains(slot) || self.is_own(*index)
                }
                Op::AddressOf(slot) => !self.stored.contains(slot),
                _ => true,
            };
            if let (&[result], Some(residue)) =
                (&instruction.results[..], self.residue(&instruction.op, &instruction.results))
            {
                self.residues.insert(result, residue);
            }
            good && instruction.op.regions().into_iter().flatten().all(|inner| self.follow(inner))
        })
    }

    fn is_own(&self, index: Value) -> bool {
        let wanted = |residue: &Residue| {
            // With one neuron or one member, multiples of its number are none.
            let neuron = residue.neuron == 1 % self.modulus || self.lanes.size == 1;
            let member = residue.member == self.lanes.size % self.modulus;
            neuron && (member || self.lanes.members == 1)
        };
        self.residues.get(&index).is_some_and(wanted)
    }

    fn residue(&self, op: &Op, results: &[Value]) -> Option<Residue> {
        let known = |value: &Value| self.residues.get(value).copied();
        match op {
            Op::Const(bits) => {
                let signed = |bits: u64, width: u32| bits >> (width - 1) & 1 == 1;
                let negative = match self.kernel.value_type(*results.first()?) {
                    Type::U32 | Type::U64 => false,
                    Type::I32 => signed(*bits, 32),
                    Type::I64 => signed(*bits, 64),
                    _ => return None,
                };
                let constant = *bits % self.modulus;
                (!negative).then_some(Residue { constant, ..Residue::default() })
            }
            Op::Read(slot) if Some(*slot) == self.lanes.neuron => {
                Some(Residue { neuron: 1 % self.modulus, ..Residue::default() })
            }
            Op::Read(slot) if Some(*slot) == self.lanes.member => {
                Some(Residue { member: 1 % self.modulus, ..Residue::default() })
            }
            Op::Convert(value) => known(value),
            Op::Binary(BinaryOp::Add, a, b) => {
                let (a, b) = (known(a)?, known(b)?);
                Some(Residue {
                    neuron: (a.neuron + b.neuron) % self.modulus,
                    member: (a.member + b.member) % self.modulus,
                    constant: (a.constant + b.constant) % self.modulus,
                })
            }
            Op::Binary(BinaryOp::Multiply, a, b) => {
                self.multiple(known(a), known(b)).or_else(|| self.multiple(known(b), known(a)))
            }
            _ => None,
        }
    }

    /// A number times a constant; all multiples of the modulus are zero.
    fn multiple(&self, number: Option<Residue>, factor: Option<Residue>) -> Option<Residue> {
        let factor = factor.filter(|factor| factor.neuron == 0 && factor.member == 0)?.constant;
        if factor == 0 {
            return Some(Residue::default());
        }
        let times = |number: u64| {
            (u128::from(number) * u128::from(factor) % u128::from(self.modulus)) as u64
        };
        number.map(|number| Residue {
            neuron: times(number.neuron),
            member: times(number.member),
            constant: times(number.constant),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(index: &str) -> bool {
        let text = format!(
            "kernel \"k\"\nslot id: u32 variable neuron\nslot batch: u32 variable member\n\
             slot offset: i32 variable neuron\nslot ring: f32 array writable\nbegin\n\
             %0: u32 = read id\n%1: u32 = read batch\n%2: i32 = read offset\n\
             %3: u32 = convert %2\n%4: f32 = const 0.0\n{index}\n\
             store_element ring, %20, %4\nend\n"
        );
        let kernel: Kernel = text.parse().unwrap();
        let (neuron, member) = (Some(SlotId(0)), Some(SlotId(1)));
        lanes_own_elements(&kernel, Lanes { neuron, member, size: 10, members: 4 })
    }

    #[test]
    fn elements_are_told_apart() {
        let ring = |slots: u32, members: u32| {
            format!(
                "%10: u32 = const {slots}\n%11: u32 = multiply %3, %10\n\
                 %12: u32 = const {members}\n%13: u32 = multiply %1, %12\n\
                 %14: u32 = add %11, %13\n%15: u32 = add %14, %0\n%20: i64 = convert %15"
            )
        };
        assert!(own(&ring(40, 10)));
        assert!(own(&ring(80, 10)));
        assert!(!own(&ring(39, 10)));
        assert!(!own(&ring(40, 9)));
        assert!(!own("%20: i64 = convert %0"));
        assert!(!own("%20: i64 = convert %3"));
    }
}
