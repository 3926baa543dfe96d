//! Getting at values and memory while a loop body is written.

use iced_x86::{Code, Register};

use super::{BASES, Emitter, LANE, POINTERS, SCRATCH, SPILL_BYTES, TAIL_MASK, TAIL_VECTOR};
use crate::native::assembler::{Address, Argument};
use crate::native::graph::{Id, Node, Width};
use crate::native::registers::Class;
use crate::tape::Operand;

impl Emitter<'_> {
    /// A register for the result of an operation.
    pub(super) fn register_for(&mut self, id: Id) -> Option<Register> {
        let class = self.class(id);
        let nodes = &self.graph.nodes;
        let again = |id: Id| matches!(nodes[id], Node::Splat(_) | Node::Shared(_));
        let (register, evicted) = self.registers.allocate(class, id, self.position, again)?;
        if let Some(evicted) = evicted {
            self.spill(self.class(evicted.value), evicted.register, evicted.place);
        }
        self.registers.pin(class, register);
        Some(match class {
            Class::Vector => self.isa.register(register),
            Class::Mask => Register::K1 + register as u32,
        })
    }

    /// Store a register where spilled values are.
    pub(super) fn spill(&mut self, class: Class, register: usize, place: usize) {
        let address = self.spill_address(place);
        match class {
            Class::Vector => {
                let register = self.isa.register(register);
                self.store(address, register, Width::Bits32);
            }
            Class::Mask => {
                let register = Register::K1 + register as u32;
                let arguments = [Argument::Memory(address), Argument::Register(register)];
                self.assembler.put(Code::VEX_Kmovw_m16_kr, &arguments);
            }
        }
    }

    /// Load a register from where spilled values are.
    pub(super) fn unspill(&mut self, class: Class, register: usize, place: usize) {
        let address = self.spill_address(place);
        match class {
            Class::Vector => self.load(self.isa.register(register), address),
            Class::Mask => {
                let register = Register::K1 + register as u32;
                let arguments = [Argument::Register(register), Argument::Memory(address)];
                self.assembler.put(Code::VEX_Kmovw_kr_km16, &arguments);
            }
        }
    }

    pub(super) fn vector_for(&mut self, id: Id) -> Option<Register> {
        debug_assert!(self.class(id) == Class::Vector);
        self.register_for(id)
    }

    /// The register of a vector, loaded if need be.
    pub(super) fn vector(&mut self, id: Id) -> Option<Register> {
        if let Some(register) = self.registers.register(id) {
            self.registers.pin(Class::Vector, register);
            return Some(self.isa.register(register));
        }
        let register = self.register_for(id)?;
        if let Some(place) = self.registers.spilled[id] {
            let address = self.spill_address(place);
            self.load(register, address);
        } else {
            self.load_shared(id, register);
        }
        Some(register)
    }

    /// The register of a mask, loaded if need be.
    pub(super) fn mask(&mut self, id: Id) -> Option<Register> {
        if let Some(register) = self.registers.register(id) {
            self.registers.pin(Class::Mask, register);
            return Some(Register::K1 + register as u32);
        }
        let register = self.register_for(id)?;
        let address = self.spill_address(self.registers.spilled[id]?);
        let arguments = [Argument::Register(register), Argument::Memory(address)];
        self.assembler.put(Code::VEX_Kmovw_kr_km16, &arguments);
        Some(register)
    }

    /// A vector in a register or in memory.
    pub(super) fn argument(&mut self, id: Id) -> Option<Argument> {
        if self.registers.register(id).is_none() {
            if let Some(place) = self.registers.spilled[id] {
                return Some(Argument::Memory(self.spill_address(place)));
            }
            match self.graph.nodes[id] {
                Node::Load(from, width) if self.folded[id] => {
                    return Some(Argument::Memory(self.address(from, width)));
                }
                Node::Splat(_) => return self.constant(id).map(Argument::Memory),
                Node::Shared(from) if from.base == Operand::UNIFORMS => {
                    return Some(Argument::Memory(self.address(from, Width::Bits32)));
                }
                _ => {}
            }
        }
        self.vector(id).map(Argument::Register)
    }

    pub(super) fn constant(&self, id: Id) -> Option<Address> {
        let address = Address::new(Register::RIP, self.constants[id]?);
        // Without masks there is no broadcast either: constants are there for all lanes.
        Some(Address { broadcast: self.isa.has_masks(), ..address })
    }

    /// Load what all lanes share.
    pub(super) fn load_shared(&mut self, id: Id, register: Register) {
        use Argument::{Memory, Register as R};
        if let Some(place) = self.start.spilled[id] {
            let address = self.spill_address(place);
            self.load(register, address);
            return;
        }
        match self.graph.nodes[id] {
            Node::Shared(from) if from.base == Operand::UNIFORMS => {
                let address = self.address(from, Width::Bits32);
                self.load(register, address);
            }
            Node::Shared(from) => {
                let address = self.address(from, Width::Bits32);
                self.assembler.put(self.isa.broadcast(), &[R(register), Memory(address)]);
            }
            _ => {
                if let Some(offset) = self.constants[id] {
                    let address = Memory(Address::new(Register::RIP, offset));
                    self.assembler.put(self.isa.broadcast(), &[R(register), address]);
                }
            }
        }
    }

    pub(super) fn load(&mut self, register: Register, address: Address) {
        let arguments = [Argument::Register(register), Argument::Memory(address)];
        self.assembler.put(self.isa.load(Width::Bits32), &arguments);
    }

    pub(super) fn store(&mut self, address: Address, register: Register, width: Width) {
        let arguments = [Argument::Memory(address), Argument::Register(register)];
        self.assembler.put(self.isa.store(width), &arguments);
    }

    /// Store the lanes left over.
    pub(super) fn store_tail(&mut self, address: Address, register: Register, width: Width) {
        use Argument::{Memory, Register as R};
        if self.isa.has_masks() {
            let arguments = [Memory(address), R(register)];
            self.assembler.put_masked(self.isa.store(width), &arguments, TAIL_MASK, false);
        } else {
            let arguments = [Memory(address), R(TAIL_VECTOR), R(register)];
            self.assembler.put(Code::VEX_Vmaskmovps_m256_ymm_ymm, &arguments);
        }
    }

    pub(super) fn spill_address(&mut self, place: usize) -> Address {
        self.shared_address(self.spill_start + place * SPILL_BYTES)
    }

    /// Where something is among what all lanes share.
    pub(super) fn shared_address(&mut self, offset: usize) -> Address {
        let shared = Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 };
        self.address(shared, Width::Bits32)
    }

    /// The pointer behind the base of an operand.
    pub(super) fn pointer(&mut self, operand: Operand) -> Register {
        self.address(Operand { step: 0, ..operand }, Width::Bits32).base
    }

    /// Where the first lane of the vector is, or what all lanes share.
    pub(super) fn address(&mut self, operand: Operand, width: Width) -> Address {
        let base = match self.bases.iter().position(|&base| base == operand.base) {
            Some(index) => POINTERS[index],
            None => {
                let pointer = Address::new(BASES, usize::from(operand.base) * 8);
                let arguments = [Argument::Register(SCRATCH), Argument::Memory(pointer)];
                self.assembler.put(Code::Mov_r64_rm64, &arguments);
                SCRATCH
            }
        };
        let address = Address::new(base, operand.offset as usize);
        if operand.is_uniform() || operand.base == Operand::UNIFORMS {
            return address;
        }
        Address { index: LANE, scale: width as u32, ..address }
    }
}
