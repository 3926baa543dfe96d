//! Statements in sequence, declarations and conditionals.

use mlgenn_lang::Span;
use mlgenn_lang::typed::{Block, Expr, LocalId, Statement, StatementKind};

use super::control::Jumps;
use super::{LowerError, Lowering, Variable, ir_type, malformed};
use crate::builder::KernelBuilder;
use crate::types::Type;

impl Lowering {
    /// Lower statements; those after one that may jump run only if it did not.
    pub(super) fn statements(
        &mut self,
        b: &mut KernelBuilder,
        statements: &[Statement],
    ) -> Result<(), LowerError> {
        for (i, statement) in statements.iter().enumerate() {
            self.statement(b, statement).map_err(|error| error.or_at(statement.span))?;
            let rest = &statements[i + 1..];
            let jumps = Jumps::of(statement);
            if matches!(statement.kind, StatementKind::Break | StatementKind::Continue) {
                return Ok(());
            }
            if !rest.is_empty()
                && let Some(left) = self.has_left(b, jumps)
            {
                let stays = b.not(left);
                return self.branch(b, stays, |this, b| this.statements(b, rest), |_, _| Ok(()));
            }
        }
        Ok(())
    }

    fn statement(
        &mut self,
        b: &mut KernelBuilder,
        statement: &Statement,
    ) -> Result<(), LowerError> {
        let span = statement.span;
        match &statement.kind {
            StatementKind::Expression(expr) => self.effect(b, expr),
            StatementKind::Declare(local, initial) => {
                self.declare(b, *local, initial.as_ref(), span)
            }
            StatementKind::Block(block) => self.statements(b, &block.statements),
            StatementKind::If { condition, then, otherwise } => {
                self.if_statement(b, condition, then, otherwise)
            }
            StatementKind::Loop { init, condition, test_first, body, step } => {
                self.statements(b, &init.statements)?;
                let (condition, step) = (condition.as_ref(), step.as_ref());
                if *test_first {
                    self.while_loop(b, condition, body, step)
                } else {
                    self.do_loop(b, condition, body, step)
                }
            }
            StatementKind::Switch { value, arms } => self.switch(b, value, arms),
            StatementKind::ForEachSynapse(body) => self.for_each_synapse(b, body, span),
            StatementKind::Break => self.jump(b, self.targets.broken, span),
            StatementKind::Continue => self.jump(b, self.targets.skipped, span),
        }
    }

    fn if_statement(
        &mut self,
        b: &mut KernelBuilder,
        condition: &Expr,
        then: &Block,
        otherwise: &Block,
    ) -> Result<(), LowerError> {
        let condition = self.test(b, condition)?;
        self.branch(
            b,
            condition,
            |this, b| this.statements(b, &then.statements),
            |this, b| this.statements(b, &otherwise.statements),
        )
    }

    fn declare(
        &mut self,
        b: &mut KernelBuilder,
        local: LocalId,
        initial: Option<&Expr>,
        span: Span,
    ) -> Result<(), LowerError> {
        let hoisted = self.hoisted.contains(&local);
        if !hoisted {
            self.new_variable(b, local, span)?;
        }
        match (initial, self.variable(local, span)?) {
            (Some(initial), Variable::Number(cell)) => {
                let value = self.number(b, initial)?;
                let value = b.convert(value, b.value_type(b.get(cell)));
                b.set(cell, value);
                Ok(())
            }
            (Some(initial), Variable::Element(..) | Variable::Address(_)) => {
                let pointer = self.pointer(b, initial)?;
                self.assign_pointer(b, local, pointer, span)
            }
            (None, Variable::Number(cell)) if hoisted => {
                let zero = b.constant(b.value_type(b.get(cell)), 0);
                b.set(cell, zero);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Give a local a new cell with zero, or a pointer that points nowhere.
    pub(super) fn new_variable(
        &mut self,
        b: &mut KernelBuilder,
        local: LocalId,
        span: Span,
    ) -> Result<(), LowerError> {
        let Some(ty) = self.types.get(local.0) else {
            return malformed("an unknown local", span);
        };
        let variable = match ir_type(ty, span)? {
            Type::Ptr => self.new_pointer(b, local),
            ty => {
                let zero = b.constant(ty, 0);
                Variable::Number(b.cell(zero))
            }
        };
        self.variables[local.0] = Some(variable);
        Ok(())
    }
}
