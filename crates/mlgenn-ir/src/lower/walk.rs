//! Walks over checked trees that lowering needs before it emits anything.
//!
//! Expressions are walked without recursion: long sums are deep trees.

use mlgenn_lang::typed::{
    Block, Expr, ExprKind, Function, LocalId, Place, Statement, StatementKind,
};

use super::LowerError;

/// The expressions directly inside an expression, in order.
fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Integer(_) | ExprKind::Float(_) | ExprKind::String(_) => Vec::new(),
        ExprKind::Load(place) | ExprKind::Increment { place, .. } => place_children(place),
        ExprKind::Assign(place, value) | ExprKind::CompoundAssign { place, value, .. } => {
            let mut children = place_children(place);
            children.push(value);
            children
        }
        ExprKind::Unary(_, inner) | ExprKind::Not(inner) | ExprKind::Convert(inner) => vec![inner],
        ExprKind::Binary(_, left, right)
        | ExprKind::Compare(_, left, right)
        | ExprKind::Logical { left, right, .. }
        | ExprKind::Comma(left, right) => vec![left, right],
        ExprKind::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
        ExprKind::Call(_, arguments) => arguments.iter().collect(),
    }
}

fn place_children(place: &Place) -> Vec<&Expr> {
    match place {
        Place::Local(_) | Place::Symbol(_) => Vec::new(),
        Place::Delayed(_, delay) => vec![delay],
        Place::Element { pointer, index } => vec![pointer, index],
    }
}

/// An expression and all inside it.
fn all(expr: &Expr) -> impl Iterator<Item = &Expr> {
    let mut waiting = vec![expr];
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        waiting.extend(children(next));
        Some(next)
    })
}

/// Whether an expression can be evaluated where its value may not be wanted: it changes nothing,
/// touches no array, and draws no random number.
pub(super) fn is_pure(expr: &Expr) -> bool {
    all(expr).all(|expr| match &expr.kind {
        ExprKind::Assign(..)
        | ExprKind::CompoundAssign { .. }
        | ExprKind::Increment { .. }
        | ExprKind::Load(Place::Element { .. }) => false,
        ExprKind::Call(function, _) => matches!(function, Function::Math(..)),
        _ => true,
    })
}

/// Check that expressions are not nested more than `limit` deep. Operands to the left of binary
/// operators do not count: those are lowered in a loop.
pub(super) fn check_nesting(expr: &Expr, limit: usize) -> Result<(), LowerError> {
    let mut waiting = vec![(expr, 0)];
    while let Some((next, depth)) = waiting.pop() {
        if depth > limit {
            return Err(LowerError::TooDeep { span: expr.span });
        }
        let chained = matches!(next.kind, ExprKind::Binary(..));
        for (i, child) in children(next).into_iter().enumerate() {
            waiting.push((child, if chained && i == 0 { depth } else { depth + 1 }));
        }
    }
    Ok(())
}

/// Check that neither statements nor expressions are nested more than `limit` deep.
pub(super) fn check_block_nesting(block: &Block, limit: usize) -> Result<(), LowerError> {
    let mut waiting = vec![(block, 0)];
    while let Some((block, depth)) = waiting.pop() {
        for statement in &block.statements {
            if depth > limit {
                return Err(LowerError::TooDeep { span: statement.span });
            }
            for expr in expressions(statement) {
                check_nesting(expr, limit)?;
            }
            waiting.extend(blocks(statement).into_iter().map(|inner| (inner, depth + 1)));
        }
    }
    Ok(())
}

/// The blocks directly inside a statement.
pub(super) fn blocks(statement: &Statement) -> Vec<&Block> {
    match &statement.kind {
        StatementKind::Block(block) | StatementKind::ForEachSynapse(block) => vec![block],
        StatementKind::If { then, otherwise, .. } => vec![then, otherwise],
        StatementKind::Loop { init, body, .. } => vec![init, body],
        StatementKind::Switch { arms, .. } => arms.iter().map(|arm| &arm.body).collect(),
        StatementKind::Expression(_)
        | StatementKind::Declare(..)
        | StatementKind::Break
        | StatementKind::Continue => Vec::new(),
    }
}

/// The expressions directly inside a statement.
fn expressions(statement: &Statement) -> Vec<&Expr> {
    match &statement.kind {
        StatementKind::Expression(expr) => vec![expr],
        StatementKind::Declare(_, initial) => initial.iter().collect(),
        StatementKind::If { condition, .. } => vec![condition],
        StatementKind::Loop { condition, step, .. } => condition.iter().chain(step).collect(),
        StatementKind::Switch { value, arms } => {
            std::iter::once(value).chain(arms.iter().flat_map(|arm| &arm.cases)).collect()
        }
        StatementKind::Block(_)
        | StatementKind::ForEachSynapse(_)
        | StatementKind::Break
        | StatementKind::Continue => Vec::new(),
    }
}

/// Collect the locals that a block declares, also inside.
pub(super) fn declarations(block: &Block, found: &mut Vec<LocalId>) {
    for statement in &block.statements {
        if let StatementKind::Declare(local, _) = &statement.kind {
            found.push(*local);
        }
        for inner in blocks(statement) {
            declarations(inner, found);
        }
    }
}

/// Collect the assignments to pointers among the locals.
pub(super) fn pointer_assignments<'a>(block: &'a Block, found: &mut Vec<(LocalId, &'a Expr)>) {
    for statement in &block.statements {
        if let StatementKind::Declare(local, Some(initial)) = &statement.kind
            && initial.ty.pointee().is_some()
        {
            found.push((*local, initial));
        }
        for expr in expressions(statement) {
            pointer_assignments_in(expr, found);
        }
        for inner in blocks(statement) {
            pointer_assignments(inner, found);
        }
    }
}

/// Collect the assignments to pointers among the locals in an expression.
pub(super) fn pointer_assignments_in<'a>(expr: &'a Expr, found: &mut Vec<(LocalId, &'a Expr)>) {
    for inner in all(expr) {
        if let ExprKind::Assign(Place::Local(local), value) = &inner.kind
            && value.ty.pointee().is_some()
        {
            found.push((*local, value));
        }
    }
}
