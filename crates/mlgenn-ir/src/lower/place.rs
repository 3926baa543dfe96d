//! Places: what can be read and assigned to.

use mlgenn_lang::Span;
use mlgenn_lang::typed::{LocalId, Place, SymbolId};

use super::pointer::{self, Pointer};
use super::{Binding, LowerError, Lowering, Variable, malformed};
use crate::builder::{Cell, KernelBuilder};
use crate::kernel::{SlotId, Value};
use crate::op::Op;
use crate::types::Type;

/// A place whose own expressions have been evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resolved {
    Cell(Cell),
    Value(Value),
    Past(SlotId, Value),
    Element(SlotId, Value),
    Address(Value),
}

impl Resolved {
    /// The value of the place, of the given type.
    pub(super) fn load(self, b: &mut KernelBuilder, ty: Type) -> Value {
        let value = match self {
            Self::Cell(cell) => b.get(cell),
            Self::Value(value) => value,
            Self::Past(slot, delay) => b.read_delayed(slot, delay),
            Self::Element(slot, index) => b.load_element(slot, index),
            Self::Address(address) => b.op(Op::LoadPointer(address), ty),
        };
        b.convert(value, ty)
    }

    /// Assign to the place.
    pub(super) fn store(
        self,
        b: &mut KernelBuilder,
        value: Value,
        span: Span,
    ) -> Result<(), LowerError> {
        match self {
            Self::Cell(cell) => {
                let value = b.convert(value, b.value_type(b.get(cell)));
                b.set(cell, value);
            }
            Self::Element(slot, index) => {
                let value = b.convert(value, b.slot_type(slot));
                b.effect(Op::StoreElement(slot, index, value));
            }
            Self::Address(address) => b.effect(Op::StorePointer(address, value)),
            Self::Value(_) | Self::Past(..) => {
                return malformed("an assignment to something that is only read", span);
            }
        }
        Ok(())
    }
}

impl Lowering {
    /// The variable of a local that has been declared.
    pub(super) fn variable(&self, local: LocalId, span: Span) -> Result<Variable, LowerError> {
        match self.variables.get(local.0) {
            Some(Some(variable)) => Ok(*variable),
            _ => malformed("a local that has not been declared", span),
        }
    }

    /// What a symbol is bound to.
    pub(super) fn binding(&self, symbol: SymbolId, span: Span) -> Result<&Binding, LowerError> {
        match self.bindings.get(symbol.0) {
            Some(Some(binding)) => Ok(binding),
            _ => malformed("a name that is not bound", span),
        }
    }

    /// Evaluate the expressions of a place.
    pub(super) fn resolve(
        &mut self,
        b: &mut KernelBuilder,
        place: &Place,
        span: Span,
    ) -> Result<Resolved, LowerError> {
        match place {
            Place::Local(local) => match self.variable(*local, span)? {
                Variable::Number(cell) => Ok(Resolved::Cell(cell)),
                Variable::Element(..) | Variable::Address(_) => {
                    malformed("a pointer that should be a number", span)
                }
            },
            Place::Symbol(symbol) => match self.binding(*symbol, span)? {
                Binding::Cell(cell) => Ok(Resolved::Cell(*cell)),
                Binding::Value(value) => Ok(Resolved::Value(*value)),
                Binding::History(slot) => Ok(Resolved::Past(*slot, b.constant(Type::I32, 0))),
                Binding::Element(find) => {
                    let (slot, index) = find(b);
                    Ok(Resolved::Element(slot, index))
                }
                Binding::Array(_) => malformed("an array that should be a number", span),
                Binding::Function(_) => malformed("a function that is not called", span),
            },
            Place::Delayed(symbol, delay) => match self.binding(*symbol, span)? {
                Binding::History(slot) => {
                    let slot = *slot;
                    let delay = self.number(b, delay)?;
                    Ok(Resolved::Past(slot, b.convert(delay, Type::I32)))
                }
                _ => malformed("past values of a name that has none", span),
            },
            Place::Element { pointer, index } => {
                let pointer = self.pointer(b, pointer)?;
                let index = self.number(b, index)?;
                let index = b.convert(index, Type::I64);
                match pointer::advance(b, pointer, index) {
                    Pointer::Element(slot, index) => {
                        let index = pointer::or_zero(b, index);
                        Ok(Resolved::Element(slot, index))
                    }
                    Pointer::Address(address) => Ok(Resolved::Address(address)),
                }
            }
        }
    }
}
