//! Turns loads and stores by pointers whose array is known into those by index, which executors
//! need not follow at run time.

use std::collections::HashMap;

use super::rewrite::fresh;
use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, Op};
use crate::types::Type;

/// Resolve pointers.
pub fn resolve_pointers(kernel: &mut Kernel) {
    let Kernel { slots, values, body, .. } = kernel;
    Resolver { slots, values, known: HashMap::new() }.region(body);
}

struct Resolver<'a> {
    slots: &'a [Slot],
    values: &'a mut Vec<Type>,
    /// Array and index of pointers; no index means 0. Values are defined once, so an entry made in
    /// an inner region does no harm after it.
    known: HashMap<Value, (SlotId, Option<Value>)>,
}

impl Resolver<'_> {
    fn region(&mut self, region: &mut Region) {
        let mut instructions = Vec::with_capacity(region.instructions.len());
        for mut instruction in region.instructions.drain(..) {
            for inner in instruction.op.regions_mut().into_iter().flatten() {
                self.region(inner);
            }
            let result = instruction.results.first().copied();
            match (&instruction.op, result) {
                (Op::AddressOf(slot), Some(pointer)) => {
                    self.known.insert(pointer, (*slot, None));
                }
                (Op::Binary(BinaryOp::Add, base, more), Some(pointer)) => {
                    if let Some(&(slot, index)) = self.known.get(base) {
                        let index = match index {
                            None => *more,
                            Some(index) => {
                                let sum = fresh(self.values, Type::I64);
                                let op = Op::Binary(BinaryOp::Add, index, *more);
                                instructions.push(Instruction { results: vec![sum], op });
                                sum
                            }
                        };
                        self.known.insert(pointer, (slot, Some(index)));
                    }
                }
                (Op::LoadPointer(pointer), Some(value)) => {
                    let ty = self.values[value.0 as usize];
                    if let Some((slot, index)) =
                        self.resolve(*pointer, ty, false, &mut instructions)
                    {
                        instruction.op = Op::LoadElement(slot, index);
                    }
                }
                (&Op::StorePointer(pointer, value), _) => {
                    let ty = self.values[value.0 as usize];
                    if let Some((slot, index)) = self.resolve(pointer, ty, true, &mut instructions)
                    {
                        instruction.op = Op::StoreElement(slot, index, value);
                    }
                }
                _ => {}
            }
            instructions.push(instruction);
        }
        region.instructions = instructions;
    }

    /// Array and index of a pointer, if known and fit for the access.
    fn resolve(
        &mut self,
        pointer: Value,
        ty: Type,
        write: bool,
        instructions: &mut Vec<Instruction>,
    ) -> Option<(SlotId, Value)> {
        let &(slot, index) = self.known.get(&pointer)?;
        let array = &self.slots[slot.0 as usize];
        let allowed = matches!(array.kind, SlotKind::Array { writable } if writable || !write);
        if array.ty != ty || !allowed {
            return None;
        }
        let index = index.unwrap_or_else(|| {
            let zero = fresh(self.values, Type::I64);
            instructions.push(Instruction { results: vec![zero], op: Op::Const(0) });
            zero
        });
        Some((slot, index))
    }
}
