//! What comes before and behind the loop of a run, and what is decided for all of it.

use iced_x86::{Code, Register};

use super::{
    BASES, COUNT, Emitter, NUMBER, ONE_BY_ONE, POINTERS, SAVED, SCRATCH, TAIL_MASK, TAIL_VECTOR,
};
use crate::native::assembler::{Address, Argument};
use crate::native::graph::{Id, Node, Width};
use crate::native::isa::Isa;
use crate::native::registers::Class;
use crate::tape::Operand;

impl Emitter<'_> {
    /// The constants, in front of the code.
    pub(super) fn put_constants(&mut self) {
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
    pub(super) fn find_folded(&mut self) {
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

    pub(super) fn choose_bases(&mut self) {
        let most = POINTERS.len() - if self.one_by_one { ONE_BY_ONE.len() } else { 0 };
        self.bases.push(Operand::UNIFORMS);
        for (operand, _) in self.graph.nodes.iter().filter_map(|node| node.memory()) {
            if !self.bases.contains(&operand.base) && self.bases.len() < most {
                self.bases.push(operand.base);
            }
        }
    }

    /// Registers of the caller that the function uses.
    fn saved(&self) -> impl DoubleEndedIterator<Item = Register> + use<> {
        let pointers = POINTERS.into_iter().take(self.bases.len()).skip(SAVED);
        let others = ONE_BY_ONE.into_iter().filter({
            let one_by_one = self.one_by_one;
            move |_| one_by_one
        });
        pointers.chain(others)
    }

    pub(super) fn enter(&mut self) {
        use Argument::{Memory, Register as R};
        for register in self.saved() {
            self.assembler.put(Code::Push_r64, &[R(register)]);
        }
        for (&base, &register) in self.bases.iter().zip(&POINTERS) {
            let address = Address::new(BASES, usize::from(base) * 8);
            self.assembler.put(Code::Mov_r64_rm64, &[R(register), Memory(address)]);
        }
    }

    pub(super) fn leave(&mut self) {
        self.assembler.put(Code::VEX_Vzeroupper, &[]);
        for register in self.saved().rev() {
            self.assembler.put(Code::Pop_r64, &[Argument::Register(register)]);
        }
        self.assembler.put(Code::Retnq, &[]);
    }

    /// Operations on nothing but what all lanes share.
    pub(super) fn find_invariant(&mut self) {
        for (id, node) in self.graph.nodes.iter().enumerate() {
            let is_pure = matches!(
                node,
                Node::Unary(..)
                    | Node::Binary(..)
                    | Node::Compare(..)
                    | Node::MaskBinary(..)
                    | Node::MaskNot(_)
                    | Node::MaskOf(_)
                    | Node::Spread(_)
                    | Node::Select(..)
                    | Node::Keep(..)
            );
            self.invariant[id] = is_pure && node.operands().all(|operand| self.is_shared(operand));
        }
    }

    /// Whether the lanes of all vectors share a value.
    pub(super) fn is_shared(&self, id: Id) -> bool {
        self.invariant[id] || matches!(self.graph.nodes[id], Node::Splat(_) | Node::Shared(_))
    }

    /// Do what has to be done once, and leave the results where spilled values are.
    pub(super) fn compute_invariant(&mut self) -> Option<()> {
        self.registers = self.start.clone();
        for id in 0..self.graph.nodes.len() {
            if !self.invariant[id] {
                continue;
            }
            self.position = id;
            self.node(id, self.graph.nodes[id])?;
            let is_used = self.start.uses(id).iter().any(|&at| !self.invariant[at]);
            if is_used && self.registers.spilled[id].is_none() {
                let place = self.registers.spill_places;
                self.registers.spill_places += 1;
                self.registers.spilled[id] = Some(place);
                let register = self.registers.register(id)?;
                self.spill(self.class(id), register, place);
            }
            self.registers.unpin();
        }
        self.start.spilled.clone_from(&self.registers.spilled);
        self.start.spill_places = self.registers.spill_places;
        Some(())
    }

    /// Keep what all lanes share in registers that are not needed otherwise.
    pub(super) fn hoist(&mut self) -> Option<()> {
        let nodes = &self.graph.nodes;
        let mut shared: Vec<Id> = (0..nodes.len())
            .filter(|&id| self.is_shared(id) && self.class(id) == Class::Vector)
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
    pub(super) fn pressure(&self) -> usize {
        let nodes = &self.graph.nodes;
        let mut ends = vec![0; nodes.len()];
        let (mut live, mut most) = (0usize, 0);
        for id in 0..nodes.len() {
            live -= ends[id];
            let last = self.start.uses(id).last();
            if let Some(&last) = last
                && !self.is_shared(id)
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

    pub(super) fn sums(&self) -> Vec<(Id, Operand)> {
        let sum = |(id, node): (Id, &Node)| match *node {
            Node::Sum(operand, _) => Some((id, operand)),
            _ => None,
        };
        self.graph.nodes.iter().enumerate().filter_map(sum).collect()
    }

    pub(super) fn make_tail_mask(&mut self) {
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
}
