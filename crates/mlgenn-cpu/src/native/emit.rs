//! The machine code of a run: one loop over vectors of lanes, and the lanes left over behind it.
//!
//! The first argument of the function points to the pointers by base of operands, the second is
//! the number of lanes. Memory has room for a whole vector behind its last lane, see
//! [`mlgenn_ir::buffer::PADDING`], so only stores to slots have to spare the lanes too many.

use iced_x86::{Code, Register};

use super::assembler::{Address, Argument, Assembler};
use super::graph::{Graph, Id, Node, Width};
use super::isa::{Isa, mask_binary};
use super::registers::{Class, Registers};
use crate::tape::Operand;

/// The pointers by base of operands.
const BASES: Register = Register::RDI;
/// The number of lanes.
const COUNT: Register = Register::RSI;
/// The first lane of the vector.
const LANE: Register = Register::RAX;
/// The number of lanes in whole vectors.
const WHOLE: Register = Register::RDX;
/// For addresses.
const SCRATCH: Register = Register::RCX;
/// For numbers.
const NUMBER: Register = Register::R11D;
/// Registers for pointers; those from [`SAVED`] on belong to the caller.
const POINTERS: [Register; 9] = [
    Register::R8,
    Register::R9,
    Register::R10,
    Register::RBX,
    Register::RBP,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
const SAVED: usize = 3;
/// The mask of the lanes left over, of AVX-512.
const TAIL_MASK: Register = Register::K7;
/// The vector with the mask of the lanes left over, of AVX2.
const TAIL_VECTOR: Register = Register::YMM15;
/// Events of the lanes left over, of AVX2.
const TAIL_EVENTS: Register = Register::YMM14;
/// Masks `K1` to `K6` are for values.
const MASKS: usize = 6;

/// Where spilled values go: bytes from the base of what lanes share.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpillArea {
    pub(super) start: usize,
    /// Bytes in use.
    pub(super) bytes: usize,
}

/// Bytes of a spilled value.
const SPILL_BYTES: usize = 64;

/// Write the function of a run; where it starts. `None` if the run does not fit the machine.
pub(super) fn emit(
    assembler: &mut Assembler,
    isa: Isa,
    graph: &Graph,
    spills: &mut SpillArea,
) -> Option<usize> {
    let mut emitter = Emitter::new(assembler, isa, graph, spills.start);
    let entry = emitter.function()?;
    spills.bytes = spills.bytes.max(emitter.spill_places * SPILL_BYTES);
    Some(entry)
}

struct Emitter<'a> {
    assembler: &'a mut Assembler,
    isa: Isa,
    graph: &'a Graph,
    /// As at the start of a loop body.
    start: Registers,
    registers: Registers,
    /// Bases whose pointers are in [`POINTERS`].
    bases: Vec<u16>,
    /// Where the constants are in the code.
    constants: Vec<Option<usize>>,
    /// Loads that are made part of the operation that uses them.
    folded: Vec<bool>,
    /// Where the masks of tails are, of AVX2.
    tails: usize,
    /// Whether the code is that of the lanes left over.
    is_tail: bool,
    spill_start: usize,
    spill_places: usize,
    position: usize,
}

impl<'a> Emitter<'a> {
    fn new(assembler: &'a mut Assembler, isa: Isa, graph: &'a Graph, spill_start: usize) -> Self {
        let masks = if isa.has_masks() { MASKS } else { 0 };
        let start = Registers::new(graph, isa.registers(), masks);
        let count = graph.nodes.len();
        Self {
            assembler,
            isa,
            graph,
            registers: start.clone(),
            start,
            bases: Vec::new(),
            constants: vec![None; count],
            folded: vec![false; count],
            tails: 0,
            is_tail: false,
            spill_start,
            spill_places: 0,
            position: 0,
        }
    }

    fn function(&mut self) -> Option<usize> {
        self.put_constants();
        self.find_folded();
        self.choose_bases();
        self.assembler.align(64);
        let entry = self.assembler.position();
        self.enter();
        self.hoist()?;
        let sums = self.sums();
        for &(id, operand) in &sums {
            let register = self.isa.register(self.start.reserve(id)?);
            let address = self.address(operand, Width::Bits32);
            self.load(register, address);
        }
        self.loops()?;
        for (id, operand) in sums {
            let register = self.isa.register(self.start.register(id)?);
            let address = self.address(operand, Width::Bits32);
            self.store(address, register, Width::Bits32);
        }
        self.clear_event_words();
        self.leave();
        Some(entry)
    }

    fn loops(&mut self) -> Option<()> {
        use Argument::{Extended, Register as R};
        let lanes = self.isa.lanes() as i8;
        self.assembler.put(Code::Xor_r32_rm32, &[R(Register::EAX), R(Register::EAX)]);
        self.assembler.put(Code::Mov_r64_rm64, &[R(WHOLE), R(COUNT)]);
        self.assembler.put(Code::And_rm64_imm8, &[R(WHOLE), Extended(-lanes)]);
        let no_whole = self.assembler.jump(Code::Je_rel32_64);
        let again = self.assembler.here();
        self.body(false)?;
        self.assembler.put(Code::Add_rm64_imm8, &[R(LANE), Extended(lanes)]);
        self.assembler.put(Code::Cmp_r64_rm64, &[R(LANE), R(WHOLE)]);
        self.assembler.jump_back(Code::Jb_rel32_64, again);
        self.assembler.land(no_whole);
        self.assembler.put(Code::Cmp_r64_rm64, &[R(LANE), R(COUNT)]);
        let no_rest = self.assembler.jump(Code::Jae_rel32_64);
        self.make_tail_mask();
        self.body(true)?;
        self.assembler.land(no_rest);
        Some(())
    }

    /// The constants, in front of the code.
    fn put_constants(&mut self) {
        if self.isa == Isa::Avx2 {
            self.assembler.align(64);
            self.tails = self.assembler.position();
            (0..16).for_each(|lane| self.assembler.data(if lane < 8 { u32::MAX } else { 0 }));
        }
        self.assembler.align(4);
        let copies = if self.isa.has_masks() { 1 } else { self.isa.lanes() };
        for (id, node) in self.graph.nodes.iter().enumerate() {
            if let Node::Splat(bits) = *node {
                self.constants[id] = Some(self.assembler.position());
                (0..copies).for_each(|_| self.assembler.data(bits));
            }
        }
    }

    /// Loads that are used once, before their memory is written.
    fn find_folded(&mut self) {
        for (id, node) in self.graph.nodes.iter().enumerate() {
            let (Node::Load(from, Width::Bits32), [at]) = (*node, self.start.uses(id)) else {
                continue;
            };
            let takes_memory = match self.graph.nodes[*at] {
                Node::Unary(..) => true,
                Node::Binary(op, a, b) => b == id || op.commutes() && a == id,
                Node::Compare(op, a, b) => {
                    let swapped = self.isa.compare(op).2;
                    if swapped { a == id } else { b == id }
                }
                Node::Select(_, a, _) => a == id,
                Node::Keep(_, a) => a == id,
                Node::Sum(..) => true,
                _ => false,
            };
            // One is the most that an instruction takes.
            let taken = self.graph.nodes[*at].operands().any(|operand| self.folded[operand]);
            let overwritten = self.graph.nodes[id..*at]
                .iter()
                .any(|node| matches!(*node, Node::Store(to, ..) if to == from));
            self.folded[id] = takes_memory && !taken && !overwritten;
        }
    }

    fn choose_bases(&mut self) {
        self.bases.push(Operand::UNIFORMS);
        for (operand, _) in self.graph.nodes.iter().filter_map(|node| node.memory()) {
            if !self.bases.contains(&operand.base) && self.bases.len() < POINTERS.len() {
                self.bases.push(operand.base);
            }
        }
    }

    fn enter(&mut self) {
        use Argument::{Memory, Register as R};
        for &register in POINTERS.iter().take(self.bases.len()).skip(SAVED) {
            self.assembler.put(Code::Push_r64, &[R(register)]);
        }
        for (&base, &register) in self.bases.iter().zip(&POINTERS) {
            let address = Address::new(BASES, usize::from(base) * 8);
            self.assembler.put(Code::Mov_r64_rm64, &[R(register), Memory(address)]);
        }
    }

    fn leave(&mut self) {
        self.assembler.put(Code::VEX_Vzeroupper, &[]);
        for &register in POINTERS.iter().take(self.bases.len()).skip(SAVED).rev() {
            self.assembler.put(Code::Pop_r64, &[Argument::Register(register)]);
        }
        self.assembler.put(Code::Retnq, &[]);
    }

    /// Keep what all lanes share in registers that are not needed otherwise.
    fn hoist(&mut self) -> Option<()> {
        let nodes = &self.graph.nodes;
        let mut shared: Vec<Id> = (0..nodes.len())
            .filter(|&id| matches!(nodes[id], Node::Splat(_) | Node::Shared(_)))
            .collect();
        shared.sort_by_key(|&id| std::cmp::Reverse(self.start.uses(id).len()));
        let needed = self.pressure() + self.sums().len() + 3;
        for id in shared.into_iter().take(self.isa.registers().saturating_sub(needed)) {
            let register = self.start.reserve(id)?;
            self.load_shared(id, self.isa.register(register));
        }
        Some(())
    }

    /// The most values that are needed at a time, without those that all lanes share.
    fn pressure(&self) -> usize {
        let nodes = &self.graph.nodes;
        let mut ends = vec![0; nodes.len()];
        let (mut live, mut most) = (0usize, 0);
        for (id, node) in nodes.iter().enumerate() {
            live -= ends[id];
            let last = self.start.uses(id).last();
            if let Some(&last) = last
                && !matches!(node, Node::Splat(_) | Node::Shared(_))
                && !self.folded[id]
                && self.class(id) == Class::Vector
            {
                live += 1;
                ends[last] += 1;
            }
            most = most.max(live);
        }
        most
    }

    fn sums(&self) -> Vec<(Id, Operand)> {
        let sum = |(id, node): (Id, &Node)| match *node {
            Node::Sum(operand, _) => Some((id, operand)),
            _ => None,
        };
        self.graph.nodes.iter().enumerate().filter_map(sum).collect()
    }

    fn class(&self, id: Id) -> Class {
        if self.graph.is_mask(id) { Class::Mask } else { Class::Vector }
    }

    fn make_tail_mask(&mut self) {
        use Argument::{Byte, Double, Memory, Register as R};
        let assembler = &mut *self.assembler;
        let rest = self.isa.lanes() as i8 - 1;
        assembler.put(Code::Mov_r64_rm64, &[R(SCRATCH), R(COUNT)]);
        assembler.put(Code::And_rm64_imm8, &[R(SCRATCH), Argument::Extended(rest)]);
        if self.isa.has_masks() {
            assembler.put(Code::Mov_r32_imm32, &[R(NUMBER), Double(u32::MAX)]);
            assembler.put(Code::VEX_Bzhi_r32_rm32_r32, &[R(NUMBER), R(NUMBER), R(Register::ECX)]);
            assembler.put(Code::VEX_Kmovw_kr_r32, &[R(TAIL_MASK), R(NUMBER)]);
        } else {
            assembler.put(Code::Shl_rm64_imm8, &[R(SCRATCH), Byte(2)]);
            let behind = Address::new(Register::RIP, self.tails + 32);
            assembler.put(Code::Lea_r64_m, &[R(Register::R11), Memory(behind)]);
            assembler.put(Code::Sub_r64_rm64, &[R(Register::R11), R(SCRATCH)]);
            let mask = Memory(Address::new(Register::R11, 0));
            assembler.put(Code::VEX_Vmovups_ymm_ymmm256, &[R(TAIL_VECTOR), mask]);
        }
    }

    /// The code for one vector of lanes.
    fn body(&mut self, is_tail: bool) -> Option<()> {
        self.is_tail = is_tail;
        self.registers = self.start.clone();
        for (position, node) in self.graph.nodes.iter().enumerate() {
            self.position = position;
            self.node(position, *node)?;
            self.registers.unpin();
        }
        self.spill_places = self.spill_places.max(self.registers.spill_places);
        Some(())
    }

    /// Registers of operands that are not used again are free for the result.
    fn release(&mut self, node: Node) {
        for operand in node.operands() {
            let class = self.class(operand);
            self.registers.release(class, operand, self.position);
        }
    }

    fn node(&mut self, id: Id, node: Node) -> Option<()> {
        use Argument::{Byte, Register as R};
        match node {
            Node::Splat(_) | Node::Shared(_) | Node::Nothing => {}
            Node::Load(..) if self.folded[id] => {}
            Node::Load(from, width) => {
                let register = self.vector_for(id)?;
                let address = self.address(from, width);
                self.assembler.put(self.isa.load(width), &[R(register), Argument::Memory(address)]);
            }
            Node::Unary(op, a) => {
                let a = self.argument(a)?;
                self.release(node);
                let register = self.vector_for(id)?;
                let (code, immediate) = self.isa.unary(op);
                let immediate = immediate.map(Byte);
                let arguments = [Some(R(register)), Some(a), immediate];
                self.put_all(code, arguments);
            }
            Node::Binary(op, a, b) => {
                let folds = self.registers.register(a).is_none();
                let (a, b) = if op.commutes() && folds { (b, a) } else { (a, b) };
                let a = self.vector(a)?;
                let b = self.argument(b)?;
                self.release(node);
                let register = self.vector_for(id)?;
                self.assembler.put(self.isa.binary(op), &[R(register), R(a), b]);
            }
            Node::Compare(op, a, b) => {
                let (code, immediate, swapped) = self.isa.compare(op);
                let (a, b) = if swapped { (b, a) } else { (a, b) };
                let a = self.vector(a)?;
                let b = self.argument(b)?;
                self.release(node);
                let register = self.register_for(id)?;
                let arguments = [Some(R(register)), Some(R(a)), Some(b), immediate.map(Byte)];
                self.put_all(code, arguments);
            }
            Node::MaskBinary(op, a, b) => {
                let (a, b) = (self.mask(a)?, self.mask(b)?);
                self.release(node);
                let register = self.register_for(id)?;
                self.assembler.put(mask_binary(op), &[R(register), R(a), R(b)]);
            }
            Node::MaskNot(a) => {
                let a = self.mask(a)?;
                self.release(node);
                let register = self.register_for(id)?;
                self.assembler.put(Code::VEX_Knotw_kr_kr, &[R(register), R(a)]);
            }
            Node::MaskOf(a) => {
                let a = self.vector(a)?;
                self.release(node);
                let register = self.register_for(id)?;
                self.assembler.put(Code::EVEX_Vpmovd2m_kr_zmm, &[R(register), R(a)]);
            }
            Node::Spread(a) => {
                let a = self.mask(a)?;
                self.release(node);
                let register = self.vector_for(id)?;
                self.assembler.put(Code::EVEX_Vpmovm2d_zmm_kr, &[R(register), R(a)]);
            }
            Node::Select(mask, a, b) => self.select(id, node, mask, a, b)?,
            Node::Keep(mask, a) => {
                let mask = self.mask(mask)?;
                let a = self.argument(a)?;
                self.release(node);
                let register = self.vector_for(id)?;
                let constant = matches!(a, Argument::Memory(address) if address.broadcast);
                let code =
                    if constant { self.isa.broadcast() } else { self.isa.load(Width::Bits32) };
                let a = whole(a);
                self.assembler.put_masked(code, &[R(register), a], mask, true);
            }
            Node::Store(to, width, value) => {
                let value_register = self.vector(value)?;
                let address = self.address(to, width);
                if self.is_tail && to.is_slot() {
                    self.store_tail(address, value_register, width);
                } else {
                    self.store(address, value_register, width);
                }
                self.release(node);
            }
            Node::Emit(to, mask) => {
                self.emit_events(to, mask)?;
                self.release(node);
            }
            Node::Sum(_, value) => {
                let value = self.argument(value)?;
                let sum = self.isa.register(self.registers.register(id)?);
                // Missing lanes leave the sums alone.
                let mask = if self.is_tail { TAIL_MASK } else { Register::None };
                let code = self.isa.binary(super::graph::Binary::AddF32);
                self.assembler.put_masked(code, &[R(sum), R(sum), value], mask, false);
                self.release(node);
            }
        }
        Some(())
    }

    fn select(&mut self, id: Id, node: Node, mask: Id, a: Id, b: Id) -> Option<()> {
        use Argument::Register as R;
        let b = self.vector(b)?;
        let a = self.argument(a)?;
        let code = self.isa.select();
        if self.isa.has_masks() {
            let mask = self.mask(mask)?;
            self.release(node);
            let register = self.vector_for(id)?;
            self.assembler.put_masked(code, &[R(register), R(b), a], mask, false);
        } else {
            let mask = self.vector(mask)?;
            self.release(node);
            let register = self.vector_for(id)?;
            self.assembler.put(code, &[R(register), R(b), a, R(mask)]);
        }
        Some(())
    }

    fn put_all<const N: usize>(&mut self, code: Code, arguments: [Option<Argument>; N]) {
        let arguments: Vec<Argument> = arguments.into_iter().flatten().collect();
        self.assembler.put(code, &arguments);
    }

    /// A register for the result of an operation.
    fn register_for(&mut self, id: Id) -> Option<Register> {
        let class = self.class(id);
        let nodes = &self.graph.nodes;
        let again = |id: Id| matches!(nodes[id], Node::Splat(_) | Node::Shared(_));
        let (register, evicted) = self.registers.allocate(class, id, self.position, again)?;
        if let Some(evicted) = evicted {
            let address = self.spill_address(evicted.place);
            match self.class(evicted.value) {
                Class::Vector => {
                    let register = self.isa.register(evicted.register);
                    self.store(address, register, Width::Bits32);
                }
                Class::Mask => {
                    let register = Register::K1 + evicted.register as u32;
                    let arguments = [Argument::Memory(address), Argument::Register(register)];
                    self.assembler.put(Code::VEX_Kmovw_m16_kr, &arguments);
                }
            }
        }
        self.registers.pin(class, register);
        Some(match class {
            Class::Vector => self.isa.register(register),
            Class::Mask => Register::K1 + register as u32,
        })
    }

    fn vector_for(&mut self, id: Id) -> Option<Register> {
        debug_assert!(self.class(id) == Class::Vector);
        self.register_for(id)
    }

    /// The register of a vector, loaded if need be.
    fn vector(&mut self, id: Id) -> Option<Register> {
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
    fn mask(&mut self, id: Id) -> Option<Register> {
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
    fn argument(&mut self, id: Id) -> Option<Argument> {
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

    fn constant(&self, id: Id) -> Option<Address> {
        let address = Address::new(Register::RIP, self.constants[id]?);
        // Without masks there is no broadcast either: constants are there for all lanes.
        Some(Address { broadcast: self.isa.has_masks(), ..address })
    }

    /// Load what all lanes share.
    fn load_shared(&mut self, id: Id, register: Register) {
        use Argument::{Memory, Register as R};
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

    fn load(&mut self, register: Register, address: Address) {
        let arguments = [Argument::Register(register), Argument::Memory(address)];
        self.assembler.put(self.isa.load(Width::Bits32), &arguments);
    }

    fn store(&mut self, address: Address, register: Register, width: Width) {
        let arguments = [Argument::Memory(address), Argument::Register(register)];
        self.assembler.put(self.isa.store(width), &arguments);
    }

    /// Store the lanes left over.
    fn store_tail(&mut self, address: Address, register: Register, width: Width) {
        use Argument::{Memory, Register as R};
        if self.isa.has_masks() {
            let arguments = [Memory(address), R(register)];
            self.assembler.put_masked(self.isa.store(width), &arguments, TAIL_MASK, false);
        } else {
            let arguments = [Memory(address), R(TAIL_VECTOR), R(register)];
            self.assembler.put(Code::VEX_Vmaskmovps_m256_ymm_ymm, &arguments);
        }
    }

    /// Set the bits of the lanes of a vector.
    fn emit_events(&mut self, to: Operand, mask: Id) -> Option<()> {
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
    fn event_address(&mut self, to: Operand) -> Address {
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
    fn clear_event_words(&mut self) {
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

    fn spill_address(&mut self, place: usize) -> Address {
        let offset = self.spill_start + place * SPILL_BYTES;
        let shared = Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 };
        self.address(shared, Width::Bits32)
    }

    /// Where the first lane of the vector is, or what all lanes share.
    fn address(&mut self, operand: Operand, width: Width) -> Address {
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

/// An argument without broadcast.
fn whole(argument: Argument) -> Argument {
    match argument {
        Argument::Memory(address) => Argument::Memory(Address { broadcast: false, ..address }),
        register => register,
    }
}
