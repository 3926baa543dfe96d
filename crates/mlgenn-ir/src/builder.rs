//! Building kernels in SSA form from code that has variables.
//!
//! [`Cell`]s are the variables: [`KernelBuilder::if_else`] and [`KernelBuilder::loop_while`] turn
//! the cells that change in them into results and loop parameters.

use std::collections::HashMap;

use mlgenn_lang::typed::CompareOp;

use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, Op, UnaryOp};
use crate::types::Type;

/// A variable during construction: holds a value of one type that may change.
///
/// A cell made inside a region (of an `if` or a loop) may only be used inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell(u32);

/// Builds a [`Kernel`], instruction by instruction.
#[derive(Debug)]
pub struct KernelBuilder {
    name: String,
    slots: Vec<Slot>,
    /// Type of every value made so far.
    values: Vec<Type>,
    /// Instructions of the regions that are being built, the innermost last.
    open: Vec<Vec<Instruction>>,
    /// Current value of every cell.
    cells: Vec<Value>,
    /// What to put in place of loop parameters that turned out never to change.
    replaced: HashMap<Value, Value>,
}

impl KernelBuilder {
    /// A kernel without slots that does nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            slots: Vec::new(),
            values: Vec::new(),
            open: vec![Vec::new()],
            cells: Vec::new(),
            replaced: HashMap::new(),
        }
    }

    /// Add a slot. A number is appended to the name if another slot has it.
    pub fn slot(&mut self, name: &str, ty: Type, kind: SlotKind) -> SlotId {
        let taken = |name: &str| self.slots.iter().any(|slot| slot.name == name);
        let mut unique = name.to_owned();
        let mut suffix = 2;
        while taken(&unique) {
            unique = format!("{name}_{suffix}");
            suffix += 1;
        }
        self.slots.push(Slot { name: unique, ty, kind });
        SlotId((self.slots.len() - 1) as u32)
    }

    /// Type of the elements of a slot.
    pub fn slot_type(&self, slot: SlotId) -> Type {
        self.slots[slot.0 as usize].ty
    }

    /// Type of a value.
    pub fn value_type(&self, value: Value) -> Type {
        self.values[value.0 as usize]
    }

    fn fresh(&mut self, ty: Type) -> Value {
        self.values.push(ty);
        Value((self.values.len() - 1) as u32)
    }

    fn push(&mut self, results: Vec<Value>, op: Op) {
        if let Some(instructions) = self.open.last_mut() {
            instructions.push(Instruction { results, op });
        }
    }

    /// Append an operation with one result of the given type.
    pub fn op(&mut self, op: Op, ty: Type) -> Value {
        let result = self.fresh(ty);
        self.push(vec![result], op);
        result
    }

    /// Append an operation without a result.
    pub fn effect(&mut self, op: Op) {
        self.push(Vec::new(), op);
    }

    /// A constant, given by its bits as in [`Op::Const`].
    pub fn constant(&mut self, ty: Type, bits: u64) -> Value {
        self.op(Op::Const(bits), ty)
    }

    /// A constant: the number converted with the rules of [`Op::Convert`].
    pub fn number(&mut self, ty: Type, number: f64) -> Value {
        let bits = match ty {
            Type::Bool => u64::from(number != 0.0),
            Type::I8 => u64::from(number as i8 as u8),
            Type::U8 => u64::from(number as u8),
            Type::I16 => u64::from(number as i16 as u16),
            Type::U16 => u64::from(number as u16),
            Type::I32 => u64::from(number as i32 as u32),
            Type::U32 => u64::from(number as u32),
            Type::I64 | Type::Ptr => number as i64 as u64,
            Type::U64 => number as u64,
            Type::F32 => u64::from((number as f32).to_bits()),
            Type::F64 => number.to_bits(),
        };
        self.constant(ty, bits)
    }

    /// A `bool` constant.
    pub fn boolean(&mut self, value: bool) -> Value {
        self.constant(Type::Bool, u64::from(value))
    }

    /// Value of a variable slot.
    pub fn read(&mut self, slot: SlotId) -> Value {
        self.op(Op::Read(slot), self.slot_type(slot))
    }

    /// Assign a variable slot.
    pub fn write(&mut self, slot: SlotId, value: Value) {
        self.effect(Op::Write(slot, value));
    }

    /// Add to an accumulator slot.
    pub fn accumulate(&mut self, slot: SlotId, value: Value) {
        self.effect(Op::Accumulate(slot, value));
    }

    /// Value of a history slot `delay` (`i32`) timesteps back.
    pub fn read_delayed(&mut self, slot: SlotId, delay: Value) -> Value {
        self.op(Op::ReadDelayed { slot, delay }, self.slot_type(slot))
    }

    /// Element of an array slot at an `i64` index.
    pub fn load_element(&mut self, slot: SlotId, index: Value) -> Value {
        self.op(Op::LoadElement(slot, index), self.slot_type(slot))
    }

    /// Apply an operator with one operand.
    pub fn unary(&mut self, op: UnaryOp, value: Value) -> Value {
        self.op(Op::Unary(op, value), self.value_type(value))
    }

    /// Apply an operator with two operands of one type (see [`Op::Binary`]).
    pub fn binary(&mut self, op: BinaryOp, left: Value, right: Value) -> Value {
        self.op(Op::Binary(op, left, right), self.value_type(left))
    }

    /// Compare two values of one type.
    pub fn compare(&mut self, op: CompareOp, left: Value, right: Value) -> Value {
        self.op(Op::Compare(op, left, right), Type::Bool)
    }

    /// `condition ? then : otherwise`, of values that exist already.
    pub fn select(&mut self, condition: Value, then: Value, otherwise: Value) -> Value {
        if then == otherwise {
            return then;
        }
        self.op(Op::Select(condition, then, otherwise), self.value_type(then))
    }

    /// Convert a number; the value itself if it has the type already.
    pub fn convert(&mut self, value: Value, ty: Type) -> Value {
        if self.value_type(value) == ty { value } else { self.op(Op::Convert(value), ty) }
    }

    /// Logical not.
    pub fn not(&mut self, value: Value) -> Value {
        self.unary(UnaryOp::Not, value)
    }

    /// Logical (or bitwise) and.
    pub fn and(&mut self, left: Value, right: Value) -> Value {
        self.binary(BinaryOp::And, left, right)
    }

    /// Logical (or bitwise) or.
    pub fn or(&mut self, left: Value, right: Value) -> Value {
        self.binary(BinaryOp::Or, left, right)
    }

    /// A new variable.
    pub fn cell(&mut self, initial: Value) -> Cell {
        self.cells.push(initial);
        Cell((self.cells.len() - 1) as u32)
    }

    /// Current value of a variable.
    pub fn get(&self, cell: Cell) -> Value {
        self.cells[cell.0 as usize]
    }

    /// Assign a variable; the value has the type of the initial one.
    pub fn set(&mut self, cell: Cell, value: Value) {
        self.cells[cell.0 as usize] = value;
    }

    /// How many regions deep the next instruction lies; 0 in the body of the kernel.
    pub fn depth(&self) -> usize {
        self.open.len() - 1
    }

    /// Build the instructions of a region. After an error the builder is only good to be dropped.
    fn region<T, E>(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<(T, Vec<Instruction>), E> {
        self.open.push(Vec::new());
        let result = build(self)?;
        Ok((result, self.open.pop().unwrap_or_default()))
    }

    /// Run `then` if the condition holds, else `otherwise`. Cells may be changed in both.
    ///
    /// Errors are those of the two closures; the builder cannot be used after one.
    pub fn if_else<E>(
        &mut self,
        condition: Value,
        then: impl FnOnce(&mut Self) -> Result<(), E>,
        otherwise: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.cells.clone();
        let existing = before.len();
        let ((), then_instructions) = self.region(then)?;
        let after_then = self.cells[..existing].to_vec();
        // Cells made in the region are dead from here on, but keep their place: no two cells
        // ever share one.
        self.cells[..existing].copy_from_slice(&before);
        let ((), otherwise_instructions) = self.region(otherwise)?;
        let changed: Vec<usize> =
            (0..existing).filter(|&cell| self.cells[cell] != after_then[cell]).collect();
        let then_yields: Vec<Value> = changed.iter().map(|&cell| after_then[cell]).collect();
        let otherwise_yields: Vec<Value> = changed.iter().map(|&cell| self.cells[cell]).collect();

        if then_instructions.is_empty() && otherwise_instructions.is_empty() {
            for (cell, (&a, &b)) in changed.iter().zip(then_yields.iter().zip(&otherwise_yields)) {
                self.cells[*cell] = self.select(condition, a, b);
            }
            return Ok(());
        }
        let mut results = Vec::with_capacity(changed.len());
        for (&cell, &value) in changed.iter().zip(&then_yields) {
            let result = self.fresh(self.value_type(value));
            self.cells[cell] = result;
            results.push(result);
        }
        let region = |instructions, yields| Region { parameters: Vec::new(), instructions, yields };
        self.push(
            results,
            Op::If {
                condition,
                then: region(then_instructions, then_yields),
                otherwise: region(otherwise_instructions, otherwise_yields),
            },
        );
        Ok(())
    }

    /// While `condition` yields true, run `body`. Cells may be changed in both.
    ///
    /// Errors are those of the two closures; the builder cannot be used after one.
    pub fn loop_while<E>(
        &mut self,
        condition: impl FnOnce(&mut Self) -> Result<Value, E>,
        body: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        // Every cell becomes a parameter at first; those that did not change are then replaced by
        // their values before the loop.
        let before = self.cells.clone();
        let parameters = self.fresh_like(&before);
        self.cells.copy_from_slice(&parameters);
        let (test, test_instructions) = self.region(condition)?;
        if self.cells[..before.len()] == parameters {
            let body_parameters = self.fresh_like(&before);
            self.cells[..before.len()].copy_from_slice(&body_parameters);
            let ((), body_instructions) = self.region(body)?;
            let condition =
                Region { parameters, instructions: test_instructions, yields: vec![test] };
            self.close_loop(before, condition, body_parameters, body_instructions, None);
        } else {
            // The condition region can hand no cells on, so the test moves into the body and the
            // condition is whether it held the last time.
            let running = self.boolean(true);
            self.open.push(test_instructions);
            self.if_else(test, body, |_| Ok(()))?;
            let body_instructions = self.open.pop().unwrap_or_default();
            let condition = Region { parameters: self.fresh_like(&before), ..Region::default() };
            let flag = Some((running, test));
            self.close_loop(before, condition, parameters, body_instructions, flag);
        }
        Ok(())
    }

    /// Append a loop. `condition` and `body_parameters` have one parameter per cell that existed
    /// `before`; the cells hold what the body ends with. `running` are the initial and the next
    /// value of one more parameter that is the condition.
    fn close_loop(
        &mut self,
        before: Vec<Value>,
        mut condition: Region,
        body_parameters: Vec<Value>,
        body_instructions: Vec<Instruction>,
        running: Option<(Value, Value)>,
    ) {
        let mut init = Vec::new();
        let mut results = Vec::new();
        let mut body = Region { instructions: body_instructions, ..Region::default() };
        if let Some((first, next)) = running {
            let test = self.fresh(Type::Bool);
            init.push(first);
            results.push(self.fresh(Type::Bool));
            body.parameters.push(self.fresh(Type::Bool));
            body.yields.push(next);
            condition.yields.push(test);
        }
        let condition_parameters = std::mem::take(&mut condition.parameters);
        condition.parameters.extend(&condition.yields[..usize::from(running.is_some())]);
        for (cell, &initial) in before.iter().enumerate() {
            if self.cells[cell] == body_parameters[cell] {
                self.replaced.insert(body_parameters[cell], initial);
                self.replaced.insert(condition_parameters[cell], initial);
                self.cells[cell] = initial;
                continue;
            }
            init.push(initial);
            condition.parameters.push(condition_parameters[cell]);
            body.parameters.push(body_parameters[cell]);
            body.yields.push(self.cells[cell]);
            let result = self.fresh(self.value_type(initial));
            results.push(result);
            self.cells[cell] = result;
        }
        self.push(results, Op::Loop { init, condition, body });
    }

    fn fresh_like(&mut self, values: &[Value]) -> Vec<Value> {
        values.iter().map(|&value| self.fresh(self.value_type(value))).collect()
    }

    /// The kernel.
    ///
    /// Values are numbered anew, in the order in which the kernel defines them.
    pub fn finish(mut self) -> Kernel {
        let mut body = Region {
            instructions: self.open.drain(..).next().unwrap_or_default(),
            ..Region::default()
        };
        let mut numbering = Numbering {
            types: &self.values,
            replaced: &self.replaced,
            numbers: vec![None; self.values.len()],
            values: Vec::new(),
        };
        numbering.region(&mut body);
        let values = numbering.values;
        Kernel { name: self.name, slots: self.slots, values, body }
    }
}

/// Renumbers the values of a kernel, following replacements.
struct Numbering<'a> {
    types: &'a [Type],
    replaced: &'a HashMap<Value, Value>,
    /// New number of each old value.
    numbers: Vec<Option<Value>>,
    /// Types by new number.
    values: Vec<Type>,
}

impl Numbering<'_> {
    fn define(&mut self, value: &mut Value) {
        let old = value.0 as usize;
        *value = Value(self.values.len() as u32);
        self.values.push(self.types[old]);
        self.numbers[old] = Some(*value);
    }

    fn rename(&mut self, value: &mut Value) {
        // A replacement is older than what it replaces: this ends.
        while let Some(&replacement) = self.replaced.get(value) {
            *value = replacement;
        }
        // A use without a definition (a mistake of the caller) is left to the verifier: it gets a
        // number that nothing defines.
        match self.numbers[value.0 as usize] {
            Some(number) => *value = number,
            None => self.define(value),
        }
    }

    fn region(&mut self, region: &mut Region) {
        region.parameters.iter_mut().for_each(|value| self.define(value));
        for instruction in &mut region.instructions {
            instruction.op.for_each_operand_mut(|value| self.rename(value));
            for inner in instruction.op.regions_mut().into_iter().flatten() {
                self.region(inner);
            }
            instruction.results.iter_mut().for_each(|value| self.define(value));
        }
        region.yields.iter_mut().for_each(|value| self.rename(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Domain;
    use crate::verify::verify;

    #[test]
    fn slots_get_unique_names() {
        let mut b = KernelBuilder::new("k");
        let kind = SlotKind::Array { writable: false };
        let ids = ["v", "v_2", "v", "v"].map(|name| b.slot(name, Type::F32, kind));
        let kernel = b.finish();
        assert_eq!(ids.map(|id| kernel.slot(id).name.clone()), ["v", "v_2", "v_3", "v_4"]);
    }

    #[test]
    fn numbers_convert_as_in_code() {
        let mut b = KernelBuilder::new("k");
        let cases = [
            (Type::Bool, 0.5, 1),
            (Type::I8, -3.9, 0xFD),
            (Type::U8, 300.0, 0xFF),
            (Type::I32, f64::NAN, 0),
            (Type::U64, -1.0, 0),
            (Type::F32, 0.1, u64::from(0.1f32.to_bits())),
            (Type::F64, 0.1, 0.1f64.to_bits()),
        ];
        for (ty, number, _) in cases {
            b.number(ty, number);
        }
        let kernel = b.finish();
        verify(&kernel).unwrap();
        for (instruction, (ty, number, bits)) in kernel.body.instructions.iter().zip(cases) {
            assert_eq!(instruction.op, Op::Const(bits), "{number} as {ty}");
        }
    }

    #[test]
    fn cells_become_results_and_parameters() {
        let mut b = KernelBuilder::new("k");
        let variable = SlotKind::Variable { domain: Domain::Neuron, writable: true };
        let slot = b.slot("x", Type::I32, variable);
        let x = b.read(slot);
        let (changed, same) = (b.cell(x), b.cell(x));
        let zero = b.constant(Type::I32, 0);
        let positive = b.compare(CompareOp::Greater, x, zero);
        let ok: Result<(), ()> = b.if_else(
            positive,
            |b| {
                b.set(changed, zero);
                Ok(())
            },
            |_| Ok(()),
        );
        assert_eq!(ok, Ok(()));
        assert_eq!(b.get(same), x);
        // Nothing is done in either branch: a selection.
        assert_ne!(b.get(changed), x);

        let ok: Result<(), ()> = b.loop_while(
            |b| {
                // A condition with an effect.
                let less = b.binary(BinaryOp::Subtract, b.get(changed), x);
                b.set(changed, less);
                Ok(b.compare(CompareOp::Greater, less, b.get(same)))
            },
            |b| {
                b.write(slot, b.get(changed));
                Ok(())
            },
        );
        assert_eq!(ok, Ok(()));
        assert_eq!(b.get(same), x);
        b.write(slot, b.get(changed));
        let kernel = b.finish();
        verify(&kernel).unwrap();
        let ops: Vec<_> = kernel.body.instructions.iter().map(|i| &i.op).collect();
        assert!(ops.iter().any(|op| matches!(op, Op::Select(..))), "{kernel}");
        // The flag whether the condition held, and `changed`.
        assert!(ops.iter().any(|op| matches!(op, Op::Loop { init, .. } if init.len() == 2)));
    }
}
