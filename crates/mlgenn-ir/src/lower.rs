//! Lowering of checked model code to the IR.
//!
//! Locals become cells of a [`KernelBuilder`]; what the names of the environment mean is given by
//! [`Binding`]s. Several slots that share locals (simulation code, threshold condition and reset
//! code of a neuron) are lowered one after another by the same [`Lowering`].

mod call;
mod control;
mod expression;
mod place;
mod pointer;
mod statement;
mod walk;

use std::cell::RefCell;

use mlgenn_lang::Span;
use mlgenn_lang::typed::{Block, Expr, Local, LocalId, SymbolId};

use crate::builder::{Cell, KernelBuilder};
use crate::kernel::{SlotId, Value};
use crate::types::Type;
use pointer::Target;

/// Deepest nesting of statements, of expressions and of regions that is lowered; keeps recursion,
/// here and in whatever runs the kernel, within the stack. With the conversions it adds, the
/// checker makes at most twice the levels that it accepts in the source.
const MAX_NESTING: usize = 400;

/// Why code cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// Something valid that has no lowering.
    #[error("{what} is not supported here")]
    Unsupported {
        /// What it is.
        what: String,
        /// Where it stands.
        span: Span,
    },
    /// Statements or expressions within one another more than a few hundred times.
    #[error("the code is nested too deeply: split it into several statements")]
    TooDeep {
        /// Where it starts.
        span: Span,
    },
    /// A tree that the checker never makes, or that does not fit the bindings.
    #[error("the code does not fit what its names are bound to: {what}")]
    Malformed {
        /// What does not fit.
        what: String,
        /// Where it stands.
        span: Span,
    },
}

impl LowerError {
    /// Where in the source the error lies.
    pub fn span(&self) -> Span {
        match self {
            Self::Unsupported { span, .. }
            | Self::TooDeep { span }
            | Self::Malformed { span, .. } => *span,
        }
    }

    /// The error, at `place` unless it knows better (functions of bindings know no places).
    fn or_at(mut self, place: Span) -> Self {
        match &mut self {
            Self::Unsupported { span, .. }
            | Self::TooDeep { span }
            | Self::Malformed { span, .. } => {
                if *span == Span::default() {
                    *span = place;
                }
            }
        }
        self
    }
}

fn unsupported<T>(what: impl Into<String>, span: Span) -> Result<T, LowerError> {
    Err(LowerError::Unsupported { what: what.into(), span })
}

fn malformed<T>(what: impl Into<String>, span: Span) -> Result<T, LowerError> {
    Err(LowerError::Malformed { what: what.into(), span })
}

/// Emits the code of a function of the environment, given its arguments; gives its result, or
/// `None` if it has none. Errors without a place get that of the call.
pub type FunctionBinding =
    Box<dyn Fn(&mut KernelBuilder, &[Value]) -> Result<Option<Value>, LowerError>>;

/// Emits what finds an element of an array slot: the slot and an index (`i64`).
pub type ElementBinding = Box<dyn Fn(&mut KernelBuilder) -> (SlotId, Value)>;

/// What a name of the environment means in a kernel.
pub enum Binding {
    /// A variable.
    Cell(Cell),
    /// A value that code only reads.
    Value(Value),
    /// Past values of a history slot, as `name[delay]`; plain `name` is the most recent one.
    History(SlotId),
    /// An element of an array slot, which is looked for anew at each use.
    Element(ElementBinding),
    /// The first element of an array slot.
    Array(SlotId),
    /// A function.
    Function(FunctionBinding),
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cell(cell) => f.debug_tuple("Cell").field(cell).finish(),
            Self::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Self::History(slot) => f.debug_tuple("History").field(slot).finish(),
            Self::Element(_) => f.write_str("Element"),
            Self::Array(slot) => f.debug_tuple("Array").field(slot).finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

/// Where random numbers come from: the operands of [`crate::Op::Random`].
#[derive(Clone, Copy, Debug)]
pub struct RandomSource {
    /// Key of the stream (`u64`).
    pub key: Value,
    /// Which neuron or synapse (`u64`).
    pub element: Value,
    /// Which timestep (`u32`).
    pub timestep: Value,
    /// Number of the next draw (`u32`); counts up with each call.
    pub draw: Cell,
}

/// How `for_each_synapse` runs its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EachSynapse {
    /// Not at all: it is an error.
    #[default]
    Unsupported,
    /// Once: lanes are the synapses.
    Lane,
    /// For the synapses of a row, one after the other: lanes are rows.
    Row(SynapseRow),
}

/// The synapses of a row, which are numbered consecutively, as a loop goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynapseRow {
    /// Number of the first synapse (`u32`).
    pub first: Value,
    /// How many there are (`u32`); may change in the loop.
    pub length: Cell,
    /// Number of the current synapse (`u32`).
    pub current: Cell,
    /// Whether the next synapse has the same number, since this one has been removed (`bool`).
    pub removed: Cell,
}

/// A local variable during lowering.
#[derive(Clone, Copy, Debug)]
enum Variable {
    /// A number.
    Number(Cell),
    /// A pointer into a known array slot: its element index (`i64`).
    Element(SlotId, Cell),
    /// A pointer into some array slot: its address.
    Address(Cell),
}

/// Where `break` and `continue` go: flags that are set when control has left.
#[derive(Clone, Copy, Debug, Default)]
struct Targets {
    /// The innermost loop or switch has been left.
    broken: Option<Cell>,
    /// The rest of this pass of the innermost loop is skipped.
    skipped: Option<Cell>,
}

/// Lowers checked code into a kernel that is being built.
#[derive(Debug)]
pub struct Lowering {
    bindings: Vec<Option<Binding>>,
    random: Option<RandomSource>,
    /// Types of the locals.
    types: Vec<mlgenn_lang::Type>,
    /// Locals that have been declared.
    variables: Vec<Option<Variable>>,
    /// Where the pointers among the locals may point to.
    pointers: Vec<Target>,
    /// Locals whose cells were made before their declaration, since control may jump past it.
    hoisted: Vec<LocalId>,
    targets: Targets,
    each_synapse: EachSynapse,
}

impl Lowering {
    /// Lowering with one binding per symbol of the environment, in order of their ids. Without a
    /// source of random numbers, calls for them are errors.
    pub fn new(bindings: Vec<Binding>, random: Option<RandomSource>) -> Self {
        Self {
            bindings: bindings.into_iter().map(Some).collect(),
            random,
            types: Vec::new(),
            variables: Vec::new(),
            pointers: Vec::new(),
            hoisted: Vec::new(),
            targets: Targets::default(),
            each_synapse: EachSynapse::default(),
        }
    }

    /// Say how `for_each_synapse` is run.
    pub fn set_each_synapse(&mut self, each_synapse: EachSynapse) {
        self.each_synapse = each_synapse;
    }

    /// Bind a symbol anew, for the code that is lowered from now on.
    pub fn bind(&mut self, symbol: SymbolId, binding: Binding) {
        if self.bindings.len() <= symbol.0 {
            self.bindings.resize_with(symbol.0 + 1, || None);
        }
        self.bindings[symbol.0] = Some(binding);
    }

    /// Lower the code of a slot. `locals` are all locals of the checker that made the block.
    ///
    /// After an error the builder is only good to be dropped.
    pub fn block(
        &mut self,
        b: &mut KernelBuilder,
        block: &Block,
        locals: &[Local],
    ) -> Result<(), LowerError> {
        walk::check_block_nesting(block, MAX_NESTING)?;
        let (mut declared, mut assignments) = (Vec::new(), Vec::new());
        walk::declarations(block, &mut declared);
        walk::pointer_assignments(block, &mut assignments);
        // Nothing is known of these locals yet, but their ids may have been used by another
        // checker before.
        for LocalId(id) in declared {
            if id < self.variables.len() {
                self.variables[id] = None;
                self.pointers[id] = Target::Nothing;
            }
        }
        self.prepare(b, &assignments, locals)?;
        self.statements(b, &block.statements)
    }

    /// Lower a condition to a `bool`. `locals` are all locals of the checker that made it.
    ///
    /// After an error the builder is only good to be dropped.
    pub fn condition(
        &mut self,
        b: &mut KernelBuilder,
        expr: &Expr,
        locals: &[Local],
    ) -> Result<Value, LowerError> {
        walk::check_nesting(expr, MAX_NESTING)?;
        let mut assignments = Vec::new();
        walk::pointer_assignments_in(expr, &mut assignments);
        self.prepare(b, &assignments, locals)?;
        self.test(b, expr)
    }

    /// Make room for the locals, and find out where pointers point to.
    fn prepare(
        &mut self,
        b: &mut KernelBuilder,
        assignments: &[(LocalId, &Expr)],
        locals: &[Local],
    ) -> Result<(), LowerError> {
        self.types = locals.iter().map(|local| local.ty.clone()).collect();
        if self.variables.len() < locals.len() {
            self.variables.resize(locals.len(), None);
            self.pointers.resize(locals.len(), Target::Nothing);
        }
        self.find_targets(b, assignments)
    }

    /// [`KernelBuilder::if_else`] of two pieces of lowering.
    fn branch(
        &mut self,
        b: &mut KernelBuilder,
        condition: Value,
        then: impl FnOnce(&mut Self, &mut KernelBuilder) -> Result<(), LowerError>,
        otherwise: impl FnOnce(&mut Self, &mut KernelBuilder) -> Result<(), LowerError>,
    ) -> Result<(), LowerError> {
        if b.depth() >= MAX_NESTING {
            return Err(LowerError::TooDeep { span: Span::default() });
        }
        // The two closures run one after the other, but both hold the lowering.
        let this = RefCell::new(self);
        b.if_else(
            condition,
            |b| then(&mut this.borrow_mut(), b),
            |b| otherwise(&mut this.borrow_mut(), b),
        )
    }

    /// [`KernelBuilder::loop_while`] of two pieces of lowering.
    fn repeat(
        &mut self,
        b: &mut KernelBuilder,
        condition: impl FnOnce(&mut Self, &mut KernelBuilder) -> Result<Value, LowerError>,
        body: impl FnOnce(&mut Self, &mut KernelBuilder) -> Result<(), LowerError>,
    ) -> Result<(), LowerError> {
        if b.depth() >= MAX_NESTING {
            return Err(LowerError::TooDeep { span: Span::default() });
        }
        let this = RefCell::new(self);
        b.loop_while(|b| condition(&mut this.borrow_mut(), b), |b| body(&mut this.borrow_mut(), b))
    }
}

/// The IR type of a type of the language.
fn ir_type(ty: &mlgenn_lang::Type, span: Span) -> Result<Type, LowerError> {
    match &ty.kind {
        mlgenn_lang::TypeKind::Numeric(numeric) => Ok(Type::from(*numeric)),
        mlgenn_lang::TypeKind::Pointer(_) => Ok(Type::Ptr),
        _ => malformed(format!("a value of type {ty}"), span),
    }
}
