//! Constant folding, by the same evaluation as the interpreter's, and identities that hold for
//! every operand: for floating-point numbers only those that are exact under IEEE 754.

use std::collections::HashMap;

use super::rewrite::Replacements;
use crate::evaluate;
use crate::kernel::{Instruction, Kernel, Region, Value};
use crate::math;
use crate::op::{BinaryOp, Op, UnaryOp};
use crate::random::{self, Position};
use crate::types::Type;

/// Fold constants.
pub fn fold(kernel: &mut Kernel) {
    let mut folder = Folder {
        types: &kernel.values,
        constants: HashMap::new(),
        definitions: HashMap::new(),
        zero_or_one: HashMap::new(),
        replacements: Replacements::default(),
    };
    folder.region(&mut kernel.body);
}

struct Folder<'a> {
    types: &'a [Type],
    constants: HashMap<Value, u64>,
    /// Operand of negations and nots.
    definitions: HashMap<Value, (UnaryOp, Value)>,
    /// Integers that are 1 if a condition holds, and 0 otherwise.
    zero_or_one: HashMap<Value, Value>,
    replacements: Replacements,
}

/// What an instruction turned into.
enum Folded {
    Constant(u64),
    Same(Value),
}

impl Folder<'_> {
    fn region(&mut self, region: &mut Region) {
        let instructions = std::mem::take(&mut region.instructions);
        self.instructions(instructions, &mut region.instructions);
        self.replacements.apply_to(&mut region.yields);
    }

    fn instructions(&mut self, instructions: Vec<Instruction>, out: &mut Vec<Instruction>) {
        for mut instruction in instructions {
            self.replacements.apply(&mut instruction.op);
            if let Op::If { condition, then, otherwise } = &mut instruction.op
                && let Some(&holds) = self.constants.get(condition)
            {
                let region = std::mem::take(if holds != 0 { then } else { otherwise });
                self.instructions(region.instructions, out);
                for (result, value) in instruction.results.into_iter().zip(region.yields) {
                    self.replacements.insert(result, value);
                }
                continue;
            }
            for inner in instruction.op.regions_mut().into_iter().flatten() {
                self.region(inner);
            }
            if self.never_runs(&instruction.op) {
                if let Op::Loop { init, .. } = instruction.op {
                    for (result, value) in instruction.results.into_iter().zip(init) {
                        self.replacements.insert(result, value);
                    }
                }
                continue;
            }
            if let Op::If { then, otherwise, .. } = &instruction.op {
                self.merge_yields(&instruction.results, then, otherwise);
            }
            if let &[result] = instruction.results.as_slice() {
                match self.simplify(&instruction.op, result) {
                    Some(Folded::Constant(bits)) => instruction.op = Op::Const(bits),
                    Some(Folded::Same(value)) => {
                        self.replacements.insert(result, value);
                        continue;
                    }
                    None => {}
                }
                if let Some(condition) = self.condition_of(&instruction.op, result) {
                    self.zero_or_one.insert(result, condition);
                }
                match instruction.op {
                    Op::Const(bits) => {
                        self.constants.insert(result, bits);
                    }
                    Op::Unary(op, x) => {
                        self.definitions.insert(result, (op, x));
                    }
                    _ => {}
                }
            }
            out.push(instruction);
        }
    }

    /// Whether this is a loop whose condition is false from the start, without effects.
    fn never_runs(&self, op: &Op) -> bool {
        let Op::Loop { condition, .. } = op else { return false };
        let first = condition.yields.first().and_then(|value| self.constants.get(value));
        first == Some(&0) && !condition.has_effect()
    }

    /// Results of an `If` whose regions yield the same value are that value.
    fn merge_yields(&mut self, results: &[Value], then: &Region, otherwise: &Region) {
        for (i, &result) in results.iter().enumerate() {
            let (x, y) = (then.yields[i], otherwise.yields[i]);
            // A value that both yield is defined outside of them.
            if x == y {
                self.replacements.insert(result, x);
            }
        }
    }

    fn constant(&self, value: Value) -> Option<u64> {
        self.constants.get(&value).copied()
    }

    fn ty(&self, value: Value) -> Type {
        self.types[value.0 as usize]
    }

    fn simplify(&self, op: &Op, result: Value) -> Option<Folded> {
        self.evaluate(op, result)
            .map(Folded::Constant)
            .or_else(|| self.identity(op, result).map(Folded::Same))
    }

    /// Bits of the result if all operands are constants.
    fn evaluate(&self, op: &Op, result: Value) -> Option<u64> {
        let all = |values: &[Value]| {
            values.iter().map(|&value| self.constant(value)).collect::<Option<Vec<_>>>()
        };
        match op {
            Op::Unary(op, x) => Some(evaluate::unary(*op, self.ty(*x), self.constant(*x)?)),
            Op::Binary(op, x, y) => {
                Some(evaluate::binary(*op, self.ty(*x), self.constant(*x)?, self.constant(*y)?))
            }
            Op::Compare(op, x, y) => {
                let holds =
                    evaluate::compare(*op, self.ty(*x), self.constant(*x)?, self.constant(*y)?);
                Some(u64::from(holds))
            }
            Op::Convert(x) => {
                Some(evaluate::convert(self.ty(*x), self.ty(result), self.constant(*x)?))
            }
            Op::Math(function, arguments) => {
                let ty = self.ty(*arguments.first()?);
                Some(math::evaluate(*function, ty, &all(arguments)?))
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                let position = Position {
                    key: self.constant(*key)?,
                    element: self.constant(*element)?,
                    timestep: self.constant(*timestep)? as u32,
                    draw: self.constant(*draw)? as u32,
                };
                let scalar = self.ty(arguments.last().copied().unwrap_or(result));
                Some(random::evaluate(*function, scalar, position, &all(arguments)?))
            }
            _ => None,
        }
    }

    /// The condition that decides whether an integer is 1 or 0.
    fn condition_of(&self, op: &Op, result: Value) -> Option<Value> {
        let ty = self.ty(result);
        if ty.is_float() || matches!(ty, Type::Bool | Type::Ptr) {
            return None;
        }
        match *op {
            Op::Select(condition, x, y) => {
                let bits = (self.constant(x)?, self.constant(y)?);
                (bits == (1, 0)).then_some(condition)
            }
            Op::Convert(x) if self.ty(x) == Type::Bool => Some(x),
            Op::Convert(x) => self.zero_or_one.get(&x).copied(),
            _ => None,
        }
    }

    /// The operand that the result equals.
    fn identity(&self, op: &Op, result: Value) -> Option<Value> {
        match *op {
            Op::Select(condition, x, y) => match self.constant(condition) {
                Some(0) => Some(y),
                Some(_) => Some(x),
                None => (x == y).then_some(x),
            },
            Op::Convert(x) if self.ty(result) == Type::Bool && self.ty(x) != Type::Bool => {
                self.zero_or_one.get(&x).copied()
            }
            Op::Convert(x) => (self.ty(x) == self.ty(result)).then_some(x),
            Op::Unary(op, x) => {
                let &(inner, y) = self.definitions.get(&x)?;
                (inner == op).then_some(y)
            }
            Op::Binary(op, x, y) => self.binary_identity(op, x, y),
            _ => None,
        }
    }

    fn binary_identity(&self, op: BinaryOp, x: Value, y: Value) -> Option<Value> {
        use BinaryOp::*;
        let ty = self.ty(x);
        if matches!(op, And | Or) && x == y {
            return Some(x);
        }
        // The constant on the right that changes nothing.
        let zero = Some(0);
        let one = Some(match ty {
            Type::F32 => u64::from(1f32.to_bits()),
            Type::F64 => 1f64.to_bits(),
            _ => 1,
        });
        let ones = Some(if ty == Type::Bool { 1 } else { evaluate::truncate(ty, u64::MAX) });
        let neutral = match op {
            // x + 0 is not x if x is -0, but x + -0 is.
            Add if ty == Type::F32 => Some(u64::from((-0f32).to_bits())),
            Add if ty == Type::F64 => Some((-0f64).to_bits()),
            Add | Subtract | Or | Xor | ShiftLeft | ShiftRight => zero,
            Multiply | Divide => one,
            And => ones,
            Remainder => return None,
        };
        let (left, right) = (self.constant(x), self.constant(y));
        if right == neutral {
            return Some(x);
        }
        let commutes = matches!(op, Add | Multiply | And | Or | Xor) && ty != Type::Ptr;
        if commutes && left == neutral {
            return Some(y);
        }
        // The constant that swallows the other operand.
        let absorbing = match op {
            Or => ones,
            And => zero,
            Multiply if !ty.is_float() => zero,
            _ => return None,
        };
        if left == absorbing { Some(x) } else { (right == absorbing).then_some(y) }
    }
}
