//! Statements and declarations.

use super::{MAX_DIAGNOSTICS, Parser};
use crate::ast::{Declarator, Expr, Statement, StatementKind};
use crate::diagnostic::{Diagnostic, Reported};
use crate::token::TokenKind;

const LABELS_NOTHING: &str = "a label stands before a statement; write at least `;` or `break;`";

impl Parser<'_> {
    /// All statements of a slot, going on after mistakes.
    pub(super) fn slot(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.items(&mut statements);
            if self.peek() == TokenKind::End || self.diagnostics.len() >= MAX_DIAGNOSTICS {
                return statements;
            }
            let span = self.advance().span;
            self.error(Diagnostic::new(span, "this `}` has no matching `{`"));
        }
    }

    /// Statements and declarations up to `}` or the end.
    fn items(&mut self, statements: &mut Vec<Statement>) {
        let mut after_label = false;
        while !matches!(self.peek(), TokenKind::End | TokenKind::Punctuation("}")) {
            let start = self.position;
            let item = if self.at_type(0) && after_label {
                let span = self.token(0).span;
                let message = "a declaration may not follow a label";
                Err(self.error(Diagnostic::new(span, message).hint("put it in braces")))
            } else if self.at_type(0) {
                self.declaration()
            } else {
                self.statement()
            };
            match item {
                Ok(item) => {
                    after_label =
                        matches!(item.kind, StatementKind::Case(_) | StatementKind::Default);
                    statements.push(item);
                }
                Err(Reported) if self.diagnostics.len() >= MAX_DIAGNOSTICS => return,
                Err(Reported) => {
                    after_label = false;
                    self.recover(start);
                }
            }
        }
        if after_label {
            let span = self.token(0).span;
            self.error(Diagnostic::new(span, "expected a statement").hint(LABELS_NOTHING));
        }
    }

    /// Skip to where a statement may begin, beyond the token at `start`.
    fn recover(&mut self, start: usize) {
        if self.position == start {
            self.advance();
        }
        loop {
            match self.peek() {
                TokenKind::End | TokenKind::Punctuation("}") => return,
                TokenKind::Keyword("const" | "true" | "false" | "else") => {}
                TokenKind::Keyword(_) => return,
                TokenKind::Punctuation(";") => {
                    self.advance();
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn declaration(&mut self) -> Result<Statement, Reported> {
        let start = self.token(0).span;
        let ty = self.type_name()?;
        let mut declarators = Vec::new();
        loop {
            if self.peek() != TokenKind::Identifier {
                return Err(self.unexpected("the name of a variable after its type"));
            }
            let span = self.advance().span;
            let name = self.text_of(span).to_owned();
            if self.is_punctuation("[") {
                let span = self.token(0).span;
                let hint = "use an extra global parameter for an array";
                let message = "arrays cannot be declared in code";
                return Err(self.error(Diagnostic::new(span, message).hint(hint)));
            }
            let init = if self.accept("=") { Some(self.assignment()?) } else { None };
            declarators.push(Declarator { span, name, init });
            if !self.accept(",") {
                break;
            }
        }
        let end = self.expect(";", "after the declaration")?;
        Ok(Statement { span: start.to(end.span), kind: StatementKind::Declare(ty, declarators) })
    }

    /// A statement that is the body of another: neither declaration nor label.
    fn body(&mut self) -> Result<Box<Statement>, Reported> {
        let span = self.token(0).span;
        if self.at_type(0) {
            let message = "a declaration may not stand here on its own";
            return Err(self.error(Diagnostic::new(span, message).hint("put it in braces")));
        }
        if matches!(self.peek(), TokenKind::Keyword("case" | "default")) {
            let message = "a label may not stand here";
            let hint = "labels stand directly between the braces of a `switch`";
            return Err(self.error(Diagnostic::new(span, message).hint(hint)));
        }
        Ok(Box::new(self.statement()?))
    }

    fn statement(&mut self) -> Result<Statement, Reported> {
        self.nested(|parser| {
            let start = parser.token(0).span;
            let kind = match parser.peek() {
                TokenKind::Punctuation("{") => StatementKind::Block(parser.braces("`{`")?),
                TokenKind::Punctuation(";") => {
                    parser.advance();
                    StatementKind::Empty
                }
                TokenKind::Keyword("true" | "false") => parser.expression_statement()?,
                TokenKind::Keyword(keyword) => parser.keyword_statement(keyword)?,
                _ => parser.expression_statement()?,
            };
            let end = parser.tokens[parser.position.saturating_sub(1)].span;
            Ok(Statement { span: start.to(end), kind })
        })
    }

    fn expression_statement(&mut self) -> Result<StatementKind, Reported> {
        let word = self.text_of(self.token(0).span);
        let before = self.diagnostics.len();
        let result = self.expression().and_then(|expression| {
            self.expect(";", "after the expression")?;
            Ok(StatementKind::Expression(expression))
        });
        // Words of C that are no words here deserve a better hint than "expected `;`".
        if result.is_err()
            && let Some(hint) = foreign_word(word)
            && let Some(diagnostic) = self.diagnostics.get_mut(before)
        {
            diagnostic.hint = Some(hint.to_owned());
        }
        result
    }

    fn braces(&mut self, what: &str) -> Result<Vec<Statement>, Reported> {
        let open = self.expect("{", &format!("({what})"))?;
        let mut statements = Vec::new();
        self.items(&mut statements);
        if self.accept("}") {
            return Ok(statements);
        }
        Err(self.error(
            Diagnostic::new(open.span, "this `{` is never closed").hint("add the missing `}`"),
        ))
    }

    fn parenthesised(&mut self, keyword: &str) -> Result<Expr, Reported> {
        self.expect("(", &format!("after `{keyword}`"))?;
        let expression = self.expression()?;
        self.expect(")", &format!("after the expression of `{keyword}`"))?;
        Ok(expression)
    }

    fn keyword_statement(&mut self, keyword: &'static str) -> Result<StatementKind, Reported> {
        let span = self.advance().span;
        Ok(match keyword {
            "if" => {
                let condition = self.parenthesised(keyword)?;
                let then = self.body()?;
                let otherwise = if self.accept_keyword("else") { Some(self.body()?) } else { None };
                StatementKind::If { condition, then, otherwise }
            }
            "switch" => {
                let value = self.parenthesised(keyword)?;
                StatementKind::Switch { value, body: self.braces("the body of `switch`")? }
            }
            "case" => {
                let value = self.conditional()?;
                self.expect(":", "after the value of `case`")?;
                StatementKind::Case(value)
            }
            "default" => {
                self.expect(":", "after `default`")?;
                StatementKind::Default
            }
            "while" => {
                let condition = self.parenthesised(keyword)?;
                StatementKind::While { condition, body: self.body()?, test_first: true }
            }
            "do" => {
                let body = self.body()?;
                if !self.accept_keyword("while") {
                    return Err(self.unexpected("`while` after the body of `do`"));
                }
                let condition = self.parenthesised("while")?;
                self.expect(";", "after `do … while (…)`")?;
                StatementKind::While { condition, body, test_first: false }
            }
            "for" => self.for_loop()?,
            "for_each_synapse" => StatementKind::ForEachSynapse(self.body()?),
            "break" => {
                self.expect(";", "after `break`")?;
                StatementKind::Break
            }
            "continue" => {
                self.expect(";", "after `continue`")?;
                StatementKind::Continue
            }
            _ => {
                let message = format!("`{keyword}` cannot begin a statement");
                let diagnostic = Diagnostic::new(span, message);
                return Err(self.error(match keyword {
                    "else" => diagnostic.hint("`else` follows the single statement of an `if`"),
                    _ => diagnostic,
                }));
            }
        })
    }

    fn for_loop(&mut self) -> Result<StatementKind, Reported> {
        self.expect("(", "after `for`")?;
        let init = if self.accept(";") {
            None
        } else if self.at_type(0) {
            Some(Box::new(self.declaration()?))
        } else {
            let start = self.token(0).span;
            let kind = StatementKind::Expression(self.expression()?);
            let end = self.expect(";", "after the first part of `for`")?;
            Some(Box::new(Statement { span: start.to(end.span), kind }))
        };
        let condition = if self.is_punctuation(";") { None } else { Some(self.expression()?) };
        self.expect(";", "after the condition of `for`")?;
        let step = if self.is_punctuation(")") { None } else { Some(self.expression()?) };
        self.expect(")", "after the last part of `for`")?;
        Ok(StatementKind::For { init, condition, step, body: self.body()? })
    }
}

/// What to use in place of a word of C or C++ that the language lacks.
fn foreign_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "return" | "goto" => "there is no `return` or `goto`; use `if` and `else`",
        "auto" => "write the type, such as `scalar` or `int`",
        "static" => "there is no `static`; what outlives a timestep is a variable of the model",
        "void" => "a variable needs a type such as `scalar` or `int`",
        "struct" | "enum" | "union" | "typedef" => "there are only numbers and pointers",
        _ => return None,
    })
}
