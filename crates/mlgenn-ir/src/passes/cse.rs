//! Common subexpression elimination: an operation that was done before with the same operands is
//! replaced by its result. Reads of writable variables count as the same until the next write.

use std::collections::HashMap;

use super::rewrite::{Replacements, is_pure, written_slots};
use crate::kernel::{Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::Op;
use crate::types::Type;

/// Eliminate common subexpressions.
pub fn cse(kernel: &mut Kernel) {
    let mut pass = Cse {
        slots: &kernel.slots,
        types: &kernel.values,
        known: HashMap::new(),
        reads: HashMap::new(),
        replacements: Replacements::default(),
    };
    pass.region(&mut kernel.body);
}

struct Cse<'a> {
    slots: &'a [Slot],
    types: &'a [Type],
    /// Results of operations, by operation and type.
    known: HashMap<(String, Type), Value>,
    /// Values of writable variables.
    reads: HashMap<SlotId, Value>,
    replacements: Replacements,
}

impl Cse<'_> {
    fn region(&mut self, region: &mut Region) {
        region.instructions.retain_mut(|instruction| {
            self.replacements.apply(&mut instruction.op);
            match &instruction.op {
                Op::Write(slot, _) => {
                    self.reads.remove(slot);
                }
                Op::Loop { .. } => self.forget_written(&instruction.op),
                _ => {}
            }
            for inner in instruction.op.regions_mut().into_iter().flatten() {
                let (known, reads) = (self.known.clone(), self.reads.clone());
                self.region(inner);
                (self.known, self.reads) = (known, reads);
                // Lanes of the other region may share elements with those that wrote here.
                for slot in written_slots(inner) {
                    self.reads.remove(&slot);
                }
            }
            self.forget_written(&instruction.op);
            let &[result] = instruction.results.as_slice() else { return true };
            match self.earlier(&instruction.op, result) {
                Some(earlier) => {
                    self.replacements.insert(result, earlier);
                    false
                }
                None => true,
            }
        });
        self.replacements.apply_to(&mut region.yields);
    }

    fn forget_written(&mut self, op: &Op) {
        for region in op.regions().into_iter().flatten() {
            for slot in written_slots(region) {
                self.reads.remove(&slot);
            }
        }
    }

    /// The value that is the same as this result; if there is none, the result is remembered.
    fn earlier(&mut self, op: &Op, result: Value) -> Option<Value> {
        let entry = match op {
            Op::Read(slot) if !is_pure(self.slots, op) => {
                if let Some(&earlier) = self.reads.get(slot) {
                    return Some(earlier);
                }
                self.reads.insert(*slot, result);
                return None;
            }
            // The fault of a second load outside the array is the same as that of the first.
            Op::LoadElement(slot, _)
                if self.slots[slot.0 as usize].kind == SlotKind::Array { writable: false } =>
            {
                self.known.entry((format!("{op:?}"), self.types[result.0 as usize]))
            }
            op if is_pure(self.slots, op) => {
                self.known.entry((format!("{op:?}"), self.types[result.0 as usize]))
            }
            _ => return None,
        };
        match entry {
            std::collections::hash_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(result);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_does_not_outlive_a_write_in_the_other_branch() {
        let text = r#"kernel "k"
slot x: f32 variable member writable
slot c: u32 variable neuron
slot y: f32 variable neuron writable
begin
  %0: f32 = read x
  %1: u32 = read c
  %2: bool = convert %1
  %3: f32 = if %2 {
    %4: f32 = const 2.0
    write x, %4
    yield %0
  } else {
    %5: f32 = read x
    yield %5
  }
  write y, %3
end
"#;
        let mut kernel: Kernel = text.parse().unwrap();
        cse(&mut kernel);
        crate::verify::verify(&kernel).unwrap();
        assert_eq!(kernel.to_string().matches("read x").count(), 2, "{kernel}");
    }
}
