//! Statements and declarations.

use super::{Checked, Checker, convert_number};
use crate::ast;
use crate::conversion::promote;
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::typed::{Block, Expr, ExprKind, Local, Statement, StatementKind, SwitchArm};
use crate::types::Type;

impl Checker<'_> {
    /// Statements in the current scope; those with mistakes are left out.
    pub(super) fn block(&mut self, statements: &[ast::Statement]) -> Block {
        let mut block = Block::default();
        for statement in statements {
            // What is wrong has been recorded; the statements that follow are checked all the same.
            let _: Checked<()> = self.statement(statement, &mut block);
        }
        block
    }

    fn scoped<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.enter();
        let result = check(self);
        self.scopes.leave();
        result
    }

    /// A statement that is the body of another, with a scope of its own.
    fn body(&mut self, statement: &ast::Statement) -> Block {
        self.scoped(|checker| match &statement.kind {
            ast::StatementKind::Block(statements) => checker.block(statements),
            _ => checker.block(std::slice::from_ref(statement)),
        })
    }

    fn loop_body(&mut self, statement: &ast::Statement) -> Block {
        self.loops += 1;
        let body = self.body(statement);
        self.loops -= 1;
        body
    }

    fn statement(&mut self, statement: &ast::Statement, block: &mut Block) -> Checked<()> {
        let span = statement.span;
        let kind = match &statement.kind {
            ast::StatementKind::Empty => return Ok(()),
            ast::StatementKind::Expression(expression) => {
                StatementKind::Expression(self.expression(expression)?)
            }
            ast::StatementKind::Declare(ty, declarators) => {
                return self.declaration(ty, declarators, block);
            }
            ast::StatementKind::Block(statements) => {
                StatementKind::Block(self.scoped(|checker| checker.block(statements)))
            }
            ast::StatementKind::If { condition, then, otherwise } => {
                let condition = self.condition_expression(condition);
                let then = self.body(then);
                let otherwise = otherwise.as_ref().map(|body| self.body(body)).unwrap_or_default();
                StatementKind::If { condition: condition?, then, otherwise }
            }
            ast::StatementKind::Switch { value, body } => self.switch(value, body)?,
            ast::StatementKind::Case(_) | ast::StatementKind::Default => {
                let hint = "labels stand directly between the braces of a `switch`";
                return self.fail(span, "a label may not stand here", hint);
            }
            ast::StatementKind::While { condition, body, test_first } => {
                let condition = self.condition_expression(condition);
                let body = self.loop_body(body);
                StatementKind::Loop {
                    init: Block::default(),
                    condition: Some(condition?),
                    test_first: *test_first,
                    body,
                    step: None,
                }
            }
            ast::StatementKind::For { init, condition, step, body } => self.scoped(|checker| {
                let mut first = Block::default();
                let init = init.as_ref().map_or(Ok(()), |init| checker.statement(init, &mut first));
                let condition =
                    condition.as_ref().map(|it| checker.condition_expression(it)).transpose();
                let step = step.as_ref().map(|step| checker.step(step)).transpose();
                let body = checker.loop_body(body);
                init?;
                Ok(StatementKind::Loop {
                    init: first,
                    condition: condition?,
                    test_first: true,
                    body,
                    step: step?,
                })
            })?,
            ast::StatementKind::ForEachSynapse(body) => self.for_each_synapse(span, body)?,
            ast::StatementKind::Break if self.loops + self.switches > 0 => StatementKind::Break,
            ast::StatementKind::Break => {
                return self.fail(span, "`break` outside of a loop or `switch`", "remove it");
            }
            ast::StatementKind::Continue if self.loops > 0 => StatementKind::Continue,
            ast::StatementKind::Continue => {
                return self.fail(span, "`continue` outside of a loop", "remove it");
            }
        };
        block.statements.push(Statement { span, kind });
        Ok(())
    }

    /// The last part of a `for`.
    fn step(&mut self, step: &ast::Expr) -> Checked<Expr> {
        let step = self.expression(step)?;
        if step.ty == Type::void() {
            let message = "the last part of `for` has no value";
            return self.fail(step.span, message, "it is an expression such as `i++`");
        }
        Ok(step)
    }

    fn for_each_synapse(&mut self, span: Span, body: &ast::Statement) -> Checked<StatementKind> {
        if self.environment.for_each_synapse.is_none() {
            let hint = "it may be used in the row update code of custom connectivity updates and \
                        in the diagonal build code of Toeplitz connectivity";
            return self.fail(span, "`for_each_synapse` may not be used in this code", hint);
        }
        if self.in_for_each_synapse {
            return self.fail(span, "`for_each_synapse` may not be nested", "use two in a row");
        }
        self.in_for_each_synapse = true;
        let body = self.loop_body(body);
        self.in_for_each_synapse = false;
        Ok(StatementKind::ForEachSynapse(body))
    }

    fn declaration(
        &mut self,
        ty: &Type,
        declarators: &[ast::Declarator],
        block: &mut Block,
    ) -> Checked<()> {
        for declarator in declarators {
            let ast::Declarator { span, name, init } = declarator;
            let (id, fresh) = self.scopes.declare(Local { name: name.clone(), ty: ty.clone() });
            if !fresh {
                let message = format!("`{name}` is declared twice in the same scope");
                self.error(Diagnostic::new(*span, message).hint("assign to it, or rename one"));
            }
            if init.is_none() && ty.is_const {
                let message = format!("`{name}` is const and needs a value");
                self.error(Diagnostic::new(*span, message).hint("write `= …` after it"));
            }
            self.initialising.push(id);
            let init = init.as_ref().map(|init| {
                let value = self.expression(init)?;
                self.convert(value, ty)
            });
            self.initialising.pop();
            if let Ok(init) = init.transpose() {
                let kind = StatementKind::Declare(id, init);
                block.statements.push(Statement { span: *span, kind });
            }
        }
        Ok(())
    }

    fn switch(&mut self, value: &ast::Expr, body: &[ast::Statement]) -> Checked<StatementKind> {
        let value = self.expression(value).and_then(|value| self.label_value(value));
        // Labels are checked even if the value is not an integer.
        let ty =
            value.as_ref().map_or(Type::numeric(crate::NumericType::Int32), |it| it.ty.clone());
        let mut arms: Vec<SwitchArm> = Vec::new();
        self.switches += 1;
        self.scopes.enter();
        for statement in body {
            match (&statement.kind, arms.last_mut()) {
                (ast::StatementKind::Case(case), _) => {
                    let case = self.expression(case).and_then(|it| self.label_value(it));
                    let Ok(case) = case.and_then(|it| self.convert(it, &ty)) else { continue };
                    let is_same = |other: &Expr| {
                        matches!(case.kind, ExprKind::Integer(_)) && other.kind == case.kind
                    };
                    if arms.iter().flat_map(|arm| &arm.cases).any(is_same) {
                        let message = "this value has a `case` already";
                        self.error(Diagnostic::new(case.span, message).hint("remove one"));
                    }
                    open_arm(&mut arms).cases.push(case);
                }
                (ast::StatementKind::Default, _) => {
                    if arms.iter().any(|arm| arm.is_default) {
                        let message = "a `switch` has at most one `default`";
                        self.error(Diagnostic::new(statement.span, message).hint("remove one"));
                    }
                    open_arm(&mut arms).is_default = true;
                }
                (_, Some(arm)) => {
                    let _: Checked<()> = self.statement(statement, &mut arm.body);
                }
                (ast::StatementKind::Empty, None) => {}
                (_, None) => {
                    let message = "this stands before the first label of the `switch`";
                    let hint = "it would never run; move it out of the `switch`";
                    self.error(Diagnostic::new(statement.span, message).hint(hint));
                }
            }
        }
        self.scopes.leave();
        self.switches -= 1;
        Ok(StatementKind::Switch { value: value?, arms })
    }

    /// The value of a `switch` or a `case`: an integer, promoted.
    fn label_value(&mut self, value: Expr) -> Checked<Expr> {
        match value.ty.as_numeric() {
            Some(ty) if ty.is_integer() => Ok(convert_number(value, promote(ty))),
            _ => {
                let message = format!("`{}` is not an integer", value.ty);
                self.fail(value.span, message, "`switch` and `case` take integers; cast to `int`")
            }
        }
    }

    pub(super) fn condition_expression(&mut self, condition: &ast::Expr) -> Checked<Expr> {
        let condition = self.expression(condition)?;
        self.truth(condition)
    }
}

/// The arm that a label belongs to: the last one if nothing has followed its labels yet.
fn open_arm(arms: &mut Vec<SwitchArm>) -> &mut SwitchArm {
    if arms.last().is_none_or(|arm| !arm.body.statements.is_empty()) {
        arms.push(SwitchArm { cases: Vec::new(), is_default: false, body: Block::default() });
    }
    let last = arms.len() - 1;
    &mut arms[last]
}
