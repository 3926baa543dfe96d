//! Allocation of registers in the scratch memory.

use mlgenn_ir::Type;
use mlgenn_ir::launch::BLOCK_LANES;

use super::Operand;

/// Bytes from one register to the next: a block of 32-bit lanes, and a cache line so that short
/// launches do not use the same cache sets for all registers.
const REGISTER_BYTES: usize = BLOCK_LANES * 4 + 64;

/// Which registers are in use. A 64-bit value takes two that lie side by side.
#[derive(Debug, Default)]
pub(super) struct Registers {
    used: Vec<bool>,
}

/// Bytes of a register.
pub(super) fn register_bytes(operand: Operand) -> u32 {
    u32::from(operand.step) / 4 * REGISTER_BYTES as u32
}

/// The registers that an operand takes; none if it is not in registers.
pub(crate) fn register_range(operand: Operand) -> std::ops::Range<usize> {
    if operand.base != Operand::REGISTERS || operand.is_uniform() {
        return 0..0;
    }
    let start = operand.offset as usize / REGISTER_BYTES;
    start..start + usize::from(operand.step) / 4
}

/// Registers that a value takes.
fn width(ty: Type) -> usize {
    if ty.bytes() == 8 { 2 } else { 1 }
}

impl Registers {
    /// A register for values of that type.
    pub(super) fn allocate(&mut self, ty: Type) -> Operand {
        let width = width(ty);
        let free = |&start: &usize| (start..start + width).all(|i| !self.is_used(i));
        // There is always room behind the last one.
        let start = (0..self.used.len()).find(free).unwrap_or(self.used.len());
        if self.used.len() < start + width {
            self.used.resize(start + width, false);
        }
        self.used[start..start + width].fill(true);
        Operand {
            base: Operand::REGISTERS,
            step: 4 * width as u16,
            offset: (start * REGISTER_BYTES) as u32,
        }
    }

    fn is_used(&self, index: usize) -> bool {
        self.used.get(index).copied().unwrap_or(false)
    }

    /// Give a register back; other operands are left alone.
    pub(super) fn release(&mut self, operand: Operand) {
        if operand.base == Operand::REGISTERS && !operand.is_uniform() {
            let start = operand.offset as usize / REGISTER_BYTES;
            self.used[start..start + operand.step as usize / 4].fill(false);
        }
    }

    /// Which registers are in use now.
    pub(super) fn snapshot(&self) -> Vec<bool> {
        self.used.clone()
    }

    /// Release everything that was not in use then.
    pub(super) fn restore(&mut self, mut snapshot: Vec<bool>) {
        snapshot.resize(self.used.len(), false);
        self.used = snapshot;
    }

    /// Bytes of all registers that were ever in use.
    pub(super) fn bytes(&self) -> usize {
        self.used.len() * REGISTER_BYTES
    }
}
