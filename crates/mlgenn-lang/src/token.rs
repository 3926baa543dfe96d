//! The words and symbols that code is made of.

use crate::span::Span;

/// What kind of token it is. Keywords and punctuation carry their spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name.
    Identifier,
    /// A keyword of statements, `const`, `true` or `false`.
    Keyword(&'static str),
    /// A word of which type names are made.
    TypeWord(&'static str),
    /// Digits, perhaps hexadecimal, perhaps with suffix `u`.
    Integer,
    /// A number with a point or an exponent, perhaps with a suffix.
    Float,
    /// Text in quotes.
    String,
    /// An operator or a bracket.
    Punctuation(&'static str),
    /// The end of the code.
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// Keywords that are not part of a type name.
pub(crate) const KEYWORDS: &[&str] = &[
    "const",
    "do",
    "else",
    "false",
    "for",
    "for_each_synapse",
    "if",
    "true",
    "while",
    "switch",
    "break",
    "continue",
    "case",
    "default",
];

/// Words of which type names are made.
pub(crate) const TYPE_WORDS: &[&str] = &[
    "char",
    "short",
    "int",
    "long",
    "float",
    "double",
    "signed",
    "unsigned",
    "bool",
    "scalar",
    "timepoint",
    "size_t",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
];

/// Operators and brackets; those that begin like others come first.
pub(crate) const PUNCTUATION: &[&str] = &[
    "<<=", ">>=", "!=", "==", "*=", "/=", "%=", "^=", "<=", "<<", ">=", ">>", "+=", "++", "-=",
    "--", "&=", "&&", "|=", "||", "(", ")", "{", "}", "[", "]", ",", ".", ":", ";", "?", "~", "!",
    "=", "*", "/", "%", "^", "<", ">", "+", "-", "&", "|",
];
