//! Expressions: operators, assignments and what is evaluated only if needed.

use mlgenn_lang::typed::{BinaryOp, Expr, ExprKind, Place, UnaryOp};

use super::{LowerError, Lowering, ir_type, malformed, pointer, walk};
use crate::builder::KernelBuilder;
use crate::kernel::Value;
use crate::types::Type;
use crate::{evaluate, op};

impl Lowering {
    /// Evaluate an expression for its effect.
    pub(super) fn effect(&mut self, b: &mut KernelBuilder, expr: &Expr) -> Result<(), LowerError> {
        match &expr.kind {
            ExprKind::Call(function, arguments) => {
                self.call(b, function, arguments, expr)?;
                Ok(())
            }
            ExprKind::Comma(first, second) => {
                self.effect(b, first)?;
                self.effect(b, second)
            }
            ExprKind::Convert(inner) => self.effect(b, inner),
            ExprKind::String(_) => Ok(()),
            _ => self.value(b, expr).map(|_| ()),
        }
    }

    /// Lower an expression of any type that has a value; pointers become addresses.
    pub(super) fn value(
        &mut self,
        b: &mut KernelBuilder,
        expr: &Expr,
    ) -> Result<Value, LowerError> {
        if expr.ty.pointee().is_some() {
            let pointer = self.pointer(b, expr)?;
            Ok(pointer::address(b, pointer))
        } else {
            self.number(b, expr)
        }
    }

    /// Lower a condition.
    pub(super) fn test(&mut self, b: &mut KernelBuilder, expr: &Expr) -> Result<Value, LowerError> {
        let value = self.number(b, expr)?;
        Ok(b.convert(value, Type::Bool))
    }

    /// Lower an expression of numeric type.
    pub(super) fn number(
        &mut self,
        b: &mut KernelBuilder,
        expr: &Expr,
    ) -> Result<Value, LowerError> {
        let span = expr.span;
        let ty = ir_type(&expr.ty, span)?;
        if ty == Type::Ptr {
            return malformed("a pointer that should be a number", span);
        }
        match &expr.kind {
            ExprKind::Integer(bits) => Ok(integer(b, ty, *bits)),
            ExprKind::Float(number) => Ok(b.number(ty, *number)),
            ExprKind::String(_) => malformed("a string that should be a number", span),
            ExprKind::Load(place) => {
                let place = self.resolve(b, place, span)?;
                Ok(place.load(b, ty))
            }
            ExprKind::Assign(place, value) => {
                // As in C++, the right operand comes first.
                let value = self.number(b, value)?;
                let value = b.convert(value, ty);
                self.resolve(b, place, span)?.store(b, value, span)?;
                Ok(value)
            }
            ExprKind::CompoundAssign { place, op, ty: computed, value } => {
                let computed = ir_type(computed, span)?;
                let value = self.number(b, value)?;
                let place = self.resolve(b, place, span)?;
                let before = place.load(b, ty);
                let before = b.convert(before, computed);
                let after = arithmetic(b, *op, before, value);
                let after = b.convert(after, ty);
                place.store(b, after, span)?;
                Ok(after)
            }
            ExprKind::Increment { place, up, prefix } => {
                self.increment(b, place, *up, *prefix, expr)
            }
            ExprKind::Unary(op, inner) => {
                let inner = self.number(b, inner)?;
                let op = match op {
                    UnaryOp::Negate => op::UnaryOp::Negate,
                    UnaryOp::Complement => op::UnaryOp::Not,
                };
                Ok(b.unary(op, inner))
            }
            ExprKind::Binary(..) => self.binary(b, expr),
            ExprKind::Compare(op, left, right) => {
                let left = self.number(b, left)?;
                let right = self.number(b, right)?;
                Ok(b.compare(*op, left, right))
            }
            ExprKind::Logical { and, left, right } => {
                let left = self.test(b, left)?;
                self.logical(b, *and, left, right)
            }
            ExprKind::Not(inner) => {
                let inner = self.test(b, inner)?;
                Ok(b.not(inner))
            }
            ExprKind::Conditional { condition, then, otherwise } => {
                self.conditional(b, condition, then, otherwise)
            }
            ExprKind::Comma(first, second) => {
                self.effect(b, first)?;
                self.number(b, second)
            }
            ExprKind::Convert(inner) if inner.ty.pointee().is_some() => {
                // A pointer as a condition: it always points somewhere.
                self.pointer(b, inner)?;
                Ok(b.number(ty, 1.0))
            }
            ExprKind::Convert(inner) => {
                let inner = self.number(b, inner)?;
                Ok(b.convert(inner, ty))
            }
            ExprKind::Call(function, arguments) => {
                match self.call(b, function, arguments, expr)? {
                    Some(value) if b.value_type(value) != Type::Ptr => Ok(b.convert(value, ty)),
                    _ => malformed("a call that should give a number", span),
                }
            }
        }
    }

    /// A chain of operators, which may be long, from the left.
    fn binary(&mut self, b: &mut KernelBuilder, expr: &Expr) -> Result<Value, LowerError> {
        let mut operators = Vec::new();
        let mut first = expr;
        let mut value = loop {
            let ExprKind::Binary(op, left, right) = &first.kind else {
                break self.number(b, first)?;
            };
            if left.ty.pointee().is_some() {
                let difference = self.difference(b, left, right)?;
                break b.convert(difference, ir_type(&first.ty, first.span)?);
            }
            operators.push((*op, right));
            first = left;
        };
        for (op, right) in operators.into_iter().rev() {
            let right = self.number(b, right)?;
            value = arithmetic(b, op, value, right);
        }
        Ok(value)
    }

    fn increment(
        &mut self,
        b: &mut KernelBuilder,
        place: &Place,
        up: bool,
        prefix: bool,
        expr: &Expr,
    ) -> Result<Value, LowerError> {
        let ty = ir_type(&expr.ty, expr.span)?;
        let place = self.resolve(b, place, expr.span)?;
        let before = place.load(b, ty);
        let after = if ty == Type::Bool {
            // `++` yields true; `--` computes in `int`, where anything but 1 - 1 is not zero.
            if up { b.boolean(true) } else { b.not(before) }
        } else {
            let one = b.number(ty, 1.0);
            let op = if up { op::BinaryOp::Add } else { op::BinaryOp::Subtract };
            b.binary(op, before, one)
        };
        place.store(b, after, expr.span)?;
        Ok(if prefix { after } else { before })
    }

    /// `left && right` or `left || right`.
    pub(super) fn logical(
        &mut self,
        b: &mut KernelBuilder,
        and: bool,
        left: Value,
        right: &Expr,
    ) -> Result<Value, LowerError> {
        if walk::is_pure(right) {
            let right = self.test(b, right)?;
            return Ok(if and { b.and(left, right) } else { b.or(left, right) });
        }
        let result = b.cell(left);
        let needed = if and { left } else { b.not(left) };
        self.branch(
            b,
            needed,
            |this, b| {
                let right = this.test(b, right)?;
                b.set(result, right);
                Ok(())
            },
            |_, _| Ok(()),
        )?;
        Ok(b.get(result))
    }

    /// `condition ? then : otherwise`, of numbers or pointers.
    pub(super) fn conditional(
        &mut self,
        b: &mut KernelBuilder,
        condition: &Expr,
        then: &Expr,
        otherwise: &Expr,
    ) -> Result<Value, LowerError> {
        let condition = self.test(b, condition)?;
        if walk::is_pure(then) && walk::is_pure(otherwise) {
            let then = self.value(b, then)?;
            let otherwise = self.value(b, otherwise)?;
            return Ok(b.select(condition, then, otherwise));
        }
        let zero = b.constant(ir_type(&then.ty, then.span)?, 0);
        let result = b.cell(zero);
        self.branch(
            b,
            condition,
            |this, b| {
                let then = this.value(b, then)?;
                b.set(result, then);
                Ok(())
            },
            |this, b| {
                let otherwise = this.value(b, otherwise)?;
                b.set(result, otherwise);
                Ok(())
            },
        )?;
        Ok(b.get(result))
    }
}

/// An integer literal: its low bits, as many as the type has.
fn integer(b: &mut KernelBuilder, ty: Type, bits: u64) -> Value {
    match ty {
        Type::Bool => b.boolean(bits != 0),
        Type::F32 | Type::F64 => b.number(ty, bits as f64),
        _ => b.constant(ty, evaluate::truncate(ty, bits)),
    }
}

fn arithmetic(b: &mut KernelBuilder, op: BinaryOp, left: Value, right: Value) -> Value {
    let shift = matches!(op, BinaryOp::ShiftLeft | BinaryOp::ShiftRight);
    let op = match op {
        BinaryOp::Add => op::BinaryOp::Add,
        BinaryOp::Subtract => op::BinaryOp::Subtract,
        BinaryOp::Multiply => op::BinaryOp::Multiply,
        BinaryOp::Divide => op::BinaryOp::Divide,
        BinaryOp::Remainder => op::BinaryOp::Remainder,
        BinaryOp::And => op::BinaryOp::And,
        BinaryOp::Or => op::BinaryOp::Or,
        BinaryOp::Xor => op::BinaryOp::Xor,
        BinaryOp::ShiftLeft => op::BinaryOp::ShiftLeft,
        BinaryOp::ShiftRight => op::BinaryOp::ShiftRight,
    };
    let right = match b.value_type(right) {
        Type::Bool if shift => b.convert(right, Type::I32),
        _ => right,
    };
    b.binary(op, left, right)
}
