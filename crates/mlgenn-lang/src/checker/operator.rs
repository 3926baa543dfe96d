//! Prefix and infix operators.

use super::expression::number;
use super::{Checked, Checker, convert_number};
use crate::ast::{self, InfixOp, PrefixOp};
use crate::conversion::{common_type, promote};
use crate::span::Span;
use crate::typed::{BinaryOp, Expr, ExprKind, UnaryOp};
use crate::types::NumericType;

/// Whether an operator takes integers only.
pub(super) fn is_bitwise(op: BinaryOp) -> bool {
    !matches!(op, BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide)
}

/// Whether the right operand of an operator keeps its own type.
pub(super) fn is_shift(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::ShiftLeft | BinaryOp::ShiftRight)
}

impl Checker<'_> {
    pub(super) fn prefix(
        &mut self,
        span: Span,
        op: PrefixOp,
        operand: &ast::Expr,
    ) -> Checked<Expr> {
        let operand = self.expression(operand)?;
        if op == PrefixOp::Not {
            let operand = self.truth(operand)?;
            return Ok(number(span, NumericType::Bool, ExprKind::Not(Box::new(operand))));
        }
        let Some(ty) = operand.ty.as_numeric() else {
            let message = format!("this operator needs a number, not `{}`", operand.ty);
            return self.fail(span, message, "read what a pointer points to with `*name`");
        };
        if op == PrefixOp::Complement && ty.is_float() {
            let message = format!("`~` needs an integer, not `{ty}`");
            return self.fail(span, message, "cast to an integer type");
        }
        let ty = promote(ty);
        let operand = convert_number(operand, ty);
        let op = match op {
            PrefixOp::Minus => UnaryOp::Negate,
            PrefixOp::Complement => UnaryOp::Complement,
            _ => return Ok(Expr { span, ..operand }),
        };
        Ok(number(span, ty, ExprKind::Unary(op, Box::new(operand))))
    }

    pub(super) fn infix(
        &mut self,
        span: Span,
        op: InfixOp,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> Checked<Expr> {
        let left = self.expression(left);
        let right = self.expression(right);
        let (left, right) = (left?, right?);
        match op {
            InfixOp::Arithmetic(op) => self.arithmetic(span, op, left, right),
            InfixOp::And | InfixOp::Or => {
                let left = Box::new(self.truth(left)?);
                let right = Box::new(self.truth(right)?);
                let kind = ExprKind::Logical { and: op == InfixOp::And, left, right };
                Ok(number(span, NumericType::Bool, kind))
            }
            InfixOp::Compare(op) => {
                let (Some(a), Some(b)) = (left.ty.as_numeric(), right.ty.as_numeric()) else {
                    let message = format!("`{}` and `{}` cannot be compared", left.ty, right.ty);
                    return self.fail(span, message, "only numbers can be compared");
                };
                let ty = common_type(a, b);
                let left = Box::new(convert_number(left, ty));
                let right = Box::new(convert_number(right, ty));
                Ok(number(span, NumericType::Bool, ExprKind::Compare(op, left, right)))
            }
        }
    }

    fn arithmetic(&mut self, span: Span, op: BinaryOp, left: Expr, right: Expr) -> Checked<Expr> {
        let (Some(a), Some(b)) = (left.ty.as_numeric(), right.ty.as_numeric()) else {
            return self.pointer_arithmetic(span, op, left, right);
        };
        let ty = self.operation_type(span, op, a, b)?;
        let right_type = if is_shift(op) { promote(b) } else { ty };
        let left = Box::new(convert_number(left, ty));
        let right = Box::new(convert_number(right, right_type));
        Ok(number(span, ty, ExprKind::Binary(op, left, right)))
    }

    /// The type in which an operator on two numbers is computed; for shifts, that of the left one.
    pub(super) fn operation_type(
        &mut self,
        span: Span,
        op: BinaryOp,
        left: NumericType,
        right: NumericType,
    ) -> Checked<NumericType> {
        if is_bitwise(op) && (left.is_float() || right.is_float()) {
            let message = format!("this operator needs integers, not `{left}` and `{right}`");
            let hint = match op {
                BinaryOp::Remainder => "use `fmod(x, y)`, or cast to an integer type",
                _ => "cast to an integer type",
            };
            return self.fail(span, message, hint);
        }
        Ok(if is_shift(op) { promote(left) } else { common_type(left, right) })
    }

    fn pointer_arithmetic(
        &mut self,
        span: Span,
        op: BinaryOp,
        left: Expr,
        right: Expr,
    ) -> Checked<Expr> {
        let is_integer = |value: &Expr| value.ty.as_numeric().is_some_and(NumericType::is_integer);
        let is_pointer = |value: &Expr| value.ty.pointee().is_some();
        let (pointer, count) = match op {
            BinaryOp::Add | BinaryOp::Subtract if is_pointer(&left) && is_integer(&right) => {
                (left, right)
            }
            BinaryOp::Add if is_integer(&left) && is_pointer(&right) => (right, left),
            BinaryOp::Subtract if is_pointer(&left) && left.ty == right.ty => {
                let kind = ExprKind::Binary(op, Box::new(left), Box::new(right));
                return Ok(number(span, NumericType::Int32, kind));
            }
            _ => {
                let message =
                    format!("this operator does not take `{}` and `{}`", left.ty, right.ty);
                let hint = "pointers take `+` and `-` with an integer, and `-` with a pointer of \
                            the same type";
                return self.fail(span, message, hint);
            }
        };
        let ty = pointer.ty.clone();
        let count = Box::new(convert_number(count, NumericType::Int64));
        Ok(Expr { span, ty, kind: ExprKind::Binary(op, Box::new(pointer), count) })
    }
}
