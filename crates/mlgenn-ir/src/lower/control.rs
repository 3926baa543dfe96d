//! Loops, `switch`, `break` and `continue`.
//!
//! A jump sets a flag; what it jumps over is run only while the flag is not set. Flags exist only
//! for jumps that do occur.

use mlgenn_lang::Span;
use mlgenn_lang::typed::{Block, CompareOp, Expr, LocalId, Statement, StatementKind, SwitchArm};

use super::{EachSynapse, LowerError, Lowering, SynapseRow, Targets, malformed, unsupported, walk};
use crate::builder::{Cell, KernelBuilder};
use crate::kernel::Value;
use crate::op::BinaryOp;
use crate::types::Type;

/// The jumps in a statement that lead out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Jumps {
    breaks: bool,
    continues: bool,
}

impl Jumps {
    /// Those of a statement.
    pub(super) fn of(statement: &Statement) -> Self {
        match &statement.kind {
            StatementKind::Break => Self { breaks: true, continues: false },
            StatementKind::Continue => Self { breaks: false, continues: true },
            StatementKind::Loop { .. } | StatementKind::ForEachSynapse(_) => Self::default(),
            StatementKind::Switch { arms, .. } => Self { breaks: false, ..Self::of_arms(arms) },
            _ => walk::blocks(statement).into_iter().map(Self::of_block).collect(),
        }
    }

    fn of_block(block: &Block) -> Self {
        block.statements.iter().map(Self::of).collect()
    }

    fn of_arms(arms: &[SwitchArm]) -> Self {
        arms.iter().map(|arm| Self::of_block(&arm.body)).collect()
    }
}

impl FromIterator<Jumps> for Jumps {
    fn from_iter<I: IntoIterator<Item = Self>>(jumps: I) -> Self {
        jumps.into_iter().fold(Self::default(), |all, one| Self {
            breaks: all.breaks || one.breaks,
            continues: all.continues || one.continues,
        })
    }
}

impl Lowering {
    /// Jump: set the flag.
    pub(super) fn jump(
        &mut self,
        b: &mut KernelBuilder,
        flag: Option<Cell>,
        span: Span,
    ) -> Result<(), LowerError> {
        let Some(flag) = flag else {
            return malformed("a jump without a loop or switch around it", span);
        };
        let set = b.boolean(true);
        b.set(flag, set);
        Ok(())
    }

    /// Whether one of these jumps was taken; `None` if there are none.
    pub(super) fn has_left(&self, b: &mut KernelBuilder, jumps: Jumps) -> Option<Value> {
        let broken = self.targets.broken.filter(|_| jumps.breaks).map(|flag| b.get(flag));
        let skipped = self.targets.skipped.filter(|_| jumps.continues).map(|flag| b.get(flag));
        match (broken, skipped) {
            (Some(broken), Some(skipped)) => Some(b.or(broken, skipped)),
            (one, other) => one.or(other),
        }
    }

    /// Lower something with other targets of jumps.
    fn with_targets<T>(
        &mut self,
        targets: Targets,
        lower: impl FnOnce(&mut Self) -> Result<T, LowerError>,
    ) -> Result<T, LowerError> {
        let outer = std::mem::replace(&mut self.targets, targets);
        let result = lower(self);
        self.targets = outer;
        result
    }

    /// One pass of a loop: the body, and the step unless the loop was left.
    fn pass(
        &mut self,
        b: &mut KernelBuilder,
        broken: Option<Cell>,
        body: &Block,
        step: Option<&Expr>,
    ) -> Result<(), LowerError> {
        let skipped = Jumps::of_block(body).continues.then(|| flag(b));
        self.with_targets(Targets { broken, skipped }, |this| {
            this.statements(b, &body.statements)
        })?;
        match (step, broken) {
            (Some(step), Some(broken)) => {
                let stays = b.not(b.get(broken));
                self.branch(b, stays, |this, b| this.effect(b, step), |_, _| Ok(()))
            }
            (Some(step), None) => self.effect(b, step),
            (None, _) => Ok(()),
        }
    }

    /// The condition of a loop for another pass: not left, and if so, the condition itself.
    fn goes_on(
        &mut self,
        b: &mut KernelBuilder,
        broken: Option<Cell>,
        condition: Option<&Expr>,
    ) -> Result<Value, LowerError> {
        let stays = broken.map(|broken| b.not(b.get(broken)));
        match (stays, condition) {
            (Some(stays), Some(condition)) => self.logical(b, true, stays, condition),
            (Some(stays), None) => Ok(stays),
            (None, Some(condition)) => self.test(b, condition),
            (None, None) => Ok(b.boolean(true)),
        }
    }

    /// `while` and `for`.
    pub(super) fn while_loop(
        &mut self,
        b: &mut KernelBuilder,
        condition: Option<&Expr>,
        body: &Block,
        step: Option<&Expr>,
    ) -> Result<(), LowerError> {
        let broken = Jumps::of_block(body).breaks.then(|| flag(b));
        self.repeat(
            b,
            |this, b| this.goes_on(b, broken, condition),
            |this, b| this.pass(b, broken, body, step),
        )
    }

    /// `do … while`: whether to go on is found at the end of each pass.
    pub(super) fn do_loop(
        &mut self,
        b: &mut KernelBuilder,
        condition: Option<&Expr>,
        body: &Block,
        step: Option<&Expr>,
    ) -> Result<(), LowerError> {
        let first = b.boolean(true);
        let running = b.cell(first);
        self.repeat(
            b,
            |_, b| Ok(b.get(running)),
            |this, b| {
                let broken = Jumps::of_block(body).breaks.then(|| flag(b));
                this.pass(b, broken, body, step)?;
                let next = this.goes_on(b, broken, condition)?;
                b.set(running, next);
                Ok(())
            },
        )
    }

    /// `for_each_synapse`.
    pub(super) fn for_each_synapse(
        &mut self,
        b: &mut KernelBuilder,
        body: &Block,
        span: Span,
    ) -> Result<(), LowerError> {
        match self.each_synapse {
            EachSynapse::Unsupported => unsupported("for_each_synapse", span),
            EachSynapse::Lane => {
                let broken = Jumps::of_block(body).breaks.then(|| flag(b));
                self.pass(b, broken, body, None)
            }
            EachSynapse::Row(row) => self.for_each_in_row(b, row, body),
        }
    }

    fn for_each_in_row(
        &mut self,
        b: &mut KernelBuilder,
        row: SynapseRow,
        body: &Block,
    ) -> Result<(), LowerError> {
        let broken = Jumps::of_block(body).breaks.then(|| flag(b));
        b.set(row.current, row.first);
        self.repeat(
            b,
            |this, b| {
                let end = b.binary(BinaryOp::Add, row.first, b.get(row.length));
                let inside = b.compare(CompareOp::Less, b.get(row.current), end);
                let stays = this.goes_on(b, broken, None)?;
                Ok(b.and(inside, stays))
            },
            |this, b| {
                let kept = b.boolean(false);
                b.set(row.removed, kept);
                this.pass(b, broken, body, None)?;
                let one = b.constant(Type::U32, 1);
                let current = b.get(row.current);
                let next = b.binary(BinaryOp::Add, current, one);
                let next = b.select(b.get(row.removed), current, next);
                b.set(row.current, next);
                Ok(())
            },
        )
    }

    /// `switch`.
    pub(super) fn switch(
        &mut self,
        b: &mut KernelBuilder,
        value: &Expr,
        arms: &[SwitchArm],
    ) -> Result<(), LowerError> {
        let value = self.number(b, value)?;
        let mut matches = Vec::with_capacity(arms.len());
        for arm in arms {
            let mut matched = None;
            for case in &arm.cases {
                let case = self.number(b, case)?;
                let equal = b.compare(CompareOp::Equal, value, case);
                matched = or(b, matched, Some(equal));
            }
            matches.push(matched);
        }
        // `default` is entered if no case matches, wherever it stands.
        let matched_any = matches.iter().fold(None, |any, &matched| or(b, any, matched));
        let default = match matched_any {
            Some(any) => b.not(any),
            None => b.boolean(true),
        };

        // Control may enter past the declarations of earlier arms, whose locals later arms share.
        let hoisted: Vec<LocalId> = arms
            .iter()
            .flat_map(|arm| &arm.body.statements)
            .filter_map(|statement| match statement.kind {
                StatementKind::Declare(local, _) => Some(local),
                _ => None,
            })
            .collect();
        for &local in &hoisted {
            self.new_variable(b, local, value_span(arms))?;
        }
        let outer_hoisted = self.hoisted.len();
        self.hoisted.extend(&hoisted);

        let broken = Jumps::of_arms(arms).breaks.then(|| flag(b));
        let targets = Targets { broken, ..self.targets };
        let result = self.with_targets(targets, |this| {
            let entered = flag(b);
            let mut before = Jumps::default();
            for (arm, matched) in arms.iter().zip(matches) {
                let here = or(b, matched, arm.is_default.then_some(default));
                let fallen = b.get(entered);
                let Some(mut runs) = or(b, here, Some(fallen)) else { continue };
                if let Some(left) = this.has_left(b, before) {
                    let stays = b.not(left);
                    runs = b.and(runs, stays);
                }
                this.branch(
                    b,
                    runs,
                    |this, b| {
                        let set = b.boolean(true);
                        b.set(entered, set);
                        this.statements(b, &arm.body.statements)
                    },
                    |_, _| Ok(()),
                )?;
                before = [before, Jumps::of_block(&arm.body)].into_iter().collect();
            }
            Ok(())
        });
        self.hoisted.truncate(outer_hoisted);
        result
    }
}

/// A new flag, not set.
fn flag(b: &mut KernelBuilder) -> Cell {
    let unset = b.boolean(false);
    b.cell(unset)
}

fn or(b: &mut KernelBuilder, left: Option<Value>, right: Option<Value>) -> Option<Value> {
    match (left, right) {
        (Some(left), Some(right)) => Some(b.or(left, right)),
        (one, other) => one.or(other),
    }
}

fn value_span(arms: &[SwitchArm]) -> Span {
    let first = arms.iter().flat_map(|arm| &arm.body.statements).next();
    first.map_or_else(Span::default, |statement| statement.span)
}
