//! What passes share: replacing values, and questions about operations.

use std::collections::{HashMap, HashSet};

use crate::kernel::{Instruction, Kernel, Region, SlotId, SlotKind, Value};
use crate::op::Op;
use crate::types::Type;

/// Values to be replaced by others.
#[derive(Debug, Default)]
pub(super) struct Replacements(HashMap<Value, Value>);

impl Replacements {
    /// Replace `old` by `new`, which is not going to be replaced itself.
    pub(super) fn insert(&mut self, old: Value, new: Value) {
        let new = self.of(new);
        self.0.insert(old, new);
    }

    /// What stands for a value.
    pub(super) fn of(&self, value: Value) -> Value {
        self.0.get(&value).copied().unwrap_or(value)
    }

    /// Replace the operands of an operation, not those in its regions.
    pub(super) fn apply(&self, op: &mut Op) {
        op.for_each_operand_mut(|value| *value = self.of(*value));
    }

    /// Replace values.
    pub(super) fn apply_to(&self, values: &mut [Value]) {
        for value in values {
            *value = self.of(*value);
        }
    }

    /// Replace all operands and yields of a region and of the regions inside.
    pub(super) fn apply_to_region(&self, region: &mut Region) {
        if self.0.is_empty() {
            return;
        }
        for instruction in &mut region.instructions {
            self.apply(&mut instruction.op);
            for region in instruction.op.regions_mut().into_iter().flatten() {
                self.apply_to_region(region);
            }
        }
        self.apply_to(&mut region.yields);
    }
}

/// Make a new value.
pub(super) fn fresh(values: &mut Vec<Type>, ty: Type) -> Value {
    values.push(ty);
    Value(values.len() as u32 - 1)
}

/// All slots that a region writes as variables.
pub(super) fn written_slots(region: &Region) -> HashSet<SlotId> {
    let mut slots = HashSet::new();
    region.for_each_instruction(&mut |instruction| {
        if let Op::Write(slot, _) = instruction.op {
            slots.insert(slot);
        }
    });
    slots
}

/// Whether the operation has no regions and its results depend on its operands only, or on memory
/// that the launch does not change.
pub(super) fn is_pure(kernel_slots: &[crate::kernel::Slot], op: &Op) -> bool {
    match op {
        Op::Read(slot) => {
            matches!(kernel_slots[slot.0 as usize].kind, SlotKind::Variable { writable: false, .. })
        }
        Op::If { .. } | Op::Loop { .. } => false,
        op => !op.has_effect(),
    }
}

/// Give values consecutive numbers in the order of the text form, and forget unused ones.
pub(super) fn renumber(kernel: &mut Kernel) {
    let mut numbers = HashMap::new();
    let mut types = Vec::new();
    number_region(&kernel.body, &kernel.values, &mut numbers, &mut types);
    rename_region(&mut kernel.body, &Replacements(numbers));
    kernel.values = types;
}

fn number_region(
    region: &Region,
    old: &[Type],
    numbers: &mut HashMap<Value, Value>,
    types: &mut Vec<Type>,
) {
    number(&region.parameters, old, numbers, types);
    for Instruction { results, op } in &region.instructions {
        number(results, old, numbers, types);
        for region in op.regions().into_iter().flatten() {
            number_region(region, old, numbers, types);
        }
    }
}

fn number(
    defined: &[Value],
    old: &[Type],
    numbers: &mut HashMap<Value, Value>,
    types: &mut Vec<Type>,
) {
    for value in defined {
        numbers.insert(*value, Value(types.len() as u32));
        types.push(old[value.0 as usize]);
    }
}

fn rename_region(region: &mut Region, numbers: &Replacements) {
    numbers.apply_to(&mut region.parameters);
    for instruction in &mut region.instructions {
        numbers.apply_to(&mut instruction.results);
        numbers.apply(&mut instruction.op);
        for region in instruction.op.regions_mut().into_iter().flatten() {
            rename_region(region, numbers);
        }
    }
    numbers.apply_to(&mut region.yields);
}
