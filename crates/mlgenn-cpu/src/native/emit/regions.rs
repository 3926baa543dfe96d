//! Regions that only some lanes go through.

use iced_x86::Code;

use super::{Emitter, TAIL_MASK, whole};
use crate::native::assembler::{Argument, Jump};
use crate::native::graph::{Id, Node, Width};
use crate::native::registers::Registers;

/// A region whose end was not reached yet.
#[derive(Debug)]
pub(super) struct OpenRegion {
    /// Jumps over the region.
    jump: Jump,
    /// What was in registers at its start, which is also there if it is jumped over.
    registers: Registers,
}

impl Emitter<'_> {
    /// The mask of the lanes of a region for which a condition holds.
    pub(super) fn active(
        &mut self,
        id: Id,
        node: Node,
        condition: Id,
        mask: Option<Id>,
    ) -> Option<()> {
        use Argument::Register as R;
        let condition = self.mask(condition)?;
        let around = match mask {
            Some(mask) => Some(self.mask(mask)?),
            None => self.is_tail.then_some(TAIL_MASK),
        };
        self.release(node);
        let register = self.register_for(id)?;
        match around {
            Some(around) => {
                let arguments = [R(register), R(condition), R(around)];
                self.assembler.put(Code::VEX_Kandw_kr_kr_kr, &arguments);
            }
            None => {
                self.assembler.put(Code::VEX_Kmovw_kr_km16, &[R(register), R(condition)]);
            }
        }
        Some(())
    }

    /// Jump over the region that follows if no lane goes through it.
    pub(super) fn enter_region(&mut self, node: Node, mask: Id) -> Option<()> {
        let mask = Argument::Register(self.mask(mask)?);
        self.release(node);
        self.assembler.put(Code::VEX_Kortestw_kr_kr, &[mask, mask]);
        let jump = self.assembler.jump(Code::Je_rel32_64);
        self.regions.push(OpenRegion { jump, registers: self.registers.clone() });
        Some(())
    }

    /// Have in registers what was there at the start of the region and is still needed.
    pub(super) fn leave_region(&mut self) -> Option<()> {
        let OpenRegion { jump, registers } = self.regions.pop()?;
        let again = |id: Id| self.is_shared(id);
        let (registers, moved) = self.registers.restore(registers, self.position, again)?;
        self.registers = registers;
        for back in moved {
            self.unspill(back.class, back.register, back.place);
        }
        self.assembler.land(jump);
        Some(())
    }

    /// A register, or memory if there is none left, for a value that may be changed.
    pub(super) fn changing(&mut self, id: Id, node: Node, start: Id) -> Option<()> {
        let start = self.argument(start)?;
        self.release(node);
        let register = self.vector_for(id)?;
        match start {
            Argument::Register(start) if start == register => {}
            Argument::Memory(address) if address.broadcast => {
                let arguments = [Argument::Register(register), whole(start)];
                self.assembler.put(self.isa.broadcast(), &arguments);
            }
            _ => {
                let arguments = [Argument::Register(register), start];
                self.assembler.put(self.isa.load(Width::Bits32), &arguments);
            }
        }
        Some(())
    }

    /// Change it for some lanes, wherever it is: if the region is jumped over, it stays there as it
    /// was.
    pub(super) fn change(&mut self, node: Node, changing: Id, mask: Id, value: Id) -> Option<()> {
        let value = Argument::Register(self.vector(value)?);
        let mask = self.mask(mask)?;
        let place = self.registers.spilled[changing];
        if let Some(register) = self.registers.register(changing) {
            let register = Argument::Register(self.isa.register(register));
            self.assembler.put_masked(
                self.isa.load(Width::Bits32),
                &[register, value],
                mask,
                false,
            );
        } else if place.is_none() {
            return None;
        }
        if let Some(place) = place {
            let address = Argument::Memory(self.spill_address(place));
            self.assembler.put_masked(
                self.isa.store(Width::Bits32),
                &[address, value],
                mask,
                false,
            );
        }
        self.release(node);
        Some(())
    }
}
