//! The machine code of a run: one loop over vectors of lanes, and the lanes left over behind it.
//!
//! The first argument of the function points to the pointers by base of operands, the second is
//! the number of lanes. Memory has room for a whole vector behind its last lane, see
//! [`mlgenn_ir::buffer::PADDING`], so only stores to slots have to spare the lanes too many.

mod events;
mod lanes;
mod regions;
mod setup;
mod values;

use iced_x86::{Code, Register};

use super::assembler::{Address, Argument, Assembler};
use super::graph::{Graph, Id, Node, Width};
use super::isa::{Isa, mask_binary};
use super::registers::{Class, Registers};
use regions::OpenRegion;

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
/// Masks `K1` to `K5` are for values.
const MASKS: usize = 5;
/// A mask that instructions may destroy.
const SCRATCH_MASK: Register = Register::K6;
/// The last of [`POINTERS`], where elements are set one by one: the pointer to the array, the
/// number of an element, and what goes there.
const ONE_BY_ONE: [Register; 3] = [Register::R13, Register::R14, Register::R15];
/// The first places for spilled values are for the lanes of what is set one by one: numbers of
/// elements, and what goes there.
const ONE_BY_ONE_PLACES: usize = 2;

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
/// `report` is where indices that are too large are noted.
pub(super) fn emit(
    assembler: &mut Assembler,
    isa: Isa,
    graph: &Graph,
    spills: &mut SpillArea,
    report: usize,
) -> Option<usize> {
    let mut emitter = Emitter::new(assembler, isa, graph, spills.start, report);
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
    /// Whether elements are set one by one.
    one_by_one: bool,
    /// Bases whose pointers are in [`POINTERS`].
    bases: Vec<u16>,
    /// Where the constants are in the code.
    constants: Vec<Option<usize>>,
    /// Loads that are made part of the operation that uses them.
    folded: Vec<bool>,
    /// Operations on nothing but what all lanes share; they are done once.
    invariant: Vec<bool>,
    /// Regions around the position, the innermost last.
    regions: Vec<OpenRegion>,
    /// Where the masks of tails are, of AVX2.
    tails: usize,
    /// Whether the code is that of the lanes left over.
    is_tail: bool,
    spill_start: usize,
    spill_places: usize,
    /// Where indices that are too large are noted.
    report: usize,
    position: usize,
}

impl<'a> Emitter<'a> {
    fn new(
        assembler: &'a mut Assembler,
        isa: Isa,
        graph: &'a Graph,
        spill_start: usize,
        report: usize,
    ) -> Self {
        let masks = if isa.has_masks() { MASKS } else { 0 };
        let mut start = Registers::new(graph, isa.registers(), masks);
        let one_by_one = graph
            .nodes
            .iter()
            .any(|node| matches!(node, Node::Scatter(_, width, ..) if *width != Width::Bits32));
        if one_by_one {
            start.spill_places = ONE_BY_ONE_PLACES;
        }
        let count = graph.nodes.len();
        Self {
            assembler,
            isa,
            graph,
            registers: start.clone(),
            start,
            one_by_one,
            bases: Vec::new(),
            constants: vec![None; count],
            folded: vec![false; count],
            invariant: vec![false; count],
            regions: Vec::new(),
            tails: 0,
            is_tail: false,
            spill_start,
            spill_places: 0,
            report,
            position: 0,
        }
    }

    fn function(&mut self) -> Option<usize> {
        self.put_constants();
        self.find_folded();
        self.find_invariant();
        self.choose_bases();
        self.assembler.align(64);
        let entry = self.assembler.position();
        self.enter();
        self.compute_invariant()?;
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

    fn class(&self, id: Id) -> Class {
        if self.graph.is_mask(id) { Class::Mask } else { Class::Vector }
    }

    /// The code for one vector of lanes.
    fn body(&mut self, is_tail: bool) -> Option<()> {
        self.is_tail = is_tail;
        self.registers = self.start.clone();
        for (position, node) in self.graph.nodes.iter().enumerate() {
            if self.invariant[position] {
                continue;
            }
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
                let arguments = [R(register), Argument::Memory(self.address(from, width))];
                // Buffers have room behind their last elements, but lists have none.
                let is_partial = self.is_tail && self.isa.has_masks() && from.is_slot();
                let mask = if is_partial { TAIL_MASK } else { Register::None };
                self.assembler.put_masked(self.isa.load(width), &arguments, mask, is_partial);
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
                // The second one may be in memory; a load that is part of the instruction has to be.
                let folds = self.registers.register(a).is_none() && !self.folded[b];
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
            Node::Store(to, width, value, mask) => {
                let value = self.vector(value)?;
                if let Some(mask) = mask {
                    let mask = self.mask(mask)?;
                    let arguments = [Argument::Memory(self.address(to, width)), R(value)];
                    self.assembler.put_masked(self.isa.store(width), &arguments, mask, false);
                } else {
                    let address = self.address(to, width);
                    if self.is_tail && to.is_slot() {
                        self.store_tail(address, value, width);
                    } else {
                        self.store(address, value, width);
                    }
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
            Node::Active(condition, mask) => self.active(id, node, condition, mask)?,
            Node::Enter(mask) => self.enter_region(node, mask)?,
            Node::Leave => self.leave_region()?,
            Node::Changing(start) => self.changing(id, node, start)?,
            Node::Change(changing, mask, value) => self.change(node, changing, mask, value)?,
            Node::Gather(from, width, index, mask) => {
                self.gather(id, node, (from, width), index, mask)?;
            }
            Node::Scatter(to, width, index, value, mask) => {
                self.scatter(node, (to, width), index, value, mask)?;
            }
            Node::Report(access, index, mask, good) => {
                self.report(node, access, index, mask, good)?;
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
}

/// An argument without broadcast.
fn whole(argument: Argument) -> Argument {
    match argument {
        Argument::Memory(address) => Argument::Memory(Address { broadcast: false, ..address }),
        register => register,
    }
}
