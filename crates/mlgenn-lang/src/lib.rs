//! The model-description language: lexer, parser, type checker and diagnostics.
//!
//! Model code is a C-like language. `Checker` turns the code of one slot into a checked tree
//! ([`typed`]) or a list of `Diagnostic`s; nothing here knows of networks or execution.

mod environment;
mod span;
pub mod typed;
mod types;

pub use environment::{Environment, Symbol, SymbolKind};
pub use span::Span;
pub use types::{NumericType, Precision, Type, TypeKind};
