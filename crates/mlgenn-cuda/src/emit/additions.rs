//! Elements that a kernel reads, adds to and writes, and does nothing else with.

use std::collections::HashMap;

use mlgenn_ir::{BinaryOp, Instruction, Kernel, Op, SlotId, Value};

/// An addition to the element of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addition {
    /// The element before, which nothing else uses.
    pub(super) before: Value,
    /// The element afterwards, which nothing else uses.
    pub(super) after: Value,
    /// What is added, or subtracted.
    pub(super) value: Value,
    /// Whether it is subtracted.
    pub(super) negative: bool,
}

/// The slots of floating-point numbers that each lane adds to once and otherwise leaves alone.
pub(super) fn additions(kernel: &Kernel) -> HashMap<SlotId, Addition> {
    let top = &kernel.body.instructions;
    let mut uses: HashMap<Value, usize> = HashMap::new();
    let mut mentions: HashMap<SlotId, usize> = HashMap::new();
    kernel.body.for_each_instruction(&mut |instruction: &Instruction| {
        instruction.op.for_each_operand(|value| *uses.entry(value).or_default() += 1);
        for yielded in instruction.op.regions().into_iter().flatten().flat_map(|r| &r.yields) {
            *uses.entry(*yielded).or_default() += 1;
        }
        if let Op::Read(slot) | Op::Write(slot, _) = &instruction.op {
            *mentions.entry(*slot).or_default() += 1;
        }
    });
    let defined = |value: Value| top.iter().find(|i| i.results.first() == Some(&value));
    let once = |value: Value| uses.get(&value) == Some(&1);
    let mut found = HashMap::new();
    for instruction in top {
        let Op::Write(slot, after) = instruction.op else { continue };
        if mentions[&slot] != 2 || !once(after) || !kernel.slot(slot).ty.is_float() {
            continue;
        }
        let Some(Op::Binary(op, left, right)) = defined(after).map(|i| &i.op) else { continue };
        let reads = |value: Value| {
            once(value) && matches!(defined(value).map(|i| &i.op), Some(Op::Read(s)) if *s == slot)
        };
        let (before, value, negative) = match op {
            BinaryOp::Add if reads(*left) => (*left, *right, false),
            BinaryOp::Add if reads(*right) => (*right, *left, false),
            BinaryOp::Subtract if reads(*left) => (*left, *right, true),
            _ => continue,
        };
        found.insert(slot, Addition { before, after, value, negative });
    }
    found
}
