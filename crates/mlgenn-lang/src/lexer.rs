//! Cuts code into tokens.

use crate::diagnostic::{Diagnostic, SnippetError};
use crate::source::Source;
use crate::span::Span;
use crate::token::{KEYWORDS, PUNCTUATION, TYPE_WORDS, Token, TokenKind};

/// Check that code consists of valid tokens, as is done when the object that owns it is made.
/// Grammar and types are left to [`crate::Checker`].
pub fn scan(source: &Source) -> Result<(), SnippetError> {
    let (_, diagnostics) = tokens(source.text());
    SnippetError::check(source, diagnostics)
}

/// All tokens of a text, the last being [`TokenKind::End`], and what is wrong with it.
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer { text, position: 0, tokens: Vec::new(), diagnostics: Vec::new() };
    while let Some(first) = lexer.rest().chars().next() {
        lexer.token(first);
    }
    lexer.push(TokenKind::End, text.len());
    (lexer.tokens, lexer.diagnostics)
}

struct Lexer<'a> {
    text: &'a str,
    position: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// Skip the bytes that satisfy a condition.
    fn skip(&mut self, accept: impl Fn(u8) -> bool) {
        let length = self.rest().bytes().take_while(|&byte| accept(byte)).count();
        self.position += length;
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.position) });
    }

    fn error(&mut self, start: usize, message: impl Into<String>, hint: &str) {
        let span = Span::new(start, self.position);
        self.diagnostics.push(Diagnostic::new(span, message).hint(hint));
    }

    fn token(&mut self, first: char) {
        let start = self.position;
        let rest = self.rest();
        let second = rest.as_bytes().get(1).copied().unwrap_or(0);
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            self.position += 1;
        } else if rest.starts_with("//") {
            self.position += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            self.position += rest.find("*/").map_or(rest.len(), |end| end + 2);
            self.error(start, "block comments are not supported", "use `//` comments");
        } else if first.is_ascii_alphabetic() {
            self.word(start);
        } else if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) {
            self.number(start);
        } else if first == '"' {
            self.string(start);
        } else if let Some(symbol) = PUNCTUATION.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.position += symbol.len();
            self.push(TokenKind::Punctuation(symbol), start);
        } else {
            self.position += first.len_utf8();
            let hint = match first {
                '$' => "the old spelling `$(name)` is written as plain `name`",
                '_' => "names begin with a letter",
                '\'' => "character literals are not supported; write the number",
                '#' => "there is no preprocessor; use parameters or `const` locals",
                '\\' => "statements may span lines without `\\`",
                _ => "only ASCII letters, digits and C operators are accepted",
            };
            self.error(start, format!("unexpected character `{}`", first.escape_debug()), hint);
            if first == '_' {
                // The name after it is part of the mistake.
                self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            }
        }
    }

    fn word(&mut self, start: usize) {
        self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = &self.text[start..self.position];
        let find = |words: &[&'static str]| words.iter().find(|known| **known == word).copied();
        let kind = if let Some(keyword) = find(KEYWORDS) {
            TokenKind::Keyword(keyword)
        } else if let Some(word) = find(TYPE_WORDS) {
            TokenKind::TypeWord(word)
        } else {
            TokenKind::Identifier
        };
        self.push(kind, start);
    }

    fn number(&mut self, start: usize) {
        let rest = self.rest().as_bytes();
        if rest[0] == b'0' && matches!(rest.get(1), Some(b'x' | b'X')) {
            self.position += 2;
            let digits = self.position;
            self.skip(|byte| byte.is_ascii_hexdigit());
            if self.rest().starts_with(['.', 'p', 'P']) {
                self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                let message = "hexadecimal floating-point literals are not supported";
                return self.error(start, message, "write the number in decimal");
            }
            if digits == self.position {
                return self.error(
                    start,
                    "hexadecimal digits are missing after `0x`",
                    "such as `0xFF`",
                );
            }
            return self.integer_suffix(start);
        }
        self.skip(|byte| byte.is_ascii_digit());
        let mut is_float = false;
        if self.rest().starts_with('.') {
            is_float = true;
            self.position += 1;
            self.skip(|byte| byte.is_ascii_digit());
        }
        let exponent = self.rest().as_bytes();
        if matches!(exponent.first(), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(exponent.get(1), Some(b'+' | b'-')));
            if exponent.get(1 + sign).is_some_and(u8::is_ascii_digit) {
                is_float = true;
                self.position += 1 + sign;
                self.skip(|byte| byte.is_ascii_digit());
            }
        }
        if is_float {
            if self.rest().starts_with(['f', 'F', 'd', 'D']) {
                self.position += 1;
            }
            let hint = "a floating-point literal may end in `f` (float) or `d` (double)";
            return self.end_number(TokenKind::Float, start, hint);
        }
        let digits = &self.text[start..self.position];
        if digits.len() > 1 && digits.starts_with('0') {
            let hint = "write the number in decimal, without leading zeros, or as `0x…`";
            return self.error(start, "octal literals are not supported", hint);
        }
        self.integer_suffix(start);
    }

    fn integer_suffix(&mut self, start: usize) {
        if self.rest().starts_with(['u', 'U']) {
            self.position += 1;
        }
        let hint = "an integer literal may end in `u` (unsigned int); \
                    floating-point literals need a point or an exponent";
        self.end_number(TokenKind::Integer, start, hint);
    }

    /// Push a number unless letters follow it.
    fn end_number(&mut self, kind: TokenKind, start: usize, hint: &str) {
        let suffix = self.position;
        self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if suffix < self.position {
            let suffix = &self.text[suffix..self.position];
            return self.error(start, format!("`{suffix}` may not follow a number"), hint);
        }
        self.push(kind, start);
    }

    fn string(&mut self, start: usize) {
        self.position += 1;
        self.skip(|byte| byte != b'"' && byte != b'\n');
        if self.rest().starts_with('"') {
            self.position += 1;
            self.push(TokenKind::String, start);
        } else {
            self.error(start, "unterminated string literal", "close it with `\"` on the same line");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::{Float, Identifier, Integer, Keyword, Punctuation, TypeWord};

    fn kinds(text: &str) -> Vec<TokenKind> {
        let (tokens, diagnostics) = tokens(text);
        assert_eq!(diagnostics, vec![], "{text}");
        tokens.iter().map(|token| token.kind).filter(|kind| *kind != TokenKind::End).collect()
    }

    fn error(text: &str) -> String {
        tokens(text).1.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default()
    }

    #[test]
    fn longest_operator_wins() {
        let expected = ["<<=", "<", "+", ">>=", ">>", "/=", "++", "+"].map(Punctuation);
        assert_eq!(kinds("<<= < + >>= >> /= +++"), expected);
    }

    #[test]
    fn words() {
        let expected =
            [TypeWord("int"), Identifier, Keyword("for"), Identifier, Keyword("for_each_synapse")];
        assert_eq!(kinds("int integer for fortune // for\n for_each_synapse"), expected);
    }

    #[test]
    fn numbers() {
        assert_eq!(kinds("0 12u 0x1F 0XfFu"), [Integer; 4]);
        assert_eq!(kinds("5. .5 1e-3 2e3f 1.25E+2 1.5d 0.5"), [Float; 7]);
        assert_eq!(error("017"), "octal literals are not supported");
        assert_eq!(error("0x1.8"), "hexadecimal floating-point literals are not supported");
        assert_eq!(error("10UL"), "`L` may not follow a number");
        assert_eq!(error("1f"), "`f` may not follow a number");
        assert_eq!(error("0x"), "hexadecimal digits are missing after `0x`");
    }

    #[test]
    fn invalid_characters() {
        assert_eq!(error("x = 1 @ 2"), "unexpected character `@`");
        assert_eq!(error("µ = 1"), "unexpected character `µ`");
        assert_eq!(error("\"abc"), "unterminated string literal");
        assert_eq!(error("/* x"), "block comments are not supported");
        assert!(scan(&Source::new("slot", "$(x) = 1;")).is_err());
        assert!(scan(&Source::new("slot", "x = ((;")).is_ok());
    }
}
