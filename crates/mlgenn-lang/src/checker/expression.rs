//! Expressions: literals, names, and what is no operator, assignment or call.

use super::{Checked, Checker, convert_number, convert_to};
use crate::ast;
use crate::conversion::common_type;
use crate::diagnostic::{Diagnostic, Reported};
use crate::environment::SymbolKind;
use crate::functions;
use crate::span::Span;
use crate::suggestion;
use crate::typed::{Expr, ExprKind, LocalId, Place, SymbolId};
use crate::types::{NumericType, Type, TypeKind};

/// What a name stands for.
pub(super) enum Named {
    Local(LocalId),
    Symbol(SymbolId),
    Builtin(functions::Builtin),
}

/// A place, its type with `const`, and whether it may only be assigned to.
pub(super) struct TypedPlace {
    pub(super) place: Place,
    pub(super) ty: Type,
    pub(super) write_only: bool,
}

impl Checker<'_> {
    /// Check an expression.
    pub(super) fn expression(&mut self, expression: &ast::Expr) -> Checked<Expr> {
        let span = expression.span;
        match &expression.kind {
            ast::ExprKind::Integer { value, is_unsigned } => {
                let ty = if *is_unsigned { NumericType::UInt32 } else { NumericType::Int32 };
                Ok(number(span, ty, ExprKind::Integer(u64::from(*value))))
            }
            ast::ExprKind::Bool(value) => {
                Ok(number(span, NumericType::Bool, ExprKind::Integer(u64::from(*value))))
            }
            ast::ExprKind::Float { digits, suffix } => self.float(span, digits, *suffix),
            ast::ExprKind::String(text) => {
                let ty = Type { kind: TypeKind::String, is_const: true };
                Ok(Expr { span, ty, kind: ExprKind::String(text.clone()) })
            }
            ast::ExprKind::Name(_)
            | ast::ExprKind::Index(..)
            | ast::ExprKind::Unary(ast::PrefixOp::Dereference, _) => {
                let place = self.place(expression)?;
                if place.write_only {
                    let hint =
                        "assign to it once with plain `=`; use a local for what comes before";
                    return self.fail(span, "this name may only be assigned to", hint);
                }
                let ty = Type { is_const: false, ..place.ty };
                Ok(Expr { span, ty, kind: ExprKind::Load(place.place) })
            }
            ast::ExprKind::Unary(op, operand) => self.prefix(span, *op, operand),
            ast::ExprKind::Infix(op, left, right) => self.infix(span, *op, left, right),
            ast::ExprKind::Increment { operand, up, prefix } => {
                self.increment(span, operand, *up, *prefix)
            }
            ast::ExprKind::Assign { target, op, value } => self.assign(span, target, *op, value),
            ast::ExprKind::Conditional { condition, then, otherwise } => {
                let condition = self.condition_expression(condition);
                let then = self.expression(then);
                let otherwise = self.expression(otherwise);
                self.conditional(span, condition?, then?, otherwise?)
            }
            ast::ExprKind::Comma(left, right) => {
                let left = self.expression(left);
                let right = self.expression(right)?;
                let ty = right.ty.clone();
                Ok(Expr { span, ty, kind: ExprKind::Comma(Box::new(left?), Box::new(right)) })
            }
            ast::ExprKind::Cast(ty, operand) => {
                let operand = self.expression(operand)?;
                let converted = self.convert(operand, ty)?;
                Ok(Expr { span, ..converted })
            }
            ast::ExprKind::Call(callee, arguments) => self.call(span, callee, arguments),
        }
    }

    fn float(
        &mut self,
        span: Span,
        digits: &str,
        suffix: Option<ast::FloatSuffix>,
    ) -> Checked<Expr> {
        let ty = match suffix {
            Some(ast::FloatSuffix::Float) => NumericType::Float,
            Some(ast::FloatSuffix::Double) => NumericType::Double,
            None => self.precision.scalar,
        };
        // Read in the precision of the type: rounding twice could differ.
        let value = if ty == NumericType::Float {
            digits.parse::<f32>().map(f64::from)
        } else {
            digits.parse::<f64>()
        };
        match value {
            Ok(value) => Ok(number(span, ty, ExprKind::Float(value))),
            Err(_) => self.fail(span, "this is not a number", "such as `1.5` or `2e-3`"),
        }
    }

    fn conditional(
        &mut self,
        span: Span,
        condition: Expr,
        then: Expr,
        otherwise: Expr,
    ) -> Checked<Expr> {
        let (Some(left), Some(right)) = (then.ty.as_numeric(), otherwise.ty.as_numeric()) else {
            let message = format!("`?` cannot choose between `{}` and `{}`", then.ty, otherwise.ty);
            return self.fail(span, message, "both values must be numbers; use `if` otherwise");
        };
        let ty = if left == right { left } else { common_type(left, right) };
        let kind = ExprKind::Conditional {
            condition: Box::new(condition),
            then: Box::new(convert_number(then, ty)),
            otherwise: Box::new(convert_number(otherwise, ty)),
        };
        Ok(number(span, ty, kind))
    }

    /// Find what a name stands for.
    pub(super) fn resolve(&mut self, span: Span, name: &str) -> Checked<Named> {
        if let Some(id) = self.scopes.find(name) {
            if self.initialising.contains(&id) {
                let message = format!("`{name}` is used in its own initialiser");
                let hint = "the new variable hides any other of that name; rename it";
                return self.fail(span, message, hint);
            }
            return Ok(Named::Local(id));
        }
        if let Some(id) = self.environment.find(name) {
            let inside_only =
                match (&self.environment.symbol(id).kind, &self.environment.for_each_synapse) {
                    (SymbolKind::Function { only_for_each_synapse: true, .. }, _) => true,
                    (_, Some(names)) => names.contains(&id),
                    _ => false,
                };
            if inside_only && !self.in_for_each_synapse {
                let message = format!("`{name}` may only be used inside of `for_each_synapse`");
                return self.fail(span, message, "move this into the loop");
            }
            return Ok(Named::Symbol(id));
        }
        match functions::find(name) {
            Some(functions::Builtin::Random(_)) if !self.environment.allows_random => {
                let message = format!("`{name}`: random numbers may not be used in this code");
                let hint = "draw them in neuron code, or initialise a variable with them";
                self.fail(span, message, hint)
            }
            Some(builtin) => Ok(Named::Builtin(builtin)),
            None => Err(self.unknown(span, name)),
        }
    }

    fn unknown(&mut self, span: Span, name: &str) -> Reported {
        let mut names: Vec<&str> = self.scopes.names().collect();
        names.sort_unstable();
        names.extend(self.environment.symbols().iter().map(|symbol| symbol.name.as_str()));
        for function in functions::names(self.environment.allows_random) {
            names.push(function);
        }
        let hint = suggestion::hint(name, &names);
        let message = format!("unknown name `{name}`");
        self.error(Diagnostic::new(span, message).hint(hint))
    }

    /// Check something that can stand left of `=`.
    pub(super) fn place(&mut self, expression: &ast::Expr) -> Checked<TypedPlace> {
        let span = expression.span;
        match &expression.kind {
            ast::ExprKind::Name(name) => match self.resolve(span, name)? {
                Named::Local(id) => {
                    let ty = self.scopes.local(id).ty.clone();
                    Ok(TypedPlace { place: Place::Local(id), ty, write_only: false })
                }
                Named::Symbol(id) => self.symbol_place(span, id, None),
                Named::Builtin(_) => self.function_as_value(span, name),
            },
            ast::ExprKind::Index(pointer, index) => {
                if let ast::ExprKind::Name(name) = &pointer.kind
                    && let Named::Symbol(id) = self.resolve(pointer.span, name)?
                    && self.environment.symbol(id).kind == SymbolKind::DelayableValue
                {
                    let delay = self.index(index, NumericType::Int32)?;
                    return self.symbol_place(span, id, Some(delay));
                }
                let pointer = self.expression(pointer);
                let index = self.index(index, NumericType::Int64)?;
                self.element(span, pointer?, index)
            }
            ast::ExprKind::Unary(ast::PrefixOp::Dereference, pointer) => {
                let pointer = self.expression(pointer)?;
                let zero = number(span, NumericType::Int64, ExprKind::Integer(0));
                self.element(span, pointer, zero)
            }
            _ => self.fail(
                span,
                "this expression cannot be assigned to",
                "a name, `name[i]` or `*pointer` can be assigned to",
            ),
        }
    }

    fn symbol_place(
        &mut self,
        span: Span,
        id: SymbolId,
        delay: Option<Expr>,
    ) -> Checked<TypedPlace> {
        let symbol = self.environment.symbol(id);
        match symbol.kind {
            SymbolKind::Function { .. } => {
                let name = symbol.name.clone();
                return self.function_as_value(span, &name);
            }
            SymbolKind::DelayableValue => {
                let subscripted = *self.delayed.entry(id).or_insert(delay.is_some());
                if subscripted != delay.is_some() {
                    let message = format!("`{}` is used both with and without delay", symbol.name);
                    let hint = format!("write `{}[0]` for its newest value", symbol.name);
                    return self.fail(span, message, &hint);
                }
            }
            SymbolKind::Value | SymbolKind::WriteOnly => {}
        }
        let write_only = symbol.kind == SymbolKind::WriteOnly;
        let is_past = delay.is_some();
        let place = delay.map_or(Place::Symbol(id), |delay| Place::Delayed(id, Box::new(delay)));
        let ty = Type { is_const: symbol.ty.is_const || is_past, ..symbol.ty.clone() };
        Ok(TypedPlace { place, ty, write_only })
    }

    fn function_as_value<T>(&mut self, span: Span, name: &str) -> Checked<T> {
        let message = format!("`{name}` is a function, not a value");
        self.fail(span, message, &format!("call it: `{name}(…)`"))
    }

    fn index(&mut self, index: &ast::Expr, ty: NumericType) -> Checked<Expr> {
        let index = self.expression(index)?;
        if index.ty.as_numeric().is_some_and(NumericType::is_integer) {
            return Ok(convert_to(index, Type::numeric(ty)));
        }
        let message = format!("an index must be an integer, not `{}`", index.ty);
        self.fail(index.span, message, "cast it, as in `name[(int)x]`")
    }

    fn element(&mut self, span: Span, pointer: Expr, index: Expr) -> Checked<TypedPlace> {
        let Some(pointee) = pointer.ty.pointee() else {
            let message = format!("`{}` is not a pointer", pointer.ty);
            let hint = "only extra global parameters, other pointers and values with history can \
                        be subscripted";
            return self.fail(span, message, hint);
        };
        let ty = pointee.clone();
        let place = Place::Element { pointer: Box::new(pointer), index: Box::new(index) };
        Ok(TypedPlace { place, ty, write_only: false })
    }
}

/// An expression of a numeric type.
pub(super) fn number(span: Span, ty: NumericType, kind: ExprKind) -> Expr {
    Expr { span, ty: Type::numeric(ty), kind }
}
