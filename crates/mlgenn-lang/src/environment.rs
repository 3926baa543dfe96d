//! The names that a slot of model code sees besides its own locals and the built-in functions.

use crate::typed::SymbolId;
use crate::types::Type;

/// What code may do with a symbol.
#[derive(Clone, Debug, PartialEq)]
pub enum SymbolKind {
    /// A value: read, and assigned to unless its type is const.
    Value,
    /// A value that can also be read `d` timesteps back, as `name[d]`.
    DelayableValue,
    /// A value that may only be assigned to, with plain `=` (targets of reductions).
    WriteOnly,
    /// A function with these parameter types; arguments are converted. `optional` parameters at
    /// the end may be left out.
    Function {
        /// Types of the parameters.
        parameters: Vec<Type>,
        /// How many at the end may be left out.
        optional: usize,
        /// Whether it may only be called inside `for_each_synapse`.
        only_for_each_synapse: bool,
    },
}

/// A name.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// The name.
    pub name: String,
    /// Its type; for functions, that of the result.
    pub ty: Type,
    /// What code may do with it.
    pub kind: SymbolKind,
}

/// All names of a slot. Order of insertion gives the [`SymbolId`]s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    symbols: Vec<Symbol>,
    /// Whether `gennrand…` functions may be called.
    pub allows_random: bool,
    /// Whether `for_each_synapse` may be used, and the names visible only inside it.
    pub for_each_synapse: Option<Vec<SymbolId>>,
}

impl Environment {
    /// Add a symbol. If the name is taken, return the id of the symbol that has it.
    pub fn add(&mut self, symbol: Symbol) -> Result<SymbolId, SymbolId> {
        if let Some(id) = self.find(&symbol.name) {
            return Err(id);
        }
        self.symbols.push(symbol);
        Ok(SymbolId(self.symbols.len() - 1))
    }

    /// The symbol of that name.
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.symbols.iter().position(|symbol| symbol.name == name).map(SymbolId)
    }

    /// The symbol with that id.
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0]
    }

    /// All symbols in order of their ids.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
}
