//! The model-description language: lexer, parser, type checker and diagnostics.
//!
//! Model code is a C-like language. A [`Checker`] turns the [`Source`] of one slot into a checked
//! tree ([`typed`]) or a [`SnippetError`] with its [`Diagnostic`]s; nothing here knows of networks
//! or execution.

mod ast;
mod checker;
mod conversion;
mod diagnostic;
mod environment;
mod functions;
mod lexer;
mod parser;
mod scope;
mod source;
mod span;
mod suggestion;
mod token;
mod type_name;
pub mod typed;
mod types;
mod usage;

pub use checker::Checker;
pub use diagnostic::{Diagnostic, SnippetError};
pub use environment::{Environment, Symbol, SymbolKind};
pub use lexer::scan;
pub use source::Source;
pub use span::Span;
pub use type_name::{TypeError, parse_type};
pub use types::{NumericType, Precision, Type, TypeKind};
pub use usage::{IdentifierUse, identifiers, is_empty};
