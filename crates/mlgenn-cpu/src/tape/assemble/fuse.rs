//! Making two operations one step of the tape.

use mlgenn_ir::Value;

use super::{Assembler, Kind, Operand};
use crate::steps::vector::VectorOp;
use crate::tape::registers::register_bytes;

/// How many steps back an operation may lie that is fused with another one.
const FUSION_WINDOW: usize = 16;

impl Assembler<'_> {
    /// Make an operation and those that compute its operands one, as far as there are such
    /// operations; takes the latter from the tape.
    pub(super) fn fuse(&mut self, op: &mut VectorOp, operands: &mut Vec<(Operand, Option<Value>)>) {
        let mut position = 0;
        while position < operands.len() {
            let found = operands[position].1.and_then(|value| self.fusible(value));
            if let Some((index, inner)) = found
                && let Some(fused) = op.fuse(position, inner)
            {
                let step = self.steps.remove(index);
                self.made.remove(index);
                let inner = [step.a, step.b, step.c, step.e].into_iter().take(2);
                operands.splice(position..=position, inner.map(|operand| (operand, None)));
                *op = fused;
                // Operands before may fit now.
                position = 0;
            } else {
                position += 1;
            }
        }
    }

    /// Index and operation of the step that computes a value, if the value is used once, is not
    /// written to memory and the operation may as well be done at the end of the tape.
    pub(super) fn fusible(&self, value: Value) -> Option<(usize, VectorOp)> {
        if self.analysis.uses[value.0 as usize] != 1 {
            return None;
        }
        let start = self.made.len().saturating_sub(FUSION_WINDOW);
        let index = start + self.made[start..].iter().position(|m| m.result == Some(value))?;
        let Kind::Vector(op) = self.made[index].kind else { return None };
        let step = self.steps[index];
        let sources = [step.a, step.b];
        let later = || self.steps[index + 1..].iter().zip(&self.made[index + 1..]);
        let moves = step.d.base == Operand::REGISTERS
            && later().all(|(later, made)| {
                let control = matches!(made.kind, Kind::Branch | Kind::Loop);
                // Writing slots that share memory would have to be looked at as well.
                let slot = later.d.is_slot() && self.analysis.shared_memory;
                !control && !slot && sources.iter().all(|source| !overlap(later.d, *source))
            });
        moves.then_some((index, op))
    }
}

/// Whether writing one operand may change another.
fn overlap(written: Operand, read: Operand) -> bool {
    written.base == read.base
        && (read.is_slot()
            || !written.is_uniform()
                && !read.is_uniform()
                // Registers are as wide as their steps say.
                && written.offset < read.offset + register_bytes(read)
                && read.offset < written.offset + register_bytes(written))
}
