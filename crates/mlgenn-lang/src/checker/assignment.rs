//! Assignments, `++` and `--`.

use super::expression::TypedPlace;
use super::operator::is_shift;
use super::{Checked, Checker, convert_number};
use crate::ast;
use crate::conversion::promote;
use crate::span::Span;
use crate::typed::{BinaryOp, Expr, ExprKind};
use crate::types::{NumericType, Type};

impl Checker<'_> {
    pub(super) fn assign(
        &mut self,
        span: Span,
        target: &ast::Expr,
        op: Option<BinaryOp>,
        value: &ast::Expr,
    ) -> Checked<Expr> {
        let target_span = target.span;
        let target = self.place(target);
        let value = self.expression(value);
        let (target, value) = (target?, value?);
        self.check_writable(target_span, &target, op.is_some())?;
        let TypedPlace { place, ty, .. } = target;
        let ty = Type { is_const: false, ..ty };
        let kind = match op {
            None => ExprKind::Assign(place, Box::new(self.convert(value, &ty)?)),
            Some(op) => {
                let (computed, value) = self.compound(span, op, &ty, value)?;
                ExprKind::CompoundAssign { place, op, ty: computed, value: Box::new(value) }
            }
        };
        Ok(Expr { span, ty, kind })
    }

    /// The type in which `op=` is computed, and its right operand.
    fn compound(
        &mut self,
        span: Span,
        op: BinaryOp,
        target: &Type,
        value: Expr,
    ) -> Checked<(Type, Expr)> {
        match (target.as_numeric(), value.ty.as_numeric()) {
            (Some(a), Some(b)) => {
                let ty = self.operation_type(span, op, a, b)?;
                let value_type = if is_shift(op) { promote(b) } else { ty };
                Ok((Type::numeric(ty), convert_number(value, value_type)))
            }
            (None, Some(count))
                if target.pointee().is_some()
                    && count.is_integer()
                    && matches!(op, BinaryOp::Add | BinaryOp::Subtract) =>
            {
                Ok((target.clone(), convert_number(value, NumericType::Int64)))
            }
            _ => {
                let message =
                    format!("this assignment does not take `{target}` and `{}`", value.ty);
                let hint = "numbers take numbers; pointers take `+=` and `-=` with an integer";
                self.fail(span, message, hint)
            }
        }
    }

    pub(super) fn increment(
        &mut self,
        span: Span,
        operand: &ast::Expr,
        up: bool,
        prefix: bool,
    ) -> Checked<Expr> {
        let operand_span = operand.span;
        let target = self.place(operand)?;
        self.check_writable(operand_span, &target, true)?;
        let ty = Type { is_const: false, ..target.ty };
        Ok(Expr { span, ty, kind: ExprKind::Increment { place: target.place, up, prefix } })
    }

    /// Refuse to change what is const, and to read what may only be written.
    fn check_writable(&mut self, span: Span, target: &TypedPlace, reads: bool) -> Checked<()> {
        if target.write_only && reads {
            let hint = "assign to it with plain `=`";
            return self.fail(span, "this name may only be assigned to, not read", hint);
        }
        if target.ty.is_const {
            let hint = "variables of the model that are READ_WRITE and locals that are not const \
                        can be assigned to";
            return self.fail(span, "this is read-only", hint);
        }
        Ok(())
    }
}
