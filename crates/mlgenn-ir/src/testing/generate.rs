//! Random kernels and random memory: what is drawn is the same for the same arguments.

pub(super) mod branches;
mod control;
mod draw;
mod memory;
mod straight;

use super::{Binding, Case};
use crate::kernel::{Instruction, Kernel, Region, SlotId, SlotKind, Value};
use crate::op::Op;
use crate::types::Type;

/// A random case; the same for the same arguments.
pub(super) fn case(seed: u64, size: usize, lanes: usize) -> Case {
    let mut generator = Generator::new(seed, format!("random {seed} {size}"), lanes);
    generator.add_slots();
    generator.instructions(size, 0);
    generator.finish();
    generator.into_case()
}

struct Generator {
    seed: u64,
    drawn: u32,
    lanes: usize,
    kernel: Kernel,
    bindings: Vec<Binding>,
    /// Values that can be used here.
    visible: Vec<Value>,
    /// Pointers that can be used here, with the array they point into.
    pointers: Vec<(Value, SlotId)>,
    /// Instructions of the regions that are being made.
    open: Vec<Vec<Instruction>>,
}

impl Generator {
    fn new(seed: u64, name: String, lanes: usize) -> Self {
        let (slots, values, body) = (Vec::new(), Vec::new(), Region::default());
        Self {
            seed,
            drawn: 0,
            lanes,
            kernel: Kernel { name, slots, values, body },
            bindings: Vec::new(),
            visible: Vec::new(),
            pointers: Vec::new(),
            open: vec![Vec::new()],
        }
    }

    fn into_case(mut self) -> Case {
        self.kernel.body.instructions = self.open.pop().unwrap_or_default();
        Case { kernel: self.kernel, lanes: self.lanes, slots: self.bindings }
    }

    fn instructions(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            match self.below(100) {
                0..30 => self.arithmetic(),
                30..38 => self.call(),
                38..70 => self.access(),
                70..82 => self.array(),
                82..84 => self.check(),
                84..92 if depth < 3 => self.branch(count / 3, depth),
                92..97 if depth < 2 => self.counted_loop(count / 4, depth),
                _ => self.arithmetic(),
            }
        }
    }

    fn emit(&mut self, results: Vec<Value>, op: Op) {
        if let Some(instructions) = self.open.last_mut() {
            instructions.push(Instruction { results, op });
        }
    }

    fn fresh(&mut self, ty: Type) -> Value {
        self.kernel.values.push(ty);
        Value(self.kernel.values.len() as u32 - 1)
    }

    fn define(&mut self, ty: Type, op: Op) -> Value {
        let value = self.fresh(ty);
        self.emit(vec![value], op);
        if ty != Type::Ptr {
            self.visible.push(value);
        }
        value
    }

    fn constant(&mut self, ty: Type, bits: u64) -> Value {
        self.define(ty, Op::Const(bits))
    }

    /// Some value of a type: a visible one, a conversion of one, or a constant.
    fn value(&mut self, ty: Type) -> Value {
        let candidates: Vec<_> = self
            .visible
            .iter()
            .copied()
            .filter(|&value| self.kernel.value_type(value) == ty)
            .collect();
        if !candidates.is_empty() && self.chance(85) {
            // Rather recent ones.
            let recent = candidates.len().min(6);
            return self.pick(&candidates[candidates.len() - recent..]);
        }
        if !self.visible.is_empty() && self.chance(50) {
            let visible = self.visible.clone();
            let from = self.pick(&visible);
            return self.define(ty, Op::Convert(from));
        }
        let bits = self.random_bits(ty);
        self.constant(ty, bits)
    }

    /// Emit every event slot, and write what was computed last somewhere.
    fn finish(&mut self) {
        for slot in self.kernel.slot_ids() {
            let kind = self.kernel.slot(slot).kind;
            match kind {
                SlotKind::Events if self.chance(90) => {
                    let condition = self.value(Type::Bool);
                    self.emit(Vec::new(), Op::Emit(slot, condition));
                }
                SlotKind::Variable { writable: true, .. } => {
                    let value = self.value(self.slot_type(slot));
                    self.emit(Vec::new(), Op::Write(slot, value));
                }
                _ => {}
            }
        }
    }
}
