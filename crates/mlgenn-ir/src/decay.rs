//! Variables of neurons that decay, and jump when the neuron has an event.
//!
//! Such a trace follows from its value at some time and the events since then. Where nobody needs
//! it in every timestep, neurons need not update it.

use crate::kernel::{Instruction, Kernel, Region, SlotId, Value};
use crate::op::{BinaryOp, Op};
use crate::passes;
use crate::types::Type;

/// What happens to a variable in a timestep: `x = x decay`, and with an event `x = x decay + jump`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// What it is multiplied by.
    pub decay: f32,
    /// What is added with an event.
    pub jump: f32,
    /// The events.
    pub events: SlotId,
}

/// How a kernel changes a variable, if it does that and does not use it for anything else.
pub fn decay_of(kernel: &Kernel, slot: SlotId) -> Option<Decay> {
    let instructions = &kernel.body.instructions;
    let mut uses = 0;
    kernel.body.for_each_op(&mut |op| uses += usize::from(op.slot() == Some(slot)));
    let read = only(instructions, |op| matches!(op, Op::Read(s) if *s == slot))?;
    let write = only(instructions, |op| matches!(op, Op::Write(s, _) if *s == slot))?;
    let (&[before], Op::Write(_, after)) = (read.results.as_slice(), &write.op) else {
        return None;
    };
    if uses != 2 || kernel.slot(slot).ty != Type::F32 || is_used_without(kernel, slot) {
        return None;
    }
    let change = defining(&kernel.body, *after)?;
    let (condition, with, without) = match &change.op {
        Op::Select(condition, with, without) => (*condition, *with, *without),
        Op::If { condition, then, otherwise } => {
            let nth = change.results.iter().position(|result| result == after)?;
            (*condition, then.yields[nth], otherwise.yields[nth])
        }
        _ => return None,
    };
    let constant = |value: Value| match defining(&kernel.body, value)?.op {
        Op::Const(bits) => Some(f32::from_bits(bits as u32)),
        _ => None,
    };
    // Either operand may be the constant.
    let with_constant = |value: Value, op: BinaryOp, other: Value| {
        let Op::Binary(found, a, b) = defining(&kernel.body, value)?.op else { return None };
        let number = if a == other { b } else { a };
        (found == op && (a == other || b == other)).then(|| constant(number))?
    };
    let decay = with_constant(without, BinaryOp::Multiply, before)?;
    let jump = with_constant(with, BinaryOp::Add, without)?;
    let emit = instructions.iter().find_map(|instruction| match instruction.op {
        Op::Emit(events, emitted) if emitted == condition => Some(events),
        _ => None,
    });
    Some(Decay { decay, jump, events: emit? })
}

/// The kernel without changing some variables, and nothing that only these need. Slots stay.
pub fn without_writes(kernel: &Kernel, slots: &[SlotId]) -> Kernel {
    let mut kernel = kernel.clone();
    kernel.body.instructions.retain(
        |instruction| !matches!(instruction.op, Op::Write(slot, _) if slots.contains(&slot)),
    );
    passes::dce(&mut kernel);
    kernel
}

/// Whether a kernel looks at a variable for more than to change it.
fn is_used_without(kernel: &Kernel, slot: SlotId) -> bool {
    let mut used = false;
    let without = without_writes(kernel, &[slot]);
    without.body.for_each_op(&mut |op| used |= op.slot() == Some(slot));
    used
}

/// The instruction of a kind, if there is only one.
fn only(instructions: &[Instruction], is: impl Fn(&Op) -> bool) -> Option<&Instruction> {
    let mut found = instructions.iter().filter(|instruction| is(&instruction.op));
    found.next().filter(|_| found.next().is_none())
}

/// The instruction that a value is a result of.
fn defining(region: &Region, value: Value) -> Option<&Instruction> {
    region.instructions.iter().find_map(|instruction| {
        if instruction.results.contains(&value) {
            return Some(instruction);
        }
        instruction.op.regions().into_iter().flatten().find_map(|inner| defining(inner, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Kernel {
        let slots = "slot z: f32 variable neuron writable\nslot v: f32 variable neuron writable
slot spikes: bool events\n";
        let kernel: Kernel = format!("kernel \"k\"\n{slots}begin\n{body}\nend").parse().unwrap();
        crate::verify(&kernel).unwrap();
        kernel
    }

    const SPIKES: &str = "%0: f32 = read z\n%1: f32 = const 0.5\n%2: f32 = multiply %0, %1
%3: f32 = read v\n%4: bool = less %1, %3\nemit spikes, %4\n";

    #[test]
    fn traces_are_found_and_left_out() {
        let branch = "%5: f32, %6: f32 = if %4 {\n%7: f32 = const 2.0\n%8: f32 = add %7, %2
yield %1, %8\n} else {\nyield %3, %2\n}\nwrite z, %6\nwrite v, %5";
        let select = "%5: f32 = const 2.0\n%6: f32 = add %2, %5\n%7: f32 = select %4, %6, %2
write z, %7\nwrite v, %1";
        for rest in [branch, select] {
            let kernel = parse(&format!("{SPIKES}{rest}"));
            let decay = Decay { decay: 0.5, jump: 2.0, events: SlotId(2) };
            assert_eq!(decay_of(&kernel, SlotId(0)), Some(decay), "{rest}");
            assert_eq!(decay_of(&kernel, SlotId(1)), None);
            let without = without_writes(&kernel, &[SlotId(0)]);
            crate::verify(&without).unwrap();
            let text = without.to_string();
            assert!(!text.contains("read z") && text.contains("write v"), "{text}");
            assert!(!text.contains("multiply"), "{text}");
        }
    }

    #[test]
    fn other_variables_are_not_taken_for_traces() {
        let others = [
            // Used elsewhere; another condition; no decay; a jump that is not constant.
            "%5: f32 = const 2.0\n%6: f32 = add %2, %5\n%7: f32 = select %4, %6, %2
write z, %7\nwrite v, %2",
            "%5: f32 = const 2.0\n%6: f32 = add %2, %5\n%7: bool = less %3, %1
%8: f32 = select %7, %6, %2\nwrite z, %8",
            "%5: f32 = const 2.0\n%6: f32 = add %2, %5\n%7: f32 = select %4, %6, %0\nwrite z, %7",
            "%5: f32 = add %2, %3\n%6: f32 = select %4, %5, %2\nwrite z, %6",
            "write z, %2",
        ];
        for other in others {
            assert_eq!(decay_of(&parse(&format!("{SPIKES}{other}")), SlotId(0)), None, "{other}");
        }
    }
}
