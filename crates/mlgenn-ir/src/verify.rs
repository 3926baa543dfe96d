//! Checks that a kernel is what executors and passes take for granted.
//!
//! * Slots have unique names that are identifiers, and types that go with their kinds: events are
//!   `bool`, accumulators are numbers. There are fewer than 2^16 of them.
//! * Every value is defined once and only used where its definition comes before, in the same
//!   region or in one around it.
//! * Operands and results of every operation have the types that [`Op`] names, and as many of them.
//! * Slots are used as their kinds allow; only writable ones are written.
//! * `Emit` stands outside control flow, once for each slot at most.
//! * The body has neither parameters nor yields; regions of an `If` have no parameters, and yield
//!   what its results are; regions of a `Loop` have its parameters.

use mlgenn_lang::typed::RandomFunction;

use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::text::instruction_text;
use crate::types::Type;
use crate::{math, random};

/// What is wrong with a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kernel {kernel:?}: {message}{}", at(.instruction))]
pub struct VerifyError {
    /// Name of the kernel.
    pub kernel: String,
    /// The offending instruction in text form, if it is one.
    pub instruction: Option<String>,
    /// What is wrong.
    pub message: String,
}

fn at(instruction: &Option<String>) -> String {
    instruction.as_ref().map_or_else(String::new, |text| format!("\nin: {text}"))
}

/// Check a kernel.
pub fn verify(kernel: &Kernel) -> Result<(), VerifyError> {
    let error = |(instruction, message): (Option<&Instruction>, String)| VerifyError {
        kernel: kernel.name.clone(),
        instruction: instruction.map(|instruction| instruction_text(kernel, instruction)),
        message,
    };
    check_slots(kernel).map_err(|message| error((None, message)))?;
    let count = kernel.values.len();
    let mut verifier = Verifier {
        kernel,
        defined: vec![false; count],
        visible: vec![false; count],
        emitted: vec![false; kernel.slots.len()],
    };
    let body = &kernel.body;
    if !body.parameters.is_empty() || !body.yields.is_empty() {
        return Err(error((None, "the body has parameters or yields".to_owned())));
    }
    verifier.region(body, 0).map_err(error)
}

fn check_slots(kernel: &Kernel) -> Result<(), String> {
    if kernel.slots.len() >= 1 << 16 {
        return Err("there are too many slots".to_owned());
    }
    let mut names = std::collections::HashSet::new();
    for slot in &kernel.slots {
        let name = &slot.name;
        let identifier = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !identifier {
            return Err(format!("the name of slot {name:?} is not an identifier"));
        }
        if !names.insert(name) {
            return Err(format!("there are two slots {name}"));
        }
        let fits = match slot.kind {
            SlotKind::Events => slot.ty == Type::Bool,
            SlotKind::Accumulator { .. } | SlotKind::DelayedAccumulator { .. } => {
                is_number(slot.ty)
            }
            _ => true,
        };
        if !fits {
            return Err(format!("slot {name} cannot be of type {}", slot.ty));
        }
    }
    Ok(())
}

fn is_number(ty: Type) -> bool {
    ty.is_float() || ty.is_integer()
}

struct Verifier<'a> {
    kernel: &'a Kernel,
    /// Values that have been defined anywhere.
    defined: Vec<bool>,
    /// Values that can be used here.
    visible: Vec<bool>,
    /// Event slots that have been emitted.
    emitted: Vec<bool>,
}

type Checked<'a> = Result<(), (Option<&'a Instruction>, String)>;

impl<'a> Verifier<'a> {
    /// Check a region at some depth of nesting; what it defines is not visible afterwards.
    fn region(&mut self, region: &'a Region, depth: usize) -> Checked<'a> {
        let before = self.visible.clone();
        for &parameter in &region.parameters {
            self.define(parameter).map_err(|message| (None, message))?;
        }
        for instruction in &region.instructions {
            self.instruction(instruction, depth)
                .map_err(|(inner, message)| (inner.or(Some(instruction)), message))?;
        }
        for &value in &region.yields {
            self.use_value(value).map_err(|message| (None, message))?;
        }
        self.visible = before;
        Ok(())
    }

    fn define(&mut self, value: Value) -> Result<(), String> {
        let index = value.0 as usize;
        match self.defined.get_mut(index) {
            None => return Err(format!("{value} has no type")),
            Some(true) => return Err(format!("{value} is defined twice")),
            Some(defined) => *defined = true,
        }
        self.visible[index] = true;
        Ok(())
    }

    fn use_value(&self, value: Value) -> Result<(), String> {
        match self.visible.get(value.0 as usize) {
            Some(true) => Ok(()),
            _ => Err(format!("{value} is not defined here")),
        }
    }

    fn instruction(&mut self, instruction: &'a Instruction, depth: usize) -> Checked<'a> {
        let op = &instruction.op;
        let mut operands = Ok(());
        op.for_each_operand(|value| {
            if operands.is_ok() {
                operands = self.use_value(value);
            }
        });
        operands.map_err(|message| (None, message))?;
        for region in op.regions().into_iter().flatten() {
            self.region(region, depth + 1)?;
        }
        let plain = |message: String| (None, message);
        if let Op::Emit(slot, _) = op {
            if depth > 0 {
                return Err(plain("events are emitted outside control flow only".to_owned()));
            }
            if self.emitted.get(slot.0 as usize) == Some(&true) {
                return Err(plain("an event slot is emitted twice".to_owned()));
            }
            if let Some(emitted) = self.emitted.get_mut(slot.0 as usize) {
                *emitted = true;
            }
        }
        let expected = self.results(instruction).map_err(plain)?;
        for &result in &instruction.results {
            self.define(result).map_err(plain)?;
        }
        let results = self.types(&instruction.results);
        if results != expected {
            let (results, expected) = (join(&results), join(&expected));
            return Err(plain(format!("the results are ({results}), expected ({expected})")));
        }
        Ok(())
    }

    fn ty(&self, value: Value) -> Type {
        self.kernel.value_type(value)
    }

    fn types(&self, values: &[Value]) -> Vec<Type> {
        values.iter().map(|&value| self.ty(value)).collect()
    }

    /// Type of the first result; `bool` if it is missing or bad, which is found later.
    fn result_type(&self, instruction: &Instruction) -> Type {
        let first = instruction.results.first();
        first
            .and_then(|value| self.kernel.values.get(value.0 as usize))
            .copied()
            .unwrap_or(Type::Bool)
    }

    fn expect(&self, value: Value, ty: Type) -> Result<(), String> {
        if self.ty(value) == ty {
            return Ok(());
        }
        Err(format!("{value} is of type {}, expected {ty}", self.ty(value)))
    }

    fn slot(&self, slot: SlotId, fits: fn(SlotKind) -> bool) -> Result<&'a Slot, String> {
        let Some(slot) = self.kernel.slots.get(slot.0 as usize) else {
            return Err(format!("there is no slot {}", slot.0));
        };
        if fits(slot.kind) {
            return Ok(slot);
        }
        Err(format!("slot {} is of a kind that does not allow this", slot.name))
    }

    /// Check the operands, and give the types that the results must have.
    fn results(&self, instruction: &Instruction) -> Result<Vec<Type>, String> {
        let none = Ok(Vec::new());
        match &instruction.op {
            Op::Const(bits) => {
                let ty = self.result_type(instruction);
                let fits = crate::evaluate::truncate(ty, *bits) == *bits
                    && (ty != Type::Bool || *bits <= 1);
                if !fits {
                    return Err(format!("{bits:#x} are not the bits of a {ty}"));
                }
                Ok(vec![ty])
            }
            Op::Unary(op, x) => {
                let ty = self.ty(*x);
                let fits = match op {
                    UnaryOp::Negate => is_number(ty),
                    UnaryOp::Not => ty.is_integer() || ty == Type::Bool,
                };
                if fits { Ok(vec![ty]) } else { Err(no_operator(ty)) }
            }
            Op::Binary(op, x, y) => self.binary(*op, *x, *y),
            Op::Compare(op, x, y) => {
                let ty = self.ty(*x);
                self.expect(*y, ty)?;
                if ty == Type::Ptr && !matches!(op, CompareOp::Equal | CompareOp::NotEqual) {
                    return Err(no_operator(ty));
                }
                Ok(vec![Type::Bool])
            }
            Op::Select(condition, x, y) => {
                self.expect(*condition, Type::Bool)?;
                self.expect(*y, self.ty(*x))?;
                Ok(vec![self.ty(*x)])
            }
            Op::Convert(x) => {
                let to = self.result_type(instruction);
                if self.ty(*x) == Type::Ptr || to == Type::Ptr {
                    return Err("pointers cannot be converted".to_owned());
                }
                Ok(vec![to])
            }
            Op::Math(function, arguments) => {
                let Some(&first) = arguments.first() else {
                    return Err("the function has no arguments".to_owned());
                };
                let ty = self.ty(first);
                let Some(signature) = math::signature(*function, ty) else {
                    return Err(format!("there is no {function:?} of {ty}"));
                };
                self.arguments(arguments, signature.parameters)?;
                Ok(vec![signature.result])
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                self.expect(*key, Type::U64)?;
                self.expect(*element, Type::U64)?;
                self.expect(*timestep, Type::U32)?;
                self.expect(*draw, Type::U32)?;
                let result = self.result_type(instruction);
                let scalar = arguments.last().map_or(result, |&value| self.ty(value));
                let signature = random::signature(*function, scalar);
                let parameters: Vec<_> = signature.parameters.into_iter().flatten().collect();
                self.arguments(arguments, &parameters)?;
                if !scalar.is_float() && *function != RandomFunction::Bits {
                    return Err(format!("there is no random number of type {scalar}"));
                }
                Ok(vec![signature.result])
            }
            Op::Read(slot) => {
                let slot = self.slot(*slot, |kind| matches!(kind, SlotKind::Variable { .. }))?;
                Ok(vec![slot.ty])
            }
            Op::Write(slot, value) => {
                let writable = |kind| matches!(kind, SlotKind::Variable { writable: true, .. });
                self.expect(*value, self.slot(*slot, writable)?.ty)?;
                none
            }
            Op::Accumulate(slot, value) => {
                let fits = |kind| matches!(kind, SlotKind::Accumulator { .. });
                self.expect(*value, self.slot(*slot, fits)?.ty)?;
                none
            }
            Op::AccumulateDelayed { slot, value, delay } => {
                let fits = |kind| matches!(kind, SlotKind::DelayedAccumulator { .. });
                self.expect(*value, self.slot(*slot, fits)?.ty)?;
                self.expect(*delay, Type::U32)?;
                none
            }
            Op::ReadDelayed { slot, delay } => {
                let slot = self.slot(*slot, |kind| matches!(kind, SlotKind::History { .. }))?;
                self.expect(*delay, Type::I32)?;
                Ok(vec![slot.ty])
            }
            Op::Emit(slot, condition) => {
                self.slot(*slot, |kind| kind == SlotKind::Events)?;
                self.expect(*condition, Type::Bool)?;
                none
            }
            Op::AddressOf(slot) => {
                self.slot(*slot, |kind| matches!(kind, SlotKind::Array { .. }))?;
                Ok(vec![Type::Ptr])
            }
            Op::LoadPointer(pointer) => {
                self.expect(*pointer, Type::Ptr)?;
                Ok(vec![self.result_type(instruction)])
            }
            Op::StorePointer(pointer, _) => {
                self.expect(*pointer, Type::Ptr)?;
                none
            }
            Op::LoadElement(slot, index) => {
                let slot = self.slot(*slot, |kind| matches!(kind, SlotKind::Array { .. }))?;
                self.expect(*index, Type::I64)?;
                Ok(vec![slot.ty])
            }
            Op::StoreElement(slot, index, value) | Op::AccumulateElement(slot, index, value) => {
                let slot = self.slot(*slot, |kind| kind == SlotKind::Array { writable: true })?;
                self.expect(*index, Type::I64)?;
                self.expect(*value, slot.ty)?;
                let adds = matches!(instruction.op, Op::AccumulateElement(..));
                if adds && !is_number(slot.ty) { Err(no_operator(slot.ty)) } else { none }
            }
            Op::AtomicOr(pointer, bits) => {
                self.expect(*pointer, Type::Ptr)?;
                self.expect(*bits, Type::U32)?;
                none
            }
            Op::Print { .. } => none,
            Op::Assert(condition) => {
                self.expect(*condition, Type::Bool)?;
                none
            }
            Op::If { condition, then, otherwise } => {
                self.expect(*condition, Type::Bool)?;
                let results = self.types(&then.yields);
                if !then.parameters.is_empty() || !otherwise.parameters.is_empty() {
                    return Err("a region has parameters".to_owned());
                }
                if self.types(&otherwise.yields) != results {
                    return Err("the regions yield different types".to_owned());
                }
                Ok(results)
            }
            Op::Loop { init, condition, body } => {
                let parameters = self.types(init);
                if self.types(&condition.yields) != [Type::Bool] {
                    return Err("the condition does not yield one bool".to_owned());
                }
                let lists = [&condition.parameters, &body.parameters, &body.yields];
                if lists.iter().any(|list| self.types(list) != parameters) {
                    return Err("parameters of the regions differ from the first ones".to_owned());
                }
                Ok(parameters)
            }
        }
    }

    fn binary(&self, op: BinaryOp, x: Value, y: Value) -> Result<Vec<Type>, String> {
        let ty = self.ty(x);
        let fits = match op {
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => {
                is_number(ty) || (ty == Type::Ptr && op == BinaryOp::Add)
            }
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => ty.is_integer() || ty == Type::Bool,
            BinaryOp::Remainder | BinaryOp::ShiftLeft | BinaryOp::ShiftRight => ty.is_integer(),
        };
        if !fits {
            return Err(no_operator(ty));
        }
        match op {
            BinaryOp::ShiftLeft | BinaryOp::ShiftRight if self.ty(y).is_integer() => {}
            _ if ty == Type::Ptr => self.expect(y, Type::I64)?,
            _ => self.expect(y, ty)?,
        }
        Ok(vec![ty])
    }

    fn arguments(&self, arguments: &[Value], parameters: &[Type]) -> Result<(), String> {
        let types = self.types(arguments);
        if types == parameters {
            return Ok(());
        }
        Err(format!("the arguments are ({}), expected ({})", join(&types), join(parameters)))
    }
}

fn no_operator(ty: Type) -> String {
    format!("there is no such operator for {ty}")
}

fn join(types: &[Type]) -> String {
    types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
