//! What a run of steps does to one vector of lanes: a list of operations in order, each on the
//! results of earlier ones.
//!
//! Where the machine has mask registers, comparisons give *masks*, one bit per lane, which are a
//! kind of value of their own; everything else is a vector with 32 bits per lane.

use std::collections::HashMap;

use mlgenn_ir::Type;

use crate::tape::Operand;

/// Index of a node.
pub(super) type Id = usize;

/// Bytes of an element in memory; the lanes of narrow ones are zero-extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    Bits8 = 1,
    Bits16 = 2,
    Bits32 = 4,
}

impl Width {
    /// That of the elements of a type, unless they have 64 bits.
    pub(super) fn of(ty: Type) -> Option<Self> {
        match ty.bytes() {
            1 => Some(Self::Bits8),
            2 => Some(Self::Bits16),
            4 => Some(Self::Bits32),
            _ => None,
        }
    }
}

/// Operations with one operand, as in [`crate::simd::Simd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unary {
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    Rint,
    F32FromI32,
    F32FromU32,
    I32FromF32,
}

/// Operations with two operands, as in [`crate::simd::Simd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Binary {
    AddF32,
    SubF32,
    MulF32,
    DivF32,
    MinF32,
    MaxF32,
    AddI32,
    SubI32,
    MulI32,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
}

impl Binary {
    /// Whether the operands may be swapped; which NaN comes out does not matter.
    pub(super) fn commutes(self) -> bool {
        use Binary::*;
        matches!(self, AddF32 | MulF32 | AddI32 | MulI32 | And | Or | Xor)
    }
}

/// Comparisons. Those of integers are signed, but for the last; the last three only give masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Compare {
    EqualF32,
    NotEqualF32,
    LessF32,
    LessEqualF32,
    EqualI32,
    LessI32,
    NotEqualI32,
    GreaterEqualI32,
    /// Unsigned; there has to be a mask register.
    LessU32,
}

/// Operations on masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum MaskBinary {
    And,
    Or,
    Xor,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// The same bits in all lanes.
    Splat(u32),
    /// The number at an operand that all lanes share, which nothing in the run writes.
    Shared(Operand),
    /// The elements of the lanes.
    Load(Operand, Width),
    Unary(Unary, Id),
    Binary(Binary, Id, Id),
    /// A mask if the machine has them, else a vector.
    Compare(Compare, Id, Id),
    /// A mask from two masks.
    MaskBinary(MaskBinary, Id, Id),
    /// A mask.
    MaskNot(Id),
    /// The mask of the highest bits of a vector.
    MaskOf(Id),
    /// The vector of a mask: lanes with all bits set or clear.
    Spread(Id),
    /// Lanes of the second where the mask (first) is set, else of the third.
    Select(Id, Id, Id),
    /// Lanes of the vector where the mask (first) is set, else 0.
    Keep(Id, Id),
    /// Sets the elements of the lanes, or of those of a mask.
    Store(Operand, Width, Id, Option<Id>),
    /// Sets the bits of the lanes, from a mask (or vector, where there are none).
    Emit(Operand, Id),
    /// Adds lanes to 16 partial sums of `f32`.
    Sum(Operand, Id),
    /// The mask of those lanes of a region around (all lanes that there are, if it is `None`) for
    /// which a condition holds.
    Active(Id, Option<Id>),
    /// The start of a region for some lanes: what follows, up to its [`Node::Leave`], is left out
    /// if there are none.
    Enter(Id),
    /// The end of a region. Nothing behind it uses results from within.
    Leave,
    /// A value that may be changed for some lanes, and what it is at first.
    Changing(Id),
    /// Changes lanes of a value (first), those of the mask (second), to those of another one.
    Change(Id, Id, Id),
    /// For the lanes of a mask the elements with certain numbers behind a pointer; 0 for others.
    /// Narrow elements come with what lies behind them.
    Gather(Operand, Width, Id, Option<Id>),
    /// Sets the elements with certain numbers (third) behind a pointer, for the lanes of a mask,
    /// one lane after the other.
    Scatter(Operand, Width, Id, Id, Option<Id>),
    /// Notes that some lanes of a mask have a number (second) that is too large for an array: those
    /// that are not among the last mask. The first number says which access it is.
    Report(u32, Id, Option<Id>, Id),
    /// Nothing: an operation that turned out to be of no use.
    Nothing,
}

impl Node {
    /// The results that it uses.
    pub(super) fn operands(self) -> impl Iterator<Item = Id> {
        let operands = match self {
            Self::Splat(_) | Self::Shared(_) | Self::Load(..) | Self::Leave | Self::Nothing => {
                [None; 3]
            }
            Self::Unary(_, a)
            | Self::MaskNot(a)
            | Self::MaskOf(a)
            | Self::Spread(a)
            | Self::Emit(_, a)
            | Self::Sum(_, a)
            | Self::Enter(a)
            | Self::Changing(a) => [Some(a), None, None],
            Self::Binary(_, a, b)
            | Self::Compare(_, a, b)
            | Self::MaskBinary(_, a, b)
            | Self::Keep(a, b) => [Some(a), Some(b), None],
            Self::Select(a, b, c) | Self::Change(a, b, c) => [Some(a), Some(b), Some(c)],
            Self::Store(_, _, a, mask) | Self::Active(a, mask) | Self::Gather(_, _, a, mask) => {
                [Some(a), mask, None]
            }
            Self::Scatter(_, _, a, b, mask) | Self::Report(_, a, mask, b) => {
                [Some(a), Some(b), mask]
            }
        };
        operands.into_iter().flatten()
    }

    /// The memory that it touches, and whether it writes there.
    pub(super) fn memory(self) -> Option<(Operand, bool)> {
        match self {
            Self::Shared(operand) | Self::Load(operand, _) | Self::Gather(operand, ..) => {
                Some((operand, false))
            }
            Self::Store(operand, ..)
            | Self::Scatter(operand, ..)
            | Self::Emit(operand, _)
            | Self::Sum(operand, _) => Some((operand, true)),
            _ => None,
        }
    }

    /// Whether it does something beside giving a result.
    pub(super) fn has_effect(self) -> bool {
        use Node::*;
        matches!(
            self,
            Store(..)
                | Emit(..)
                | Sum(..)
                | Enter(_)
                | Leave
                | Change(..)
                | Scatter(..)
                | Report(..)
        )
    }
}

/// The operations of a run.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Whether the machine has mask registers.
    has_masks: bool,
    /// Operations that are there already.
    known: HashMap<Node, Id>,
}

impl Graph {
    pub(super) fn new(has_masks: bool) -> Self {
        Self { has_masks, ..Self::default() }
    }

    pub(super) fn has_masks(&self) -> bool {
        self.has_masks
    }

    /// Append an operation with an effect, or one whose result depends on when it is done.
    pub(super) fn push(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The result of an operation that depends on nothing but its operands.
    pub(super) fn pure(&mut self, node: Node) -> Id {
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = self.push(node);
        self.known.insert(node, id);
        id
    }

    /// Forget the results of operations from one on, but for those that are there everywhere.
    pub(super) fn forget(&mut self, from: Id) {
        self.known
            .retain(|node, id| *id < from || matches!(node, Node::Splat(_) | Node::Shared(_)));
    }

    pub(super) fn is_mask(&self, id: Id) -> bool {
        match self.nodes[id] {
            Node::Compare(..) => self.has_masks,
            Node::MaskBinary(..) | Node::MaskNot(_) | Node::MaskOf(_) | Node::Active(..) => true,
            _ => false,
        }
    }

    pub(super) fn splat(&mut self, bits: u32) -> Id {
        self.pure(Node::Splat(bits))
    }

    /// A value as a vector.
    pub(super) fn vector(&mut self, id: Id) -> Id {
        match self.nodes[id] {
            Node::MaskOf(vector) => vector,
            _ if self.is_mask(id) => self.pure(Node::Spread(id)),
            _ => id,
        }
    }

    /// A value that is all ones or zeros in each lane, as a mask if there are masks.
    pub(super) fn mask(&mut self, id: Id) -> Id {
        match self.nodes[id] {
            Node::Spread(mask) => mask,
            _ if self.is_mask(id) || !self.has_masks => id,
            _ => self.pure(Node::MaskOf(id)),
        }
    }

    pub(super) fn unary(&mut self, op: Unary, a: Id) -> Id {
        let a = self.vector(a);
        self.pure(Node::Unary(op, a))
    }

    pub(super) fn compare(&mut self, op: Compare, a: Id, b: Id) -> Id {
        let (a, b) = (self.vector(a), self.vector(b));
        self.pure(Node::Compare(op, a, b))
    }

    pub(super) fn select(&mut self, mask: Id, a: Id, b: Id) -> Id {
        let (mask, a, b) = (self.mask(mask), self.vector(a), self.vector(b));
        self.pure(Node::Select(mask, a, b))
    }

    pub(super) fn binary(&mut self, op: Binary, a: Id, b: Id) -> Id {
        let masks = [self.is_mask(a), self.is_mask(b)];
        let logical = match op {
            Binary::And => Some(MaskBinary::And),
            Binary::Or => Some(MaskBinary::Or),
            Binary::Xor => Some(MaskBinary::Xor),
            _ => None,
        };
        match (logical, masks) {
            (Some(op), [true, true]) => return self.pure(Node::MaskBinary(op, a, b)),
            (Some(MaskBinary::And), [true, false]) => return self.pure(Node::Keep(a, b)),
            (Some(MaskBinary::And), [false, true]) => return self.pure(Node::Keep(b, a)),
            _ => {}
        }
        let (a, b) = (self.vector(a), self.vector(b));
        if let (Binary::And, Node::Splat(x), Node::Splat(y)) = (op, self.nodes[a], self.nodes[b]) {
            return self.splat(x & y);
        }
        self.pure(Node::Binary(op, a, b))
    }

    /// All bits flipped.
    pub(super) fn not(&mut self, a: Id) -> Id {
        if !self.is_mask(a) {
            let ones = self.splat(u32::MAX);
            return self.binary(Binary::Xor, a, ones);
        }
        match self.nodes[a] {
            Node::Compare(Compare::EqualI32, x, y) => self.compare(Compare::NotEqualI32, x, y),
            Node::Compare(Compare::LessI32, x, y) => self.compare(Compare::GreaterEqualI32, x, y),
            Node::MaskNot(x) => x,
            _ => self.pure(Node::MaskNot(a)),
        }
    }

    /// Whether memory behind a base of operands is touched.
    pub(super) fn uses(&self, base: u16) -> bool {
        self.nodes.iter().any(|node| node.memory().is_some_and(|(operand, _)| operand.base == base))
    }

    /// Whether there is nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.nodes.iter().all(|node| *node == Node::Nothing)
    }

    /// Make operations without effect whose results nothing uses [`Node::Nothing`].
    pub(super) fn remove_unused(&mut self) {
        let mut used = vec![false; self.nodes.len()];
        for id in (0..self.nodes.len()).rev() {
            let node = self.nodes[id];
            if node.has_effect() || used[id] {
                node.operands().for_each(|operand| used[operand] = true);
            } else {
                self.nodes[id] = Node::Nothing;
            }
        }
    }
}
