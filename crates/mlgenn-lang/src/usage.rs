//! Which names code uses, found without parsing it.

use crate::lexer::tokens;
use crate::token::TokenKind;

/// A name that code uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierUse {
    /// The name.
    pub name: String,
    /// Whether it is followed by `[` somewhere.
    pub subscripted: bool,
}

/// The names in code, each once, in order of first appearance. Locals count as well, comments and
/// strings do not.
pub fn identifiers(code: &str) -> Vec<IdentifierUse> {
    let (tokens, _) = tokens(code);
    let mut uses: Vec<IdentifierUse> = Vec::new();
    for pair in tokens.windows(2) {
        if pair[0].kind != TokenKind::Identifier {
            continue;
        }
        let name = &code[pair[0].span.start..pair[0].span.end];
        let subscripted = pair[1].kind == TokenKind::Punctuation("[");
        match uses.iter_mut().find(|known| known.name == name) {
            Some(known) => known.subscripted |= subscripted,
            None => uses.push(IdentifierUse { name: name.to_owned(), subscripted }),
        }
    }
    uses
}

/// Whether code consists of white space and comments only.
pub fn is_empty(code: &str) -> bool {
    let (tokens, diagnostics) = tokens(code);
    tokens.len() == 1 && diagnostics.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_names_once() {
        let uses = identifiers("x += g * q [1]; q = \"y\"; // z\n int k = x; @");
        let shown: Vec<_> =
            uses.iter().map(|used| (used.name.as_str(), used.subscripted)).collect();
        assert_eq!(shown, [("x", false), ("g", false), ("q", true), ("k", false)]);
    }

    #[test]
    fn emptiness() {
        assert!(is_empty(""));
        assert!(is_empty(" \t\n// nothing\n"));
        assert!(!is_empty(";"));
        assert!(!is_empty("@"));
    }
}
