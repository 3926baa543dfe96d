//! Events: one bit per lane.

use iced_x86::{Code, Register};

use super::{
    BASES, COUNT, Emitter, LANE, NUMBER, POINTERS, SCRATCH, TAIL_EVENTS, TAIL_MASK, TAIL_VECTOR,
};
use crate::native::assembler::{Address, Argument};
use crate::native::graph::{Id, Node};
use crate::tape::Operand;

impl Emitter<'_> {
    /// Set the bits of the lanes of a vector.
    pub(super) fn emit_events(&mut self, to: Operand, mask: Id) -> Option<()> {
        use Argument::{Byte, Memory, Register as R};
        if self.isa.has_masks() {
            let mut mask = self.mask(mask)?;
            if self.is_tail {
                self.assembler
                    .put(Code::VEX_Kandw_kr_kr_kr, &[R(Register::K0), R(mask), R(TAIL_MASK)]);
                mask = Register::K0;
            }
            self.assembler.put(Code::Mov_r64_rm64, &[R(SCRATCH), R(LANE)]);
            self.assembler.put(Code::Shr_rm64_imm8, &[R(SCRATCH), Byte(3)]);
            let address = self.event_address(to);
            self.assembler.put(Code::VEX_Kmovw_m16_kr, &[Memory(address), R(mask)]);
        } else {
            let mut mask = self.vector(mask)?;
            if self.is_tail {
                let arguments = [R(TAIL_EVENTS), R(mask), R(TAIL_VECTOR)];
                self.assembler.put(Code::VEX_Vandps_ymm_ymm_ymmm256, &arguments);
                mask = TAIL_EVENTS;
            }
            self.assembler.put(Code::VEX_Vmovmskps_r32_ymm, &[R(NUMBER), R(mask)]);
            self.assembler.put(Code::Mov_r64_rm64, &[R(SCRATCH), R(LANE)]);
            self.assembler.put(Code::Shr_rm64_imm8, &[R(SCRATCH), Byte(3)]);
            let address = self.event_address(to);
            self.assembler.put(Code::Mov_rm8_r8, &[Memory(address), R(Register::R11L)]);
        }
        Some(())
    }

    /// The byte of an event slot that [`SCRATCH`] counts to.
    pub(super) fn event_address(&mut self, to: Operand) -> Address {
        if let Some(index) = self.bases.iter().position(|&base| base == to.base) {
            let base = Address::new(POINTERS[index], to.offset as usize);
            return Address { index: SCRATCH, ..base };
        }
        let pointer = Address::new(BASES, usize::from(to.base) * 8);
        let arguments = [Argument::Register(SCRATCH), Argument::Memory(pointer)];
        self.assembler.put(Code::Add_r64_rm64, &arguments);
        Address::new(SCRATCH, to.offset as usize)
    }

    /// Clear the bytes of the last word of events that no lane has set.
    pub(super) fn clear_event_words(&mut self) {
        use Argument::{Byte, Memory, Register as R};
        for node in &self.graph.nodes {
            let Node::Emit(to, _) = *node else { continue };
            let group = self.isa.lanes();
            // Bytes that were written; up to a whole word they follow.
            let bytes = group / 8;
            self.assembler
                .put(Code::Lea_r64_m, &[R(SCRATCH), Memory(Address::new(COUNT, group - 1))]);
            self.assembler
                .put(Code::And_rm64_imm8, &[R(SCRATCH), Argument::Extended(-(group as i8))]);
            self.assembler.put(Code::Shr_rm64_imm8, &[R(SCRATCH), Byte(3)]);
            let again = self.assembler.here();
            self.assembler.put(Code::Test_rm8_imm8, &[R(Register::CL), Byte(3)]);
            let done = self.assembler.jump(Code::Je_rel32_64);
            self.assembler.put(Code::Mov_r64_rm64, &[R(Register::R11), R(SCRATCH)]);
            let address = self.event_address(to);
            let zero = [Memory(address), Byte(0)];
            if bytes == 1 {
                self.assembler.put(Code::Mov_rm8_imm8, &zero);
            } else {
                self.assembler.put(Code::Mov_rm16_imm16, &[Memory(address), Argument::Word(0)]);
            }
            let next = Memory(Address::new(Register::R11, bytes));
            self.assembler.put(Code::Lea_r64_m, &[R(SCRATCH), next]);
            self.assembler.jump_back(Code::Jmp_rel32_64, again);
            self.assembler.land(done);
        }
    }
}
