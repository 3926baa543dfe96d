//! Expressions.

use super::Parser;
use crate::ast::{Expr, ExprKind, FloatSuffix, InfixOp, PrefixOp};
use crate::diagnostic::{Diagnostic, Reported};
use crate::token::TokenKind;
use crate::typed::{BinaryOp, CompareOp};

/// An infix operator and how tightly it binds.
fn infix(symbol: &str) -> Option<(u8, InfixOp)> {
    use InfixOp::{Arithmetic, Compare};
    Some(match symbol {
        "||" => (1, InfixOp::Or),
        "&&" => (2, InfixOp::And),
        "|" => (3, Arithmetic(BinaryOp::Or)),
        "^" => (4, Arithmetic(BinaryOp::Xor)),
        "&" => (5, Arithmetic(BinaryOp::And)),
        "==" => (6, Compare(CompareOp::Equal)),
        "!=" => (6, Compare(CompareOp::NotEqual)),
        "<" => (7, Compare(CompareOp::Less)),
        "<=" => (7, Compare(CompareOp::LessEqual)),
        ">" => (7, Compare(CompareOp::Greater)),
        ">=" => (7, Compare(CompareOp::GreaterEqual)),
        "<<" => (8, Arithmetic(BinaryOp::ShiftLeft)),
        ">>" => (8, Arithmetic(BinaryOp::ShiftRight)),
        "+" => (9, Arithmetic(BinaryOp::Add)),
        "-" => (9, Arithmetic(BinaryOp::Subtract)),
        "*" => (10, Arithmetic(BinaryOp::Multiply)),
        "/" => (10, Arithmetic(BinaryOp::Divide)),
        "%" => (10, Arithmetic(BinaryOp::Remainder)),
        _ => return None,
    })
}

/// An assignment operator: `None` for `=`.
fn assign_op(symbol: &str) -> Option<Option<BinaryOp>> {
    Some(match symbol {
        "=" => None,
        "+=" => Some(BinaryOp::Add),
        "-=" => Some(BinaryOp::Subtract),
        "*=" => Some(BinaryOp::Multiply),
        "/=" => Some(BinaryOp::Divide),
        "%=" => Some(BinaryOp::Remainder),
        "&=" => Some(BinaryOp::And),
        "|=" => Some(BinaryOp::Or),
        "^=" => Some(BinaryOp::Xor),
        "<<=" => Some(BinaryOp::ShiftLeft),
        ">>=" => Some(BinaryOp::ShiftRight),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr, Reported> {
        let mut left = self.assignment()?;
        while self.accept(",") {
            let right = self.assignment()?;
            let span = left.span.to(right.span);
            left = self.node(span, ExprKind::Comma(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    pub(super) fn assignment(&mut self) -> Result<Expr, Reported> {
        self.nested(|parser| {
            let target = parser.conditional()?;
            let TokenKind::Punctuation(symbol) = parser.peek() else { return Ok(target) };
            let Some(op) = assign_op(symbol) else { return Ok(target) };
            parser.check_assignable(&target)?;
            parser.advance();
            let value = parser.assignment()?;
            let span = target.span.to(value.span);
            let kind = ExprKind::Assign { target: Box::new(target), op, value: Box::new(value) };
            parser.node(span, kind)
        })
    }

    fn check_assignable(&mut self, target: &Expr) -> Result<(), Reported> {
        match target.kind {
            ExprKind::Name(_) | ExprKind::Index(..) | ExprKind::Unary(PrefixOp::Dereference, _) => {
                Ok(())
            }
            _ => {
                let hint = "a name, `name[i]` or `*pointer` can be assigned to";
                let message = "this expression cannot be assigned to";
                Err(self.error(Diagnostic::new(target.span, message).hint(hint)))
            }
        }
    }

    pub(super) fn conditional(&mut self) -> Result<Expr, Reported> {
        let condition = self.infix(1)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        self.nested(|parser| {
            let then = parser.expression()?;
            parser.expect(":", "between the two values of `?`")?;
            let otherwise = parser.conditional()?;
            let span = condition.span.to(otherwise.span);
            let kind = ExprKind::Conditional {
                condition: Box::new(condition),
                then: Box::new(then),
                otherwise: Box::new(otherwise),
            };
            parser.node(span, kind)
        })
    }

    /// Operators that bind at least as tightly as `level`, grouped from the left.
    fn infix(&mut self, level: u8) -> Result<Expr, Reported> {
        let mut left = self.prefix()?;
        while let TokenKind::Punctuation(symbol) = self.peek()
            && let Some((binding, op)) = infix(symbol)
            && binding >= level
        {
            self.advance();
            let right = self.infix(binding + 1)?;
            let span = left.span.to(right.span);
            left = self.node(span, ExprKind::Infix(op, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    /// Casts and prefix operators.
    fn prefix(&mut self) -> Result<Expr, Reported> {
        self.nested(|parser| {
            let start = parser.token(0).span;
            let TokenKind::Punctuation(symbol) = parser.peek() else { return parser.postfix() };
            let op = match symbol {
                "+" => PrefixOp::Plus,
                "-" => PrefixOp::Minus,
                "~" => PrefixOp::Complement,
                "!" => PrefixOp::Not,
                "*" => PrefixOp::Dereference,
                "++" | "--" => {
                    parser.advance();
                    let operand = parser.prefix()?;
                    return parser.increment(start.to(operand.span), operand, symbol, true);
                }
                "(" if parser.at_type(1) => {
                    parser.advance();
                    let ty = parser.type_name()?;
                    parser.expect(")", "after the type of a cast")?;
                    let operand = parser.prefix()?;
                    let span = start.to(operand.span);
                    return parser.node(span, ExprKind::Cast(ty, Box::new(operand)));
                }
                _ => return parser.postfix(),
            };
            parser.advance();
            let operand = parser.prefix()?;
            let span = start.to(operand.span);
            parser.node(span, ExprKind::Unary(op, Box::new(operand)))
        })
    }

    fn increment(
        &mut self,
        span: crate::span::Span,
        operand: Expr,
        symbol: &str,
        prefix: bool,
    ) -> Result<Expr, Reported> {
        self.check_assignable(&operand)?;
        let up = symbol == "++";
        self.node(span, ExprKind::Increment { operand: Box::new(operand), up, prefix })
    }

    fn postfix(&mut self) -> Result<Expr, Reported> {
        let mut operand = self.primary()?;
        loop {
            let TokenKind::Punctuation(symbol) = self.peek() else { return Ok(operand) };
            let start = operand.span;
            operand = match symbol {
                "(" => {
                    self.advance();
                    let arguments = self.arguments()?;
                    let end = self.expect(")", "after the arguments")?;
                    self.node(start.to(end.span), ExprKind::Call(Box::new(operand), arguments))?
                }
                "[" => {
                    self.advance();
                    let index = self.expression()?;
                    let end = self.expect("]", "after the index")?;
                    let kind = ExprKind::Index(Box::new(operand), Box::new(index));
                    self.node(start.to(end.span), kind)?
                }
                "++" | "--" => {
                    let end = self.advance();
                    self.increment(start.to(end.span), operand, symbol, false)?
                }
                _ => return Ok(operand),
            };
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Reported> {
        let mut arguments = Vec::new();
        if self.is_punctuation(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.assignment()?);
            if !self.accept(",") {
                return Ok(arguments);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Reported> {
        let token = self.token(0);
        let text = self.text_of(token.span);
        let kind = match token.kind {
            TokenKind::Identifier => ExprKind::Name(text.to_owned()),
            TokenKind::Keyword("true") => ExprKind::Bool(true),
            TokenKind::Keyword("false") => ExprKind::Bool(false),
            TokenKind::String => ExprKind::String(unescape(text.trim_matches('"'))),
            TokenKind::Integer => match integer(text) {
                Ok(literal) => literal,
                Err(hint) => {
                    let message = format!("`{text}` is too large");
                    return Err(self.error(Diagnostic::new(token.span, message).hint(hint)));
                }
            },
            TokenKind::Float => float(text),
            TokenKind::Punctuation("(") => {
                self.advance();
                let mut inner = self.expression()?;
                let close = self.expect(")", "after the expression")?;
                inner.span = token.span.to(close.span);
                return Ok(inner);
            }
            _ => return Err(self.unexpected("an expression")),
        };
        self.advance();
        self.node(token.span, kind)
    }
}

/// The value of an integer literal, or what to write instead.
fn integer(text: &str) -> Result<ExprKind, &'static str> {
    let digits = text.trim_end_matches(['u', 'U']);
    let is_unsigned = digits.len() < text.len();
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    let value = value.map_err(
        |_| "integer literals have 32 bits; compose larger ones as `((uint64_t)high << 32) | low`",
    )?;
    if !is_unsigned && value > i32::MAX as u32 {
        return Err("literals without `u` are of type int, up to 2147483647; add `u`");
    }
    Ok(ExprKind::Integer { value, is_unsigned })
}

fn float(text: &str) -> ExprKind {
    let digits = text.trim_end_matches(['f', 'F', 'd', 'D']);
    let suffix = match text.as_bytes().last() {
        Some(b'f' | b'F') => Some(FloatSuffix::Float),
        Some(b'd' | b'D') => Some(FloatSuffix::Double),
        _ => None,
    };
    ExprKind::Float { digits: digits.to_owned(), suffix }
}

/// Replace the escape sequences of C that `printf` formats use.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('\\') | None => result.push('\\'),
            Some(other) => result.extend(['\\', other]),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        assert_eq!(integer("0xFFu"), Ok(ExprKind::Integer { value: 255, is_unsigned: true }));
        assert_eq!(integer("0x7fffffff").map(|_| ()), Ok(()));
        assert_eq!(integer("4294967295u").map(|_| ()), Ok(()));
        assert!(integer("4294967295").is_err());
        assert!(integer("99999999999999999999u").is_err());
        let expected =
            ExprKind::Float { digits: "1e-3".to_owned(), suffix: Some(FloatSuffix::Double) };
        assert_eq!(float("1e-3d"), expected);
        assert_eq!(unescape(r"a\n\\b\q"), "a\n\\b\\q");
    }
}
