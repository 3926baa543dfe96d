//! When does a lane do anything? Many neurons only wait for the time of their next spike: their
//! kernel need not run where a cheap condition says that it would change nothing.

use std::collections::{HashMap, HashSet};

use super::dce::dce;
use super::fold::fold;
use super::rewrite::{Replacements, fresh};
use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::types::Type;

/// Guards with more operations than this are not worth it.
const MAX_OPERATIONS: usize = 32;

/// A kernel that emits to the event slot `active` (the last of its slots; the others are those of
/// `kernel`, with the same ids) for every lane that may have an effect; `None` if all may, or if
/// that is about as hard to tell as to run the kernel.
///
/// A lane for which the guard does not emit writes nothing but what is there already, emits no
/// events and raises no faults: running the kernel for the other lanes alone has the same effects.
/// The guard itself has no effects.
pub fn guard(kernel: &Kernel) -> Option<Kernel> {
    let mut sums = false;
    kernel.body.for_each_op(&mut |op| sums |= matches!(op, Op::Accumulate(..)));
    if sums {
        // Sums over lanes depend on which lanes there are.
        return None;
    }
    let mut name = "active".to_owned();
    while kernel.slots.iter().any(|slot| slot.name == name) {
        name.push('_');
    }
    let mut guard = Kernel { name: format!("{}, guard", kernel.name), ..kernel.clone() };
    guard.body.instructions.clear();
    let mut idle = Idle {
        kernel,
        values: &mut guard.values,
        instructions: Vec::new(),
        replacements: Replacements::default(),
        reads: HashMap::new(),
        selections: HashMap::new(),
        conditions: Vec::new(),
        known: Known::default(),
        saves_work: false,
    };
    idle.known.collect(&kernel.body);
    idle.follow(&kernel.body)?;
    if !idle.saves_work {
        return None;
    }
    let active = idle.any_condition();
    guard.body.instructions = idle.instructions;
    let slot = SlotId(guard.slots.len() as u32);
    guard.slots.push(Slot { name, ty: Type::Bool, kind: SlotKind::Events });
    guard.body.instructions.push(Instruction { results: Vec::new(), op: Op::Emit(slot, active) });
    fold(&mut guard);
    dce(&mut guard);
    let mut operations = 0;
    guard.body.for_each_op(&mut |op| operations += usize::from(!matches!(op, Op::Const(_))));
    let always = guard.body.instructions.iter().any(|instruction| {
        matches!(instruction.op, Op::Const(bits) if bits != 0)
            && guard.body.instructions.last().is_some_and(
                |last| matches!(last.op, Op::Emit(_, value) if instruction.results == [value]),
            )
    });
    (operations <= MAX_OPERATIONS && !always).then_some(guard)
}

/// Follows a kernel as a lane goes through it for which none of the conditions holds.
struct Idle<'a> {
    kernel: &'a Kernel,
    values: &'a mut Vec<Type>,
    /// What computes the conditions.
    instructions: Vec<Instruction>,
    /// What values are in such a lane.
    replacements: Replacements,
    /// Slots whose content is a value, which no such lane changes.
    reads: HashMap<Value, SlotId>,
    /// Condition and operands of selections.
    selections: HashMap<Value, (Value, Value, Value)>,
    /// If one of these holds, the lane may have an effect.
    conditions: Vec<Value>,
    /// What conditions of the kernel are in such a lane.
    known: Known,
    /// Whether there is anything but conditions to compute.
    saves_work: bool,
}

/// Conditions of a kernel that an idle lane does not meet, or does: those of events, and of regions
/// with effects.
#[derive(Default)]
struct Known {
    fails: HashSet<Value>,
    holds: HashSet<Value>,
}

impl Known {
    fn collect(&mut self, region: &Region) {
        for instruction in &region.instructions {
            match &instruction.op {
                Op::Emit(_, condition) => {
                    self.fails.insert(*condition);
                }
                Op::If { condition, then, otherwise } => {
                    match (then.has_effect(), otherwise.has_effect()) {
                        (true, false) => {
                            self.fails.insert(*condition);
                            self.collect(otherwise);
                        }
                        (false, true) => {
                            self.holds.insert(*condition);
                            self.collect(then);
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
}

impl Idle<'_> {
    fn follow(&mut self, region: &Region) -> Option<()> {
        for instruction in &region.instructions {
            let mut instruction = instruction.clone();
            self.replacements.apply(&mut instruction.op);
            for inner in instruction.op.regions_mut().into_iter().flatten() {
                self.replacements.apply_to_region(inner);
            }
            match &instruction.op {
                // Its condition is one of those known.
                Op::Emit(..) => {}
                Op::Write(slot, value) => self.write(*slot, *value)?,
                Op::If { then, otherwise, .. } if instruction.op.has_effect() => {
                    self.avoid(then, otherwise, &instruction.results)?;
                    instruction.results.iter().for_each(|result| self.settle(*result));
                }
                Op::Random { .. } => return None,
                op if op.has_effect() => return None,
                op => {
                    match (op, &instruction.results[..]) {
                        (Op::Read(slot), &[result]) => {
                            self.reads.insert(result, *slot);
                        }
                        (&Op::Select(condition, then, otherwise), &[result]) => {
                            self.selections.insert(result, (condition, then, otherwise));
                        }
                        _ => {}
                    }
                    let results = instruction.results.clone();
                    self.instructions.push(instruction);
                    results.into_iter().for_each(|result| self.settle(result));
                }
            }
        }
        Some(())
    }

    /// If a value that was just defined is a condition that is known, nothing after it needs it.
    fn settle(&mut self, value: Value) {
        let holds = self.known.holds.contains(&value);
        let fails = self.known.fails.contains(&value);
        let actual = self.replacements.of(value);
        if fails {
            self.conditions.push(actual);
        }
        if holds {
            let active = self.push(Op::Unary(UnaryOp::Not, actual));
            self.conditions.push(active);
        }
        if !holds && !fails {
            return;
        }
        let known = self.push(Op::Const(u64::from(holds)));
        self.replacements.insert(value, known);
    }

    /// A lane that is idle does not run a region with effects.
    fn avoid(&mut self, then: &Region, otherwise: &Region, results: &[Value]) -> Option<()> {
        // The condition is one of those known.
        let quiet = match (then.has_effect(), otherwise.has_effect()) {
            (true, false) => otherwise,
            (false, true) => then,
            _ => return None,
        };
        self.saves_work = true;
        self.follow(quiet)?;
        for (&result, &value) in results.iter().zip(&quiet.yields) {
            self.replacements.insert(result, value);
        }
        Some(())
    }

    /// A lane that is idle writes what is there already.
    fn write(&mut self, slot: SlotId, mut value: Value) -> Option<()> {
        loop {
            if self.reads.get(&value) == Some(&slot) {
                return Some(());
            }
            let Some(&(condition, then, otherwise)) = self.selections.get(&value) else { break };
            let is_old = |value: Value| self.reads.get(&value) == Some(&slot);
            let (active, quiet) = if is_old(then) {
                (self.push(Op::Unary(UnaryOp::Not, condition)), then)
            } else if is_old(otherwise) || self.selections.contains_key(&otherwise) {
                (condition, otherwise)
            } else {
                break;
            };
            self.conditions.push(active);
            self.saves_work = true;
            value = quiet;
        }
        let ty = self.kernel.slot(slot).ty;
        if ty.is_float() {
            // Numbers that compare equal may have different bits.
            return None;
        }
        let old = fresh(self.values, ty);
        self.instructions.push(Instruction { results: vec![old], op: Op::Read(slot) });
        let changes = self.push(Op::Compare(CompareOp::NotEqual, value, old));
        self.conditions.push(changes);
        Some(())
    }

    fn push(&mut self, op: Op) -> Value {
        let result = fresh(self.values, Type::Bool);
        self.instructions.push(Instruction { results: vec![result], op });
        result
    }

    fn any_condition(&mut self) -> Value {
        let mut conditions = std::mem::take(&mut self.conditions).into_iter();
        match conditions.next() {
            None => self.push(Op::Const(0)),
            Some(first) => conditions
                .fold(first, |any, condition| self.push(Op::Binary(BinaryOp::Or, any, condition))),
        }
    }
}
