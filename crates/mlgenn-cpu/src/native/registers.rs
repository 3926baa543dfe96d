//! Which values are in which registers while the code of a loop body is written.
//!
//! The body is a straight line, so the uses of every value are known: when a register is needed,
//! the value that is needed last gives up its own.

use std::rc::Rc;

use super::graph::{Graph, Id};

/// A kind of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Vector = 0,
    Mask = 1,
}

/// Registers of both kinds.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    /// What each register has, by class.
    content: [Vec<Option<Id>>; 2],
    /// Registers that must not be given up now.
    pinned: Vec<(Class, usize)>,
    /// The register of each value.
    register: Vec<Option<usize>>,
    /// Where each value was spilled to.
    pub(super) spilled: Vec<Option<usize>>,
    /// Positions of the uses of each value.
    uses: Rc<Vec<Vec<usize>>>,
    /// Number of places for spilled values.
    pub(super) spill_places: usize,
}

/// A value that has to give up its register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evicted {
    pub(super) value: Id,
    pub(super) register: usize,
    pub(super) place: usize,
}

/// A value that returns to the register that it had.
#[derive(Clone, Copy, Debug)]
pub(super) struct MovedBack {
    pub(super) class: Class,
    pub(super) register: usize,
    pub(super) place: usize,
}

impl Registers {
    /// Nothing in any register.
    pub(super) fn new(graph: &Graph, vectors: usize, masks: usize) -> Self {
        let mut uses = vec![Vec::new(); graph.nodes.len()];
        for (position, node) in graph.nodes.iter().enumerate() {
            node.operands().for_each(|operand| uses[operand].push(position));
        }
        let values = graph.nodes.len();
        Self {
            content: [vec![None; vectors], vec![None; masks]],
            pinned: Vec::new(),
            register: vec![None; values],
            spilled: vec![None; values],
            uses: Rc::new(uses),
            spill_places: 0,
        }
    }

    /// Take a register away for good, for a value that is always there.
    pub(super) fn reserve(&mut self, value: Id) -> Option<usize> {
        let register = self.content[0].iter().position(Option::is_none)?;
        self.content[0][register] = Some(Id::MAX);
        self.register[value] = Some(register);
        Some(register)
    }

    pub(super) fn register(&self, value: Id) -> Option<usize> {
        self.register[value]
    }

    pub(super) fn uses(&self, value: Id) -> &[usize] {
        &self.uses[value]
    }

    /// Keep a register until [`Self::unpin`].
    pub(super) fn pin(&mut self, class: Class, register: usize) {
        self.pinned.push((class, register));
    }

    pub(super) fn unpin(&mut self) {
        self.pinned.clear();
    }

    fn next_use(&self, value: Id, position: usize) -> usize {
        let uses = &self.uses[value];
        uses.get(uses.partition_point(|&at| at < position)).copied().unwrap_or(usize::MAX)
    }

    /// A register for a value that is made at a position, and who has to leave it. `remakes` says
    /// which values need not be kept as they can be had again.
    pub(super) fn allocate(
        &mut self,
        class: Class,
        value: Id,
        position: usize,
        remakes: impl Fn(Id) -> bool,
    ) -> Option<(usize, Option<Evicted>)> {
        let content = &self.content[class as usize];
        let mut evicted = None;
        let register = match content.iter().position(Option::is_none) {
            Some(register) => register,
            None => {
                let candidates = content.iter().enumerate().filter_map(|(register, value)| {
                    let value = value.filter(|&value| value != Id::MAX)?;
                    let pinned = self.pinned.contains(&(class, register));
                    (!pinned).then(|| (self.next_use(value, position), register, value))
                });
                let (_, register, value) = candidates.max()?;
                self.register[value] = None;
                if !remakes(value) && self.spilled[value].is_none() {
                    let place = self.spill_places;
                    self.spill_places += 1;
                    self.spilled[value] = Some(place);
                    evicted = Some(Evicted { value, register, place });
                }
                register
            }
        };
        self.content[class as usize][register] = Some(value);
        self.register[value] = Some(register);
        Some((register, evicted))
    }

    /// Behind a region that may be jumped over: what was in registers at its start and is used
    /// behind a position, but for what can be had again, and what has to be moved back for that.
    /// Spills within the region do not count: they may not have happened.
    pub(super) fn restore(
        &self,
        mut start: Self,
        position: usize,
        remakes: impl Fn(Id) -> bool,
    ) -> Option<(Self, Vec<MovedBack>)> {
        let mut moved = Vec::new();
        for class in [Class::Vector, Class::Mask] {
            for register in 0..start.content[class as usize].len() {
                let Some(value) = start.content[class as usize][register] else { continue };
                if value == Id::MAX {
                    continue;
                }
                let is_there = self.content[class as usize][register] == Some(value);
                let is_used = start.next_use(value, position + 1) != usize::MAX;
                if is_used && !is_there && !remakes(value) {
                    let place = self.spilled[value]?;
                    moved.push(MovedBack { class, register, place });
                } else if !is_used || !is_there {
                    start.content[class as usize][register] = None;
                    start.register[value] = None;
                }
            }
        }
        start.spill_places = self.spill_places;
        Some((start, moved))
    }

    /// Free the registers of operands that nothing behind a position uses.
    pub(super) fn release(&mut self, class: Class, value: Id, position: usize) {
        if self.next_use(value, position + 1) == usize::MAX
            && let Some(register) = self.register[value]
            && self.content[class as usize][register] == Some(value)
        {
            self.content[class as usize][register] = None;
            self.register[value] = None;
        }
    }
}
