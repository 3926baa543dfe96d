//! Moves writes of variables to the end of a kernel, where they cost least: up to there the old
//! values can be used in place, and the last operation on them can put its result there.

use std::collections::HashMap;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Instruction, Kernel, Op, SlotId, Value};

/// A kernel that does the same if no two slots that it writes are bound to the same memory.
pub(super) fn schedule(kernel: &Kernel, patterns: &[Pattern]) -> Kernel {
    let mut kernel = kernel.clone();
    let uses = count_uses(&kernel);
    let reads = reads(&kernel, patterns);
    let instructions = std::mem::take(&mut kernel.body.instructions);
    let last_access = last_accesses(&instructions);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (index, instruction) in instructions.into_iter().enumerate() {
        let slot = match instruction.op {
            Op::Write(slot, value)
                if patterns[slot.0 as usize] == Pattern::Contiguous
                    && last_access.get(&slot) == Some(&index) =>
            {
                // What computes nothing but the new value from the old one goes along.
                let definition = first.iter().rposition(|i: &Instruction| i.results == [value]);
                if let Some(definition) = definition
                    && uses.get(&value) == Some(&1)
                    && is_update(&first[definition].op, slot, &reads)
                {
                    last.push(first.remove(definition));
                }
                Some(slot)
            }
            _ => None,
        };
        if slot.is_some() { last.push(instruction) } else { first.push(instruction) }
    }
    first.append(&mut last);
    kernel.body.instructions = first;
    kernel
}

/// How often each value is used.
fn count_uses(kernel: &Kernel) -> HashMap<Value, usize> {
    let mut uses = HashMap::new();
    kernel.body.for_each_instruction(&mut |instruction| {
        instruction.op.for_each_operand(|value| *uses.entry(value).or_default() += 1);
        for region in instruction.op.regions().into_iter().flatten() {
            region.yields.iter().for_each(|&value| *uses.entry(value).or_default() += 1);
        }
    });
    uses
}

/// Values that are what is in a slot (contiguous), or constant or shared by all lanes (`None`).
fn reads(kernel: &Kernel, patterns: &[Pattern]) -> HashMap<Value, Option<SlotId>> {
    let mut reads = HashMap::new();
    for instruction in &kernel.body.instructions {
        let source = match instruction.op {
            Op::Const(_) => None,
            Op::Read(slot) => match patterns[slot.0 as usize] {
                Pattern::Contiguous => Some(slot),
                Pattern::Uniform => None,
                _ => continue,
            },
            _ => continue,
        };
        reads.extend(instruction.results.iter().map(|&result| (result, source)));
    }
    reads
}

/// Whether an operation computes a value from nothing but the slot and shared values.
fn is_update(op: &Op, slot: SlotId, reads: &HashMap<Value, Option<SlotId>>) -> bool {
    let pure = matches!(op, Op::Unary(..) | Op::Binary(..) | Op::Select(..));
    let mut own = pure;
    op.for_each_operand(|value| {
        own &= reads.get(&value).is_some_and(|source| source.is_none_or(|source| source == slot));
    });
    own
}

/// Index of the last instruction that reads or writes each variable, itself or in its regions.
fn last_accesses(instructions: &[Instruction]) -> HashMap<SlotId, usize> {
    let mut last = HashMap::new();
    for (index, instruction) in instructions.iter().enumerate() {
        let mut access = |op: &Op| {
            if let Op::Read(slot) | Op::Write(slot, _) = op {
                last.insert(*slot, index);
            }
        };
        access(&instruction.op);
        for region in instruction.op.regions().into_iter().flatten() {
            region.for_each_op(&mut access);
        }
    }
    last
}
