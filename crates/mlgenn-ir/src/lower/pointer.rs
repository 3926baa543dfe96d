//! Pointers: an element index where the array is known, an address where it is not.
//!
//! Nearly all pointers in model code point into one array for good. Knowing it turns their loads
//! and stores into accesses of that array, and makes their differences plain subtractions.

use mlgenn_lang::Span;
use mlgenn_lang::typed::{BinaryOp, Expr, ExprKind, LocalId, Place, SymbolId};

use super::{Binding, LowerError, Lowering, Variable, malformed, unsupported};
use crate::builder::KernelBuilder;
use crate::kernel::{SlotId, Value};
use crate::op::{self, Op, UnaryOp};
use crate::types::Type;

/// The array a pointer may point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// None yet.
    Nothing,
    /// That of one slot.
    Slot(SlotId),
    /// One of several, or unknown.
    Anything,
}

impl Target {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, target) | (target, Self::Nothing) => target,
            (a, b) if a == b => a,
            _ => Self::Anything,
        }
    }
}

/// A pointer value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pointer {
    /// Into an array slot, at an `i64` index; `None` is 0.
    Element(SlotId, Option<Value>),
    /// An address.
    Address(Value),
}

/// Address of an array that does not exist: slots have fewer bits.
const NULL: u64 = 0xFFFF << Type::POINTER_SLOT_SHIFT;

impl Lowering {
    /// Find what pointers among the locals may point to after some more code, and forget the
    /// arrays of those that may now point into others.
    pub(super) fn find_targets(
        &mut self,
        b: &mut KernelBuilder,
        assignments: &[(LocalId, &Expr)],
    ) -> Result<(), LowerError> {
        loop {
            let mut changed = false;
            for (local, value) in assignments {
                let Some(&before) = self.pointers.get(local.0) else {
                    return malformed("an unknown local", value.span);
                };
                let after = before.join(self.target(value));
                changed |= after != before;
                self.pointers[local.0] = after;
            }
            if !changed {
                break;
            }
        }
        for id in 0..self.variables.len() {
            if let Some(Variable::Element(slot, cell)) = self.variables[id]
                && self.pointers[id] == Target::Anything
            {
                let address = address(b, Pointer::Element(slot, Some(b.get(cell))));
                self.variables[id] = Some(Variable::Address(b.cell(address)));
            }
        }
        Ok(())
    }

    /// What the value of an expression may point to, as far as is known by now.
    fn target(&self, expr: &Expr) -> Target {
        let mut expr = expr;
        loop {
            expr = match &expr.kind {
                ExprKind::Load(place)
                | ExprKind::CompoundAssign { place, .. }
                | ExprKind::Increment { place, .. } => return self.place_target(place),
                ExprKind::Assign(_, inner)
                | ExprKind::Binary(_, inner, _)
                | ExprKind::Comma(_, inner)
                | ExprKind::Convert(inner) => inner,
                ExprKind::Conditional { then, otherwise, .. } => {
                    return self.target(then).join(self.target(otherwise));
                }
                _ => return Target::Anything,
            };
        }
    }

    fn place_target(&self, place: &Place) -> Target {
        match place {
            Place::Local(local) => self.pointers.get(local.0).copied().unwrap_or(Target::Anything),
            Place::Symbol(SymbolId(id)) => match self.bindings.get(*id) {
                Some(Some(Binding::Array(slot))) => Target::Slot(*slot),
                _ => Target::Anything,
            },
            Place::Delayed(..) | Place::Element { .. } => Target::Anything,
        }
    }

    /// The variable of a pointer that is declared, pointing nowhere.
    pub(super) fn new_pointer(&self, b: &mut KernelBuilder, local: LocalId) -> Variable {
        match self.pointers[local.0] {
            Target::Slot(slot) => {
                // Outside of any array, whatever small number is added.
                let index = b.constant(Type::I64, i64::MIN as u64);
                Variable::Element(slot, b.cell(index))
            }
            Target::Nothing | Target::Anything => {
                let null = b.constant(Type::Ptr, NULL);
                Variable::Address(b.cell(null))
            }
        }
    }

    /// Lower an expression of pointer type.
    pub(super) fn pointer(
        &mut self,
        b: &mut KernelBuilder,
        expr: &Expr,
    ) -> Result<Pointer, LowerError> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Load(place) => self.load_pointer(b, place, span),
            ExprKind::Assign(place, value) => {
                let pointer = self.pointer(b, value)?;
                self.store_pointer(b, place, pointer, span)?;
                Ok(pointer)
            }
            ExprKind::CompoundAssign { place, op, value, .. } => {
                let count = self.number(b, value)?;
                let before = self.load_pointer(b, place, span)?;
                let after = offset(b, before, *op, count, span)?;
                self.store_pointer(b, place, after, span)?;
                Ok(after)
            }
            ExprKind::Increment { place, up, prefix } => {
                let before = self.load_pointer(b, place, span)?;
                let one = b.constant(Type::I64, 1);
                let op = if *up { BinaryOp::Add } else { BinaryOp::Subtract };
                let after = offset(b, before, op, one, span)?;
                self.store_pointer(b, place, after, span)?;
                Ok(if *prefix { after } else { before })
            }
            ExprKind::Binary(..) => {
                // `p + a + b + …` may be long: collect the operands from the right.
                let mut counts = Vec::new();
                let mut base = expr;
                while let ExprKind::Binary(op, left, right) = &base.kind {
                    counts.push((*op, right));
                    base = left;
                }
                let mut pointer = self.pointer(b, base)?;
                for (op, count) in counts.into_iter().rev() {
                    let count = self.number(b, count)?;
                    pointer = offset(b, pointer, op, count, span)?;
                }
                Ok(pointer)
            }
            ExprKind::Comma(first, second) => {
                self.effect(b, first)?;
                self.pointer(b, second)
            }
            ExprKind::Convert(inner) if inner.ty.pointee().is_some() => self.pointer(b, inner),
            ExprKind::Conditional { condition, then, otherwise } => {
                self.conditional(b, condition, then, otherwise).map(Pointer::Address)
            }
            ExprKind::Call(function, arguments) => {
                match self.call(b, function, arguments, expr)? {
                    Some(value) if b.value_type(value) == Type::Ptr => Ok(Pointer::Address(value)),
                    _ => malformed("a call that should give a pointer", span),
                }
            }
            _ => malformed("an expression that should be a pointer", span),
        }
    }

    fn load_pointer(
        &mut self,
        b: &mut KernelBuilder,
        place: &Place,
        span: Span,
    ) -> Result<Pointer, LowerError> {
        match place {
            Place::Local(local) => match self.variable(*local, span)? {
                Variable::Element(slot, cell) => Ok(Pointer::Element(slot, Some(b.get(cell)))),
                Variable::Address(cell) => Ok(Pointer::Address(b.get(cell))),
                Variable::Number(_) => malformed("a number that should be a pointer", span),
            },
            Place::Symbol(symbol) => match self.binding(*symbol, span)? {
                Binding::Array(slot) => Ok(Pointer::Element(*slot, None)),
                Binding::Value(value) if b.value_type(*value) == Type::Ptr => {
                    Ok(Pointer::Address(*value))
                }
                Binding::Cell(cell) if b.value_type(b.get(*cell)) == Type::Ptr => {
                    Ok(Pointer::Address(b.get(*cell)))
                }
                _ => malformed("a name that should be a pointer", span),
            },
            Place::Delayed(..) | Place::Element { .. } => {
                let place = self.resolve(b, place, span)?;
                Ok(Pointer::Address(place.load(b, Type::Ptr)))
            }
        }
    }

    fn store_pointer(
        &mut self,
        b: &mut KernelBuilder,
        place: &Place,
        pointer: Pointer,
        span: Span,
    ) -> Result<(), LowerError> {
        match place {
            Place::Local(local) => self.assign_pointer(b, *local, pointer, span),
            Place::Symbol(symbol) if matches!(self.binding(*symbol, span)?, Binding::Array(_)) => {
                unsupported(
                    "assigning to the name of an array (copy it to a local pointer first)",
                    span,
                )
            }
            _ => {
                let address = address(b, pointer);
                self.resolve(b, place, span)?.store(b, address, span)
            }
        }
    }

    /// Assign a pointer to a local.
    pub(super) fn assign_pointer(
        &mut self,
        b: &mut KernelBuilder,
        local: LocalId,
        pointer: Pointer,
        span: Span,
    ) -> Result<(), LowerError> {
        match (self.variable(local, span)?, pointer) {
            (Variable::Element(slot, cell), Pointer::Element(other, index)) if slot == other => {
                let index = or_zero(b, index);
                b.set(cell, index);
            }
            (Variable::Address(cell), pointer) => {
                let address = address(b, pointer);
                b.set(cell, address);
            }
            _ => return malformed("an assignment of a pointer", span),
        }
        Ok(())
    }

    /// Number of elements from one pointer to another (`i64`).
    pub(super) fn difference(
        &mut self,
        b: &mut KernelBuilder,
        left: &Expr,
        right: &Expr,
    ) -> Result<Value, LowerError> {
        match (self.pointer(b, left)?, self.pointer(b, right)?) {
            (Pointer::Element(slot, x), Pointer::Element(other, y)) if slot == other => {
                let (x, y) = (or_zero(b, x), or_zero(b, y));
                Ok(b.binary(op::BinaryOp::Subtract, x, y))
            }
            _ => unsupported(
                "the difference of pointers that may point into different arrays",
                left.span.to(right.span),
            ),
        }
    }
}

/// A pointer `count` elements further on or back.
fn offset(
    b: &mut KernelBuilder,
    pointer: Pointer,
    op: BinaryOp,
    count: Value,
    span: Span,
) -> Result<Pointer, LowerError> {
    let count = b.convert(count, Type::I64);
    let count = match op {
        BinaryOp::Add => count,
        BinaryOp::Subtract => b.unary(UnaryOp::Negate, count),
        _ => return malformed("an operator on a pointer", span),
    };
    Ok(advance(b, pointer, count))
}

/// A pointer `count` (`i64`) elements further on.
pub(super) fn advance(b: &mut KernelBuilder, pointer: Pointer, count: Value) -> Pointer {
    match pointer {
        Pointer::Element(slot, None) => Pointer::Element(slot, Some(count)),
        Pointer::Element(slot, Some(index)) => {
            Pointer::Element(slot, Some(b.binary(op::BinaryOp::Add, index, count)))
        }
        Pointer::Address(address) => Pointer::Address(b.binary(op::BinaryOp::Add, address, count)),
    }
}

/// A pointer as a value.
pub(super) fn address(b: &mut KernelBuilder, pointer: Pointer) -> Value {
    match pointer {
        Pointer::Address(address) => address,
        Pointer::Element(slot, index) => {
            let base = b.op(Op::AddressOf(slot), Type::Ptr);
            match index {
                Some(index) => b.binary(op::BinaryOp::Add, base, index),
                None => base,
            }
        }
    }
}

pub(super) fn or_zero(b: &mut KernelBuilder, index: Option<Value>) -> Value {
    index.unwrap_or_else(|| b.constant(Type::I64, 0))
}
