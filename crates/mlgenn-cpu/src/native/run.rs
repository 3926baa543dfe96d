//! From consecutive steps of a tape to one graph.
//!
//! Within a run, lanes do not meet: doing all steps for one vector of lanes before the next gives
//! what doing each step for all lanes gives, as slots of the tape lie apart. What a run stores in
//! memory and reads again it keeps at hand.

use std::collections::HashMap;

use mlgenn_ir::Type;
use mlgenn_ir::launch::Pattern;

use super::graph::{Binary, Graph, Id, Node, Width};
use super::record::record;
use crate::steps::access::{Action, Place};
use crate::tape::{BlockProgram, Kind, Operand, Step, register_range};

/// The steps of a run as a graph.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) graph: Graph,
    /// What is known of memory with 32 bits per lane.
    known: HashMap<Operand, Id>,
    /// Narrow slots that were written.
    written: Vec<u16>,
    /// Masks whose bits are stored, and where.
    bits: HashMap<Operand, Operand>,
}

impl Run {
    pub(super) fn new(has_masks: bool) -> Self {
        Self {
            graph: Graph::new(has_masks),
            known: HashMap::new(),
            written: Vec::new(),
            bits: HashMap::new(),
        }
    }

    /// Append a step; false if it cannot be part of a run. `packed` says whether lanes are packed
    /// in a branch or loop.
    pub(super) fn add(
        &mut self,
        program: &BlockProgram,
        step: &Step,
        kind: Kind,
        packed: bool,
    ) -> bool {
        self.try_add(program, step, kind, packed).is_some()
    }

    fn try_add(
        &mut self,
        program: &BlockProgram,
        step: &Step,
        kind: Kind,
        packed: bool,
    ) -> Option<()> {
        match kind {
            Kind::Vector(op) => {
                self.can_write(step.d)?;
                let operands = [step.a, step.b, step.c, step.e];
                let mut sources = [0; 4];
                for (source, operand) in sources.iter_mut().zip(operands).take(op.arity()) {
                    *source = self.read(program, operand)?;
                }
                let result = record(&mut self.graph, op, sources)?;
                self.write(step.d, result);
            }
            Kind::Broadcast => {
                for &(from, to) in &program.broadcasts {
                    let value = self.graph.pure(Node::Shared(from));
                    self.write(to, value);
                }
            }
            Kind::Emit => {
                let lanes = self.read(program, step.a)?;
                let mask = self.graph.mask(lanes);
                self.graph.push(Node::Emit(step.d, mask));
            }
            Kind::AddLanes { ty: Type::F32, all: true } if self.graph.has_masks() => {
                let lanes = self.read(program, step.a)?;
                let lanes = self.graph.vector(lanes);
                self.graph.push(Node::Sum(step.d, lanes));
            }
            Kind::Lanes(ty, action) => {
                let place = Place::unpack(step.immediate);
                if place.ring.is_some() {
                    return None;
                }
                match (place.pattern, action) {
                    (Pattern::Uniform, Action::Load) if ty.bytes() == 4 => {
                        self.can_write(step.d)?;
                        let value = self.graph.pure(Node::Shared(step.b));
                        self.write(step.d, value);
                    }
                    (Pattern::Contiguous, Action::Load) if !packed => {
                        self.load_narrow(ty, step)?;
                    }
                    (Pattern::Contiguous, Action::Store) if !packed => {
                        self.store_narrow(program, ty, step)?;
                    }
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The value at an operand with 32 bits per lane.
    fn read(&mut self, program: &BlockProgram, operand: Operand) -> Option<Id> {
        if let Some(&id) = self.known.get(&operand) {
            return Some(id);
        }
        let id = if operand.base == Operand::CONSTANTS {
            let index = operand.offset as usize / size_of::<crate::tape::Constant>();
            self.graph.splat(program.constants.get(index)?.0[0])
        } else if operand.step == 4 {
            self.graph.push(Node::Load(operand, Width::Bits32))
        } else if operand.base == Operand::UNIFORMS && operand.is_uniform() {
            self.graph.pure(Node::Shared(operand))
        } else {
            return None;
        };
        self.known.insert(operand, id);
        Some(id)
    }

    /// Whether a result can be put there.
    fn can_write(&self, operand: Operand) -> Option<()> {
        let shared = operand.base == Operand::UNIFORMS && operand.is_uniform();
        (shared || operand.step == 4).then_some(())
    }

    fn write(&mut self, operand: Operand, value: Id) {
        // Only the last store counts: a run is never left midway.
        let same = |node: &Node| matches!(*node, Node::Store(to, ..) if to == operand);
        if let Some(earlier) = self.graph.nodes.iter().position(same) {
            self.graph.nodes[earlier] = Node::Nothing;
        }
        self.known.insert(operand, value);
        let value = self.graph.vector(value);
        self.graph.push(Node::Store(operand, Width::Bits32, value, None));
    }

    fn load_narrow(&mut self, ty: Type, step: &Step) -> Option<()> {
        self.can_write(step.d)?;
        let width = narrow(ty)?;
        if self.written.contains(&step.b.base) {
            return None;
        }
        let lanes = self.graph.push(Node::Load(step.b, width));
        let value = if ty == Type::Bool {
            let zero = self.graph.splat(0);
            let clear = self.graph.compare(super::graph::Compare::EqualI32, lanes, zero);
            self.graph.not(clear)
        } else {
            lanes
        };
        self.write(step.d, value);
        Some(())
    }

    fn store_narrow(&mut self, program: &BlockProgram, ty: Type, step: &Step) -> Option<()> {
        let width = narrow(ty)?;
        if !self.graph.has_masks() {
            // No instruction stores the low bits of lanes.
            return None;
        }
        let mut value = self.read(program, step.a)?;
        if ty == Type::Bool {
            let one = self.graph.splat(1);
            value = self.graph.binary(Binary::And, value, one);
        }
        let value = self.graph.vector(value);
        self.graph.push(Node::Store(step.b, width, value, None));
        self.written.push(step.b.base);
        Some(())
    }

    /// Whether an operand with 32 bits per lane is written.
    pub(super) fn writes(&self, operand: Operand) -> bool {
        let same =
            |node: &Node| matches!(*node, Node::Store(to, Width::Bits32, ..) if to == operand);
        self.graph.nodes.iter().any(same)
    }

    /// Store the bits of a mask that is written to an operand, too: at `offset` among what lanes
    /// share, or where they are already.
    pub(super) fn bits(&mut self, operand: Operand, offset: usize) -> Operand {
        if let Some(&to) = self.bits.get(&operand) {
            return to;
        }
        let to = Operand { base: Operand::UNIFORMS, step: 0, offset: offset as u32 };
        if let Some(&id) = self.known.get(&operand) {
            let mask = self.graph.mask(id);
            self.graph.push(Node::Emit(to, mask));
            self.bits.insert(operand, to);
        }
        to
    }

    /// Leave out what nobody asks for: registers that are not `live` behind the run.
    pub(super) fn finish(mut self, live: &Live) -> Graph {
        for node in &mut self.graph.nodes {
            if let Node::Store(to, ..) = *node
                && to.base == Operand::REGISTERS
                && !live.is_live(to)
            {
                *node = Node::Nothing;
            }
        }
        self.graph.remove_unused();
        self.graph
    }
}

fn narrow(ty: Type) -> Option<Width> {
    Width::of(ty).filter(|width| *width != Width::Bits32)
}

/// Registers of the tape whose content may still be used.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// All of them.
    All,
    /// Those that are set.
    Some(Vec<bool>),
}

impl Live {
    /// Those of some operands.
    pub(crate) fn of(operands: &[Operand]) -> Self {
        let mut live = Self::Some(Vec::new());
        operands.iter().for_each(|&operand| live.set(operand, true));
        live
    }

    fn is_live(&self, operand: Operand) -> bool {
        match self {
            Self::All => true,
            Self::Some(live) => {
                register_range(operand).any(|register| live.get(register) == Some(&true))
            }
        }
    }

    /// Mark a register.
    pub(super) fn set(&mut self, operand: Operand, used: bool) {
        let Self::Some(live) = self else { return };
        for register in register_range(operand) {
            if live.len() <= register {
                live.resize(register + 1, false);
            }
            live[register] = used;
        }
    }

    /// Go back over a step.
    pub(super) fn step_back(&mut self, program: &BlockProgram, step: &Step, kind: Kind) {
        let mut read = |operand| self.set(operand, true);
        match kind {
            Kind::Branch => {
                // Leaves lanes alone that do not go there.
                let branch = &program.branches[step.immediate as usize];
                if branch.bits.is_none() {
                    read(branch.condition);
                }
                branch.packs.iter().for_each(|pack| read(pack.from));
                branch.results.iter().filter(|pack| pack.outer).for_each(|pack| read(pack.from));
            }
            Kind::Loop => {
                let plan = &program.loops[step.immediate as usize];
                plan.packs.iter().for_each(|pack| read(pack.from));
            }
            Kind::Evaluate | Kind::Random(_) => {
                let detail = &program.details[step.immediate as usize];
                self.set(step.d, false);
                detail.arguments.iter().for_each(|&(operand, _)| self.set(operand, true));
            }
            _ => {
                self.set(step.d, false);
                [step.a, step.b, step.c, step.e].into_iter().for_each(|o| self.set(o, true));
            }
        }
    }
}
