//! Tapes of branches and loops, which run on packed lanes.

use mlgenn_ir::{Instruction, Region, Type, Value};

use super::{Assembler, Branch, Kind, LoopPlan, Operand, Pack};
use crate::steps::access::Action;
use crate::tape::analysis::outer_values;

impl Assembler<'_> {
    /// Make the tape of a frame of packed lanes.
    pub(super) fn frame<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let snapshot = self.registers.snapshot();
        let places = self.places.clone();
        let steps = std::mem::take(&mut self.steps);
        let made_before = std::mem::take(&mut self.made);
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        self.steps = steps;
        self.made = made_before;
        self.places = places;
        self.registers.restore(snapshot);
        made
    }

    /// Registers in the current frame for values from outside; how they get there.
    pub(super) fn pack(&mut self, values: Vec<Value>, packs: &mut Vec<Pack>) {
        for value in values {
            if !self.places.contains_key(&value)
                && let Some(&slot) = self.deferred.get(&value)
            {
                let to = self.destination(value, false);
                self.access(slot, Action::Load, to, None);
                continue;
            }
            let from = self.place(value);
            if !from.is_uniform() {
                let to = self.registers.allocate(self.lane_type(value));
                packs.push(Pack { from, to, outer: true });
                self.places.insert(value, to);
            }
        }
    }

    pub(super) fn results(&mut self, instruction: &Instruction) -> Vec<Operand> {
        let results = instruction.results.iter();
        results.map(|&result| self.destination(result, false)).collect()
    }

    pub(super) fn branches(
        &mut self,
        instruction: &Instruction,
        index: usize,
        condition: Value,
        then: &Region,
        otherwise: &Region,
    ) {
        let condition = self.place(condition);
        // A region that does nothing gives its yields to all lanes; the other one comes after it.
        let simple = [otherwise, then].into_iter().find(|region| region.instructions.is_empty());
        let end = self.position + positions(then) + positions(otherwise);
        let yields = || [then, otherwise].into_iter().flat_map(|region| &region.yields);
        let mut results = Vec::new();
        let mut taken = Vec::new();
        for (position, &result) in instruction.results.iter().enumerate() {
            let given = simple.and_then(|region| region.yields.get(position).copied());
            // Bodies work on copies of what a slot has: other lanes may as well keep it there.
            let yielded = |value| yields().filter(|&&other| other == value).count();
            let kept = given.filter(|&value| yielded(value) == 1).map(|value| (value, end));
            if let Some(slot) = self.written_directly(result, kept) {
                let to = self.slot_operand(slot);
                if let Some(value) = given {
                    let from = self.place(value);
                    self.copy(self.ty(value), to, from);
                }
                self.places.insert(result, to);
                results.push(to);
                continue;
            }
            if let Some(value) = given
                && !taken.contains(&value)
                && self.can_take_register(value, index, [then, otherwise])
            {
                taken.push(value);
                results.push(self.place(value));
                self.places.insert(result, self.place(value));
                continue;
            }
            let to = self.destination(result, false);
            if let Some(value) = given {
                let from = self.place(value);
                self.copy(self.ty(value), to, from);
            }
            results.push(to);
        }
        for (region, wanted) in [(then, true), (otherwise, false)] {
            if simple.is_some_and(|simple| std::ptr::eq(simple, region)) {
                // Counts its positions.
                self.region(region);
                continue;
            }
            let branch = self.frame(|this| {
                let outer_places = this.places.clone();
                let lanes = this.registers.allocate(Type::U32);
                let positions = this.registers.allocate(Type::U32);
                let mut packs = Vec::new();
                this.pack(outer_values(&[region], false), &mut packs);
                this.region(region);
                let results = results.iter().zip(&region.yields).map(|(&to, value)| {
                    let outer = outer_places.get(value);
                    let from = outer.copied().unwrap_or_else(|| this.place(*value));
                    Pack { from, to, outer: outer.is_some() }
                });
                let results: Vec<Pack> = results.collect();
                let used: Vec<_> = results.iter().map(|pack| pack.from).collect();
                let steps = this.finish_tape(Some(&used));
                Branch { condition, bits: None, wanted, lanes, positions, packs, steps, results }
            });
            let index = self.program.branches.len();
            self.program.branches.push(branch);
            self.push(Kind::Branch, Operand::default(), &[], index as u32);
        }
        // Their registers belong to the results now.
        taken.iter().for_each(|value| {
            self.places.remove(value);
        });
    }

    /// Whether a result of an `If` can take over the register of a value that a region yields.
    pub(super) fn can_take_register(
        &self,
        value: Value,
        index: usize,
        regions: [&Region; 2],
    ) -> bool {
        let place = self.place(value);
        let yields = regions.into_iter().flat_map(|region| &region.yields);
        place.base == Operand::REGISTERS
            && !place.is_uniform()
            && self.is_last_use(value, index)
            && yields.filter(|&&yielded| yielded == value).count() == 1
    }

    pub(super) fn run_loop(
        &mut self,
        instruction: &Instruction,
        init: &[Value],
        condition: &Region,
        body: &Region,
    ) {
        let results = self.results(instruction);
        let plan = self.frame(|this| {
            let lanes = this.registers.allocate(Type::U32);
            let positions = this.registers.allocate(Type::U32);
            let first: Vec<_> = init.iter().map(|&value| this.place(value)).collect();
            let mut packs = Vec::new();
            this.pack(outer_values(&[condition, body], true), &mut packs);
            let mut parameters = Vec::new();
            for ((from, tested), passed) in
                first.into_iter().zip(&condition.parameters).zip(&body.parameters)
            {
                let to = this.registers.allocate(this.ty(*tested));
                packs.push(Pack { from, to, outer: true });
                this.places.insert(*tested, to);
                this.places.insert(*passed, to);
                parameters.push(to);
            }
            this.region(condition);
            let mut holds = condition.yields.first().map_or(Operand::default(), |&v| this.place(v));
            if packs.iter().any(|pack| pack.to == holds) {
                // Masks must not move while lanes are packed by them.
                let mask = this.registers.allocate(Type::Bool);
                this.copy(Type::Bool, mask, holds);
                holds = mask;
            }
            let condition_steps = this.finish_tape(None);
            this.region(body);
            this.next_parameters(&body.parameters, &body.yields, &parameters);
            let body_steps = this.finish_tape(None);
            let results = parameters.iter().zip(&results);
            let results = results.map(|(&from, &to)| Pack { from, to, outer: false }).collect();
            LoopPlan {
                lanes,
                positions,
                packs,
                condition_steps,
                condition: holds,
                body_steps,
                results,
            }
        });
        let index = self.program.loops.len();
        self.program.loops.push(plan);
        self.push(Kind::Loop, Operand::default(), &[], index as u32);
    }

    /// Put what the body of a loop yields into the registers of the parameters, all at once.
    pub(super) fn next_parameters(
        &mut self,
        values: &[Value],
        yields: &[Value],
        parameters: &[Operand],
    ) {
        let mut moves = Vec::new();
        for ((&value, &next), &to) in values.iter().zip(yields).zip(parameters) {
            let (ty, mut from) = (self.ty(value), self.place(next));
            if from != to && parameters.contains(&from) {
                let saved = self.registers.allocate(ty);
                self.copy(ty, saved, from);
                from = saved;
            }
            moves.push((ty, to, from));
        }
        for (ty, to, from) in moves {
            self.copy(ty, to, from);
        }
    }
}

/// How many positions a region has in the order of the text: those of its instructions, and its
/// end.
fn positions(region: &Region) -> usize {
    let mut count = 1;
    region.for_each_instruction(&mut |instruction| {
        count += 1 + instruction.op.regions().into_iter().flatten().count();
    });
    count
}
