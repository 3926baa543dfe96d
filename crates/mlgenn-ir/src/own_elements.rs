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
/// `size * members * anything + size * member + neuron`, plus a constant that is the same for the
/// whole array: different lanes touch different elements. Indices are taken not to wrap, as such an
/// index is outside of the array.
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
    let (residues, constants) = (HashMap::new(), HashMap::new());
    let mut finder = Finder { kernel, lanes, modulus, stored, residues, constants };
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
    /// The constant in the indices of each array: with another one, lanes meet.
    constants: HashMap<SlotId, u64>,
}

impl Finder<'_> {
    /// Whether all is well in a region.
    fn follow(&mut self, region: &Region) -> bool {
        region.instructions.iter().all(|instruction| {
            let good = match &instruction.op {
                Op::LoadElement(slot, index)
                | Op::StoreElement(slot, index, _)
                | Op::AccumulateElement(slot, index, _) => {
                    !self.stored.contains(slot) || self.is_own(*slot, *index)
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

    fn is_own(&mut self, slot: SlotId, index: Value) -> bool {
        let Some(residue) = self.residues.get(&index) else { return false };
        // With one neuron or one member, multiples of its number are none.
        let neuron = residue.neuron == 1 % self.modulus || self.lanes.size == 1;
        let member = residue.member == self.lanes.size % self.modulus || self.lanes.members == 1;
        let constant = *self.constants.entry(slot).or_insert(residue.constant);
        neuron && member && constant == residue.constant
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
            Op::Convert(value) => {
                // Narrower numbers, and floating-point ones, are the same for several lanes.
                let ty = self.kernel.value_type(*results.first()?);
                let is_wide = ty.is_integer() && ty.bytes() >= 4;
                known(value).filter(|_| is_wide)
            }
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
        for ty in ["u8", "i16", "f32", "bool"] {
            let narrowed = ring(40, 10).replace("%20: i64 = convert %15", "");
            assert!(!own(&format!("{narrowed}%16: {ty} = convert %15\n%20: i64 = convert %16")));
        }
    }

    /// Elements of the same lane are at the same distance from those of other lanes.
    #[test]
    fn neighbours_are_not_own() {
        let plus = |number: u32, name: &str, next: u32| {
            let text = "%N: u32 = const D\n%M: u32 = add %15, %N\n";
            let text = text.replace('D', &number.to_string()).replace('N', &next.to_string());
            text.replace('M', &(next + 1).to_string())
                + &format!("{name}: i64 = convert %{}\n", next + 1)
        };
        let index = "%10: u32 = const 40\n%11: u32 = multiply %3, %10\n%12: u32 = const 10\n\
                     %13: u32 = multiply %1, %12\n%14: u32 = add %11, %13\n\
                     %15: u32 = add %14, %0\n";
        for (stored, loaded, is_own) in
            [(0, 0, true), (1, 1, true), (3, 43, true), (0, 1, false), (1, 0, false)]
        {
            let [to, from] = [plus(stored, "%20", 16), plus(loaded, "%30", 18)];
            let load = "%31: f32 = load_element ring, %30";
            assert_eq!(own(&format!("{index}{to}{from}{load}")), is_own, "{stored} {loaded}");
        }
    }
}
