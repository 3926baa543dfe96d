//! The tree that the parser builds: grammar only, names unresolved, types unchecked.

use crate::span::Span;
use crate::typed::{BinaryOp, CompareOp};
use crate::types::Type;

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) span: Span,
    pub(crate) kind: StatementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StatementKind {
    Empty,
    Expression(Expr),
    Declare(Type, Vec<Declarator>),
    Block(Vec<Statement>),
    If {
        condition: Expr,
        then: Box<Statement>,
        otherwise: Option<Box<Statement>>,
    },
    Switch {
        value: Expr,
        body: Vec<Statement>,
    },
    /// A `case` label; what it labels are the statements that follow.
    Case(Expr),
    /// A `default` label.
    Default,
    While {
        condition: Expr,
        body: Box<Statement>,
        test_first: bool,
    },
    For {
        init: Option<Box<Statement>>,
        condition: Option<Expr>,
        step: Option<Expr>,
        body: Box<Statement>,
    },
    ForEachSynapse(Box<Statement>),
    Break,
    Continue,
}

/// A name that a declaration introduces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declarator {
    pub(crate) span: Span,
    pub(crate) name: String,
    pub(crate) init: Option<Expr>,
}

/// An expression. Parentheses leave no trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
    /// Height of the tree, which the parser limits.
    pub(crate) height: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    Integer {
        value: u32,
        is_unsigned: bool,
    },
    Bool(bool),
    /// Digits and the suffix, if any.
    Float {
        digits: String,
        suffix: Option<FloatSuffix>,
    },
    String(String),
    Name(String),
    Unary(PrefixOp, Box<Expr>),
    Increment {
        operand: Box<Expr>,
        up: bool,
        prefix: bool,
    },
    Infix(InfixOp, Box<Expr>, Box<Expr>),
    Assign {
        target: Box<Expr>,
        op: Option<BinaryOp>,
        value: Box<Expr>,
    },
    Conditional {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Comma(Box<Expr>, Box<Expr>),
    Cast(Type, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    Index(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatSuffix {
    Float,
    Double,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrefixOp {
    Plus,
    Minus,
    Complement,
    Not,
    Dereference,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InfixOp {
    Arithmetic(BinaryOp),
    Compare(CompareOp),
    And,
    Or,
}

impl Expr {
    pub(crate) fn new(span: Span, kind: ExprKind) -> Self {
        let height = 1 + kind.children_height();
        Self { span, kind, height }
    }
}

impl ExprKind {
    fn children_height(&self) -> usize {
        match self {
            Self::Integer { .. } | Self::Bool(_) | Self::Float { .. } => 0,
            Self::String(_) | Self::Name(_) => 0,
            Self::Unary(_, operand) | Self::Cast(_, operand) => operand.height,
            Self::Increment { operand, .. } => operand.height,
            Self::Infix(_, left, right)
            | Self::Comma(left, right)
            | Self::Index(left, right)
            | Self::Assign { target: left, value: right, .. } => left.height.max(right.height),
            Self::Conditional { condition, then, otherwise } => {
                condition.height.max(then.height).max(otherwise.height)
            }
            Self::Call(callee, arguments) => {
                arguments.iter().map(|argument| argument.height).fold(callee.height, usize::max)
            }
        }
    }
}
