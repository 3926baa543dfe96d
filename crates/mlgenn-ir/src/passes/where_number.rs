//! A kernel for some of its lanes.

use super::rewrite::fresh;
use crate::kernel::{Instruction, Kernel, Region, SlotId};
use crate::op::{CompareOp, Op};
use crate::types::Type;

/// A kernel that does the same in lanes in which a variable of type `f32` is a number, and nothing
/// in those in which it is not a number.
pub fn where_number(kernel: &Kernel, variable: SlotId) -> Kernel {
    let mut kernel = kernel.clone();
    let mut then = std::mem::take(&mut kernel.body);
    let is_emit = |it: &Instruction| matches!(it.op, Op::Emit(..));
    let (emits, instructions) = then.instructions.into_iter().partition(is_emit);
    then.instructions = instructions;
    let mut value = |ty| fresh(&mut kernel.values, ty);
    let (number, condition, never) = (value(Type::F32), value(Type::Bool), value(Type::Bool));
    let mut otherwise = Region::default();
    otherwise.instructions.push(Instruction { results: vec![never], op: Op::Const(0) });
    let mut results = Vec::new();
    let mut emitted = Vec::new();
    for emit in emits {
        if let Op::Emit(slot, condition) = emit.op {
            then.yields.push(condition);
            otherwise.yields.push(never);
            results.push(value(Type::Bool));
            emitted.extend(results.last().map(|&result| Op::Emit(slot, result)));
        }
    }
    let same = Op::Compare(CompareOp::Equal, number, number);
    let body = &mut kernel.body.instructions;
    body.push(Instruction { results: vec![number], op: Op::Read(variable) });
    body.push(Instruction { results: vec![condition], op: same });
    body.push(Instruction { results, op: Op::If { condition, then, otherwise } });
    body.extend(emitted.into_iter().map(|op| Instruction { results: Vec::new(), op }));
    kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;

    #[test]
    fn nothing_happens_where_there_is_no_number() {
        let kernel: Kernel = "
kernel \"k\"
slot t: f32 variable neuron
slot v: f32 variable neuron writable
slot spikes: bool events
begin
  %0: f32 = read t
  %1: f32 = read v
  %2: bool = less %0, %1
  emit spikes, %2
  write v, %0
end
"
        .parse()
        .unwrap();
        let kernel = where_number(&kernel, SlotId(0));
        verify(&kernel).unwrap_or_else(|error| panic!("{error}\n{kernel}"));
        let text = kernel.to_string();
        assert!(text.contains("  %4: bool = equal %3, %3\n  %6: bool = if %4 {\n"), "{text}");
        assert!(text.contains("    yield %2\n  } else {\n"), "{text}");
        assert!(text.ends_with("    yield %5\n  }\n  emit spikes, %6\nend"), "{text}");
    }
}
