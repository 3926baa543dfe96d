//! The checked tree: what a slot of model code means, with every conversion made explicit.
//!
//! Every operator has operands of one type; every conversion is a [`ExprKind::Convert`]. Names are
//! resolved to [`LocalId`]s, [`SymbolId`]s or [`Function`]s. Conditions are of type `bool`.

use crate::span::Span;
use crate::types::{NumericType, Type};

/// A local variable of the code; index into the locals of its checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId(pub usize);

/// A name of the environment; index into the symbols of its [`crate::Environment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub usize);

/// A local variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Name in the source.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A sequence of statements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub kind: StatementKind,
}

/// The kinds of [`Statement`].
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// Evaluate for the effect.
    Expression(Expr),
    /// Introduce a local; uninitialised numbers start at zero.
    Declare(LocalId, Option<Expr>),
    /// A braced scope.
    Block(Block),
    /// `if`, with a `bool` condition.
    If {
        /// The condition.
        condition: Expr,
        /// Run if it holds.
        then: Block,
        /// Run otherwise.
        otherwise: Block,
    },
    /// `while`, `do … while` and `for`, with a `bool` condition.
    Loop {
        /// Run once before.
        init: Block,
        /// Tested before every pass (after the first if `test_first` is false); absent means true.
        condition: Option<Expr>,
        /// Whether the condition is tested before the first pass.
        test_first: bool,
        /// The body; `continue` ends one pass of it.
        body: Block,
        /// Evaluated after every pass, also after `continue`.
        step: Option<Expr>,
    },
    /// `switch`: control enters at the arm whose value matches and falls through from there.
    Switch {
        /// The value; an integer of at least 32 bits.
        value: Expr,
        /// The arms in source order, each with the values that enter it.
        arms: Vec<SwitchArm>,
    },
    /// Run once for each synapse of the row.
    ForEachSynapse(Block),
    /// Leave the innermost loop or switch.
    Break,
    /// Go to the next pass of the innermost loop.
    Continue,
}

/// A stretch of a `switch` body that starts at one or more labels.
#[derive(Clone, Debug, PartialEq)]
pub struct SwitchArm {
    /// Values of its `case` labels, as expressions of the type of the switch value.
    pub cases: Vec<Expr>,
    /// Whether it has the `default` label.
    pub is_default: bool,
    /// Statements up to the next label.
    pub body: Block,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// Type of its value.
    pub ty: Type,
    /// What it computes.
    pub kind: ExprKind,
}

/// The kinds of [`Expr`].
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// An integer or boolean literal.
    Integer(u64),
    /// A floating-point literal.
    Float(f64),
    /// A string literal.
    String(String),
    /// The value of a place.
    Load(Place),
    /// Assign and yield the value assigned, as converted to the type of the place.
    Assign(Place, Box<Expr>),
    /// `place op= value`: computed in the type of the two converted operands, converted back.
    CompoundAssign {
        /// What is assigned to.
        place: Place,
        /// The operation.
        op: BinaryOp,
        /// Type in which the operation is computed; for pointers, that of the pointer.
        ty: Type,
        /// The right operand, already of that type (for shifts and pointers: an integer).
        value: Box<Expr>,
    },
    /// `++` and `--`.
    Increment {
        /// What is changed.
        place: Place,
        /// Whether it goes up.
        up: bool,
        /// Whether the value of the expression is the new one.
        prefix: bool,
    },
    /// An operator with one operand of the type of the result.
    Unary(UnaryOp, Box<Expr>),
    /// An operator with two operands of one type (shifts: the right one is any integer; pointer
    /// arithmetic: pointer first, then an `int64_t` element count; the difference of two pointers
    /// of one type is an `int` element count).
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// A comparison of two operands of one numeric type; the result is `bool`.
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    /// `&&` or `||` of two `bool` operands, short-circuit; the result is `bool`.
    Logical {
        /// Whether it is `&&`.
        and: bool,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `!` of a `bool`.
    Not(Box<Expr>),
    /// `condition ? then : otherwise`; the condition is `bool`.
    Conditional {
        /// The condition.
        condition: Box<Expr>,
        /// Value if it holds.
        then: Box<Expr>,
        /// Value otherwise.
        otherwise: Box<Expr>,
    },
    /// Evaluate the first for its effect, yield the second.
    Comma(Box<Expr>, Box<Expr>),
    /// Convert a number to the numeric type of this expression (to `bool`: compare with zero), or
    /// a pointer to another pointer type.
    Convert(Box<Expr>),
    /// Call a function with arguments of the types it wants.
    Call(Function, Vec<Expr>),
}

/// Something that can be read or assigned to.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A local variable.
    Local(LocalId),
    /// A name of the environment.
    Symbol(SymbolId),
    /// `name[d]` of an environment name that offers past values: the value `d` timesteps back.
    Delayed(SymbolId, Box<Expr>),
    /// What a pointer points to, `index` elements further on (an `int64_t`).
    Element {
        /// The pointer.
        pointer: Box<Expr>,
        /// The element.
        index: Box<Expr>,
    },
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-x`.
    Negate,
    /// `~x`.
    Complement,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the operator that it names")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the comparison that it names")]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What a call calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// A function of the environment, such as `addToPost`.
    Symbol(SymbolId),
    /// A mathematical function computed in the given type (that of its floating-point or integer
    /// arguments).
    Math(MathFunction, NumericType),
    /// A random number.
    Random(RandomFunction),
    /// `printf`; the format is the first argument.
    Printf,
    /// `assert`; the argument is `bool`.
    Assert,
    /// `atomic_or` of a `uint32_t*` and a `uint32_t`.
    AtomicOr,
}

/// Mathematical functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the function that it names")]
pub enum MathFunction {
    Cos,
    Sin,
    Tan,
    Acos,
    Asin,
    Atan,
    Cosh,
    Sinh,
    Tanh,
    Acosh,
    Asinh,
    Atanh,
    Exp,
    Expm1,
    Exp2,
    Log,
    Log1p,
    Log2,
    Log10,
    Sqrt,
    Cbrt,
    Ceil,
    Floor,
    Round,
    Rint,
    Trunc,
    NearbyInt,
    Fabs,
    Erf,
    Erfc,
    Tgamma,
    Lgamma,
    Atan2,
    Pow,
    Fmod,
    NextAfter,
    Remainder,
    Fdim,
    Fmax,
    Fmin,
    CopySign,
    Hypot,
    Fma,
    Scalbn,
    Ldexp,
    Ilogb,
    Min,
    Max,
    Abs,
    Clz,
}

/// Sources of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RandomFunction {
    /// 32 random bits.
    Bits,
    /// Uniform in (0, 1].
    Uniform,
    /// Standard normal.
    Normal,
    /// Exponential with mean 1.
    Exponential,
    /// Log-normal; arguments: mean and standard deviation of the underlying normal.
    LogNormal,
    /// Gamma with scale 1; argument: shape.
    Gamma,
    /// Binomial; arguments: number of trials (`uint32_t`) and probability.
    Binomial,
}
