//! Elements that lie anywhere.

use iced_x86::{Code, Register};

use super::{BASES, Emitter, NUMBER, ONE_BY_ONE, POINTERS, SCRATCH, SCRATCH_MASK, TAIL_MASK};
use crate::native::assembler::{Address, Argument};
use crate::native::graph::{Id, Node, Width};
use crate::tape::{ArrayAccesses, Operand};

/// The mask of all lanes of a vector.
const ALL: u32 = 0xffff;

impl Emitter<'_> {
    /// Look up the elements of lanes.
    pub(super) fn gather(
        &mut self,
        id: Id,
        node: Node,
        (from, width): (Operand, Width),
        index: Id,
        mask: Option<Id>,
    ) -> Option<()> {
        use Argument::{Memory, Register as R};
        let index = self.vector(index)?;
        let mask = self.lanes(mask)?;
        // Must not be that of the index.
        let register = self.vector_for(id)?;
        self.release(node);
        let zero = [R(register), R(register), R(register)];
        self.assembler.put(Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, &zero);
        self.copy_mask(mask);
        let base = self.pointer(from);
        let address = Address { index, scale: width as u32, ..Address::new(base, 0) };
        let arguments = [R(register), Memory(address)];
        let code = Code::EVEX_Vgatherdps_zmm_k1_vm32z;
        self.assembler.put_masked(code, &arguments, SCRATCH_MASK, false);
        Some(())
    }

    /// Set the elements of lanes.
    pub(super) fn scatter(
        &mut self,
        node: Node,
        (to, width): (Operand, Width),
        index: Id,
        value: Id,
        mask: Option<Id>,
    ) -> Option<()> {
        let index = self.vector(index)?;
        let value = self.vector(value)?;
        let mask = self.lanes(mask)?;
        if width == Width::Bits32 {
            self.copy_mask(mask);
            let base = self.pointer(to);
            let address = Address { index, scale: width as u32, ..Address::new(base, 0) };
            let arguments = [Argument::Memory(address), Argument::Register(value)];
            let code = Code::EVEX_Vscatterdps_vm32z_k1_zmm;
            self.assembler.put_masked(code, &arguments, SCRATCH_MASK, false);
        } else {
            self.scatter_narrow((to, width), [index, value], mask);
        }
        self.release(node);
        Some(())
    }

    /// Set the narrow elements of lanes, one after the other: no instruction does it.
    fn scatter_narrow(
        &mut self,
        (to, width): (Operand, Width),
        sources: [Register; 2],
        mask: Option<Register>,
    ) {
        use Argument::{Double, Memory, Register as R};
        let [array, number, _] = ONE_BY_ONE;
        let places = [0, 1].map(|place| self.spill_address(place));
        for (place, source) in places.into_iter().zip(sources) {
            self.store(place, source, Width::Bits32);
        }
        match mask {
            Some(mask) => {
                self.assembler.put(Code::VEX_Kmovw_r32_kr, &[R(NUMBER), R(mask)]);
            }
            None => self.assembler.put(Code::Mov_r32_imm32, &[R(NUMBER), Double(ALL)]),
        }
        let base = match self.bases.iter().position(|&base| base == to.base) {
            Some(index) => POINTERS[index],
            None => {
                let pointer = Address::new(BASES, usize::from(to.base) * 8);
                self.assembler.put(Code::Mov_r64_rm64, &[R(array), Memory(pointer)]);
                array
            }
        };
        self.assembler.put(Code::Test_rm32_r32, &[R(NUMBER), R(NUMBER)]);
        let none = self.assembler.jump(Code::Je_rel32_64);
        let again = self.assembler.here();
        self.assembler.put(Code::Tzcnt_r32_rm32, &[R(Register::ECX), R(NUMBER)]);
        for (register, place) in [Register::R14D, Register::R15D].into_iter().zip(places) {
            let lane = Memory(Address { index: SCRATCH, scale: 4, ..place });
            self.assembler.put(Code::Mov_r32_rm32, &[R(register), lane]);
        }
        let (code, register) = match width {
            Width::Bits8 => (Code::Mov_rm8_r8, Register::R15L),
            _ => (Code::Mov_rm16_r16, Register::R15W),
        };
        let address = Address { index: number, scale: width as u32, ..Address::new(base, 0) };
        self.assembler.put(code, &[Memory(address), R(register)]);
        self.assembler.put(Code::VEX_Blsr_r32_rm32, &[R(NUMBER), R(NUMBER)]);
        self.assembler.jump_back(Code::Jne_rel32_64, again);
        self.assembler.land(none);
    }

    /// Note the lanes of a mask that are not good, if there are any and none was noted before.
    pub(super) fn report(
        &mut self,
        node: Node,
        access: u32,
        index: Id,
        mask: Option<Id>,
        good: Id,
    ) -> Option<()> {
        use Argument::{Double, Memory, Register as R};
        let index = self.vector(index)?;
        let good = self.mask(good)?;
        match self.lanes(mask)? {
            Some(mask) => {
                let arguments = [R(SCRATCH_MASK), R(good), R(mask)];
                self.assembler.put(Code::VEX_Kandnw_kr_kr_kr, &arguments);
            }
            None => self.assembler.put(Code::VEX_Knotw_kr_kr, &[R(SCRATCH_MASK), R(good)]),
        }
        let test = [R(SCRATCH_MASK), R(SCRATCH_MASK)];
        self.assembler.put(Code::VEX_Kortestw_kr_kr, &test);
        let all_good = self.assembler.jump(Code::Je_rel32_64);
        let number = self.shared_address(self.report);
        let bits = self.shared_address(self.report + ArrayAccesses::REPORT_MASK);
        let indices = self.shared_address(self.report + ArrayAccesses::REPORT_INDICES);
        self.assembler.put(Code::Cmp_rm32_imm32, &[Memory(number), Double(0)]);
        let noted = self.assembler.jump(Code::Jne_rel32_64);
        self.assembler.put(Code::Mov_rm32_imm32, &[Memory(number), Double(access + 1)]);
        self.assembler.put(Code::VEX_Kmovw_m16_kr, &[Memory(bits), R(SCRATCH_MASK)]);
        self.store(indices, index, Width::Bits32);
        self.assembler.land(noted);
        self.assembler.land(all_good);
        self.release(node);
        Some(())
    }

    /// The register of a mask; of all lanes that there are, if it is `None`, which is nothing if
    /// these are all lanes of a vector.
    fn lanes(&mut self, mask: Option<Id>) -> Option<Option<Register>> {
        match mask {
            Some(mask) => self.mask(mask).map(Some),
            None => Some(self.is_tail.then_some(TAIL_MASK)),
        }
    }

    /// A copy of a mask that an instruction may destroy.
    fn copy_mask(&mut self, mask: Option<Register>) {
        use Argument::Register as R;
        match mask {
            Some(mask) => {
                self.assembler.put(Code::VEX_Kmovw_kr_km16, &[R(SCRATCH_MASK), R(mask)]);
            }
            None => {
                let same = [R(SCRATCH_MASK), R(SCRATCH_MASK), R(SCRATCH_MASK)];
                self.assembler.put(Code::VEX_Kxnorw_kr_kr_kr, &same);
            }
        }
    }
}
