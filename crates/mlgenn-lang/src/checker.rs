//! Resolves names, checks types and makes every conversion explicit: the untyped tree becomes a
//! [`typed`](crate::typed) one.

mod assignment;
mod call;
mod expression;
mod operator;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::conversion::pointer_converts;
use crate::diagnostic::{Diagnostic, Reported, SnippetError};
use crate::environment::Environment;
use crate::parser::{parse_condition, parse_statements};
use crate::scope::Scopes;
use crate::source::Source;
use crate::span::Span;
use crate::typed::{Block, Expr, ExprKind, Local, LocalId, SymbolId};
use crate::types::{NumericType, Precision, Type, TypeKind};

/// How many mistakes are told at once.
const MAX_DIAGNOSTICS: usize = 20;

/// Result of a check; what went wrong is among the diagnostics already.
type Checked<T> = Result<T, Reported>;

/// Checks the code of slots that share an [`Environment`].
///
/// Locals declared outside of braces stay visible in the slots checked afterwards, as those of
/// neuron simulation code are in threshold condition and reset code.
#[derive(Debug)]
pub struct Checker<'a> {
    environment: &'a Environment,
    precision: Precision,
    scopes: Scopes,
    /// Locals whose initialisers are being checked.
    initialising: Vec<LocalId>,
    loops: usize,
    switches: usize,
    in_for_each_synapse: bool,
    /// Whether a name that offers past values is subscripted in this slot.
    delayed: HashMap<SymbolId, bool>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    /// A checker of code that sees the names of the environment.
    pub fn new(environment: &'a Environment, precision: Precision) -> Self {
        Self {
            environment,
            precision,
            scopes: Scopes::new(),
            initialising: Vec::new(),
            loops: 0,
            switches: 0,
            in_for_each_synapse: false,
            delayed: HashMap::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Check a slot that is a list of statements. Refused code may leave locals behind: drop the
    /// checker, or call [`Checker::reset_scope`].
    pub fn statements(&mut self, source: &Source) -> Result<Block, SnippetError> {
        let statements = parse_statements(source, self.precision)?;
        self.delayed.clear();
        let block = self.block(&statements);
        self.finish(source)?;
        Ok(block)
    }

    /// Check a slot that is a condition: one expression without `;`. The result is of type `bool`.
    pub fn condition(&mut self, source: &Source) -> Result<Expr, SnippetError> {
        let condition = parse_condition(source, self.precision)?;
        self.delayed.clear();
        let condition = self.condition_expression(&condition);
        self.finish(source)?;
        condition.map_err(|Reported| SnippetError::new(source, Vec::new()))
    }

    /// All locals of all slots checked so far; [`LocalId`]s are indices into it.
    pub fn locals(&self) -> &[Local] {
        self.scopes.locals()
    }

    /// Make the locals of earlier slots invisible. Their ids stay valid.
    pub fn reset_scope(&mut self) {
        self.scopes.leave();
        self.scopes.enter();
    }

    fn finish(&mut self, source: &Source) -> Result<(), SnippetError> {
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        diagnostics.truncate(MAX_DIAGNOSTICS);
        SnippetError::check(source, diagnostics)
    }

    fn error(&mut self, diagnostic: Diagnostic) -> Reported {
        self.diagnostics.push(diagnostic);
        Reported
    }

    fn fail<T>(&mut self, span: Span, message: impl Into<String>, hint: &str) -> Checked<T> {
        Err(self.error(Diagnostic::new(span, message).hint(hint)))
    }

    /// Convert a value as in an assignment: numbers to any number, pointers without losing `const`.
    fn convert(&mut self, value: Expr, to: &Type) -> Checked<Expr> {
        let to = Type { is_const: false, ..to.clone() };
        if value.ty == to {
            return Ok(value);
        }
        let both_numeric = value.ty.as_numeric().is_some() && to.as_numeric().is_some();
        if both_numeric || pointer_converts(&value.ty, &to) {
            return Ok(convert_to(value, to));
        }
        let hint = match (&value.ty.kind, &to.kind) {
            (TypeKind::Pointer(_), TypeKind::Numeric(_)) => {
                "read what a pointer points to with `name[i]` or `*name`"
            }
            (TypeKind::Pointer(_), TypeKind::Pointer(_)) => {
                "pointers convert if they point to the same type, and `const` is not lost"
            }
            (TypeKind::Void, _) => "this function has no result",
            (TypeKind::String, _) => "a string literal may only be the format of `printf`",
            _ => "numbers convert to numbers, pointers to pointers",
        };
        let message = format!("`{}` does not convert to `{to}`", value.ty);
        self.fail(value.span, message, hint)
    }

    /// Make a truth value: numbers differ from zero, pointers are never null.
    fn truth(&mut self, value: Expr) -> Checked<Expr> {
        let bool_type = Type::numeric(NumericType::Bool);
        match value.ty.kind {
            TypeKind::Numeric(NumericType::Bool) => Ok(value),
            TypeKind::Numeric(_) => Ok(convert_to(value, bool_type)),
            TypeKind::Pointer(_) => {
                let span = value.span;
                let always = Expr { span, ty: bool_type.clone(), kind: ExprKind::Integer(1) };
                let kind = ExprKind::Comma(Box::new(value), Box::new(always));
                Ok(Expr { span, ty: bool_type, kind })
            }
            TypeKind::Void | TypeKind::String => {
                let message = format!("`{}` is not a condition", value.ty);
                self.fail(value.span, message, "a condition is a number or a pointer")
            }
        }
    }
}

/// Convert without asking; nothing if the type is right already.
fn convert_to(value: Expr, ty: Type) -> Expr {
    if value.ty == ty {
        return value;
    }
    Expr { span: value.span, ty, kind: ExprKind::Convert(Box::new(value)) }
}

/// Convert a number to a numeric type.
fn convert_number(value: Expr, ty: NumericType) -> Expr {
    convert_to(value, Type::numeric(ty))
}
