//! Builds the untyped tree: what all parsing functions share.
//!
//! Recursive descent, with precedence climbing for operators ([`expression`]) and recovery at the
//! end of a statement ([`statement`]). Nesting is limited, so that no input exhausts the stack.

mod expression;
mod statement;

use crate::ast::{Expr, ExprKind, Statement};
use crate::diagnostic::{Diagnostic, Reported, SnippetError};
use crate::lexer::tokens;
use crate::source::Source;
use crate::span::Span;
use crate::token::{Token, TokenKind};
use crate::type_name;
use crate::types::{Precision, Type};

/// How deep statements, and expressions, may nest.
const MAX_DEPTH: usize = 200;
/// How many mistakes are told at once.
const MAX_DIAGNOSTICS: usize = 20;
/// How many `*` a type may have.
const MAX_POINTERS: usize = 8;

/// Parse the statements of a slot.
pub(crate) fn parse_statements(
    source: &Source,
    precision: Precision,
) -> Result<Vec<Statement>, SnippetError> {
    parse(source, precision, |parser| Ok(parser.slot()))
}

/// Parse a slot that is one expression.
pub(crate) fn parse_condition(source: &Source, precision: Precision) -> Result<Expr, SnippetError> {
    parse(source, precision, |parser| {
        let condition = parser.expression()?;
        parser.end("a condition is a single expression without `;`")?;
        Ok(condition)
    })
}

/// Parse a text that is the name of a type.
pub(crate) fn parse_type_name(source: &Source, precision: Precision) -> Result<Type, SnippetError> {
    parse(source, precision, |parser| {
        let ty = parser.type_name()?;
        parser.end("a type is words such as `unsigned int`, then any number of `*`")?;
        Ok(ty)
    })
}

fn parse<T>(
    source: &Source,
    precision: Precision,
    rule: impl FnOnce(&mut Parser<'_>) -> Result<T, Reported>,
) -> Result<T, SnippetError> {
    let (tokens, mut diagnostics) = tokens(source.text());
    diagnostics.truncate(MAX_DIAGNOSTICS);
    SnippetError::check(source, diagnostics)?;
    let mut parser = Parser {
        text: source.text(),
        tokens,
        position: 0,
        precision,
        depth: 0,
        diagnostics: Vec::new(),
    };
    match rule(&mut parser) {
        Ok(result) if parser.diagnostics.is_empty() => Ok(result),
        _ => Err(SnippetError::new(source, parser.diagnostics)),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    precision: Precision,
    depth: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    /// The token `ahead` of the next one.
    fn token(&self, ahead: usize) -> Token {
        let index = (self.position + ahead).min(self.tokens.len() - 1);
        self.tokens[index]
    }

    fn peek(&self) -> TokenKind {
        self.token(0).kind
    }

    fn text_of(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    /// Take the next token; the end stays.
    fn advance(&mut self) -> Token {
        let token = self.token(0);
        if token.kind != TokenKind::End {
            self.position += 1;
        }
        token
    }

    fn is_punctuation(&self, symbol: &'static str) -> bool {
        self.peek() == TokenKind::Punctuation(symbol)
    }

    /// Take the next token if it is the symbol.
    fn accept(&mut self, symbol: &'static str) -> bool {
        let found = self.peek() == TokenKind::Punctuation(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn accept_keyword(&mut self, keyword: &'static str) -> bool {
        let found = self.peek() == TokenKind::Keyword(keyword);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str, place: &str) -> Result<Token, Reported> {
        if self.peek() == TokenKind::Punctuation(symbol) {
            return Ok(self.advance());
        }
        Err(self.unexpected(&format!("`{symbol}` {place}")))
    }

    fn end(&mut self, hint: &str) -> Result<(), Reported> {
        if self.peek() == TokenKind::End {
            return Ok(());
        }
        let token = self.token(0);
        let message = format!("unexpected {}", self.describe(token));
        Err(self.error(Diagnostic::new(token.span, message).hint(hint)))
    }

    fn describe(&self, token: Token) -> String {
        match token.kind {
            TokenKind::End => "end of the code".to_owned(),
            _ => format!("`{}`", self.text_of(token.span)),
        }
    }

    /// Report that the next token is not what could stand there.
    fn unexpected(&mut self, expected: &str) -> Reported {
        let token = self.token(0);
        let message = format!("expected {expected}, found {}", self.describe(token));
        self.error(Diagnostic::new(token.span, message))
    }

    fn error(&mut self, diagnostic: Diagnostic) -> Reported {
        self.diagnostics.push(diagnostic);
        Reported
    }

    /// Run a rule one level deeper.
    fn nested<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep(self.token(0).span));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&mut self, span: Span) -> Reported {
        let hint = format!("at most {MAX_DEPTH} levels are accepted; use locals for parts of it");
        self.error(Diagnostic::new(span, "this is nested too deeply").hint(hint))
    }

    /// A new node; refused if it makes the tree too high (long chains of operators).
    fn node(&mut self, span: Span, kind: ExprKind) -> Result<Expr, Reported> {
        let node = Expr::new(span, kind);
        if node.height > MAX_DEPTH { Err(self.too_deep(span)) } else { Ok(node) }
    }

    /// Whether a type name begins `ahead` of the next token.
    fn at_type(&self, ahead: usize) -> bool {
        matches!(self.token(ahead).kind, TokenKind::TypeWord(_) | TokenKind::Keyword("const"))
    }

    fn type_name(&mut self) -> Result<Type, Reported> {
        let start = self.token(0).span;
        let mut words = Vec::new();
        let mut is_const = false;
        loop {
            match self.peek() {
                TokenKind::TypeWord(word) => words.push(word),
                TokenKind::Keyword("const") if is_const => {
                    let span = self.token(0).span;
                    return Err(self.error(Diagnostic::new(span, "`const` is given twice")));
                }
                TokenKind::Keyword("const") => is_const = true,
                _ => break,
            }
            self.advance();
        }
        if words.is_empty() {
            return Err(self.unexpected("a type such as `scalar`, `int` or `uint8_t`"));
        }
        let span = start.to(self.tokens[self.position - 1].span);
        let Some(numeric) = type_name::resolve(&words, self.precision) else {
            let message = format!("there is no type `{}`", words.join(" "));
            return Err(self.error(Diagnostic::new(span, message).hint(type_name::ACCEPTED)));
        };
        let mut ty = Type { is_const, ..Type::numeric(numeric) };
        let mut pointers = 0;
        while self.accept("*") {
            pointers += 1;
            if pointers > MAX_POINTERS {
                let hint = format!("at most {MAX_POINTERS} `*` are accepted");
                return Err(self.error(Diagnostic::new(span, "too many pointers").hint(hint)));
            }
            ty = Type { is_const: self.accept_keyword("const"), ..Type::pointer(ty) };
        }
        Ok(ty)
    }
}
