//! Lines of the text form, word by word.

use crate::kernel::Value;
use crate::types::Type;

/// Numbers of values beyond this are refused: the table of types has an entry for each below.
const MAX_VALUES: u32 = 1 << 20;

/// A word, a punctuation mark, or a string.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Mark(char),
    Text(String),
}

pub(super) fn tokens(line: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            break;
        }
        let length = if first == '"' {
            let (text, length) =
                string(rest).ok_or("the string does not end or has an unknown escape")?;
            tokens.push(Token::Text(text));
            length
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        } else if ",:={}".contains(first) {
            tokens.push(Token::Mark(first));
            1
        } else {
            return Err(format!("{first:?} has no meaning here"));
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_%.+-".contains(c)
}

/// A string literal with the escapes of Rust's debug format, and its length.
fn string(text: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((out, index + 1)),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '0' => out.push('\0'),
                'u' => {
                    let rest = &text[chars.next().filter(|&(_, c)| c == '{')?.0 + 1..];
                    let digits = &rest[..rest.find('}')?];
                    out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    chars.nth(digits.chars().count())?;
                }
                c @ ('"' | '\'' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}

/// The tokens of a line that are still to be read.
pub(super) struct Line {
    pub(super) tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

pub(super) type Result<T, E = String> = std::result::Result<T, E>;

impl Line {
    pub(super) fn word(&mut self) -> Result<String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("expected a word, not {}", describe(other.as_ref()))),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(text),
            other => Err(format!("expected a string, not {}", describe(other.as_ref()))),
        }
    }

    pub(super) fn expect(&mut self, token: &Token) -> Result<()> {
        let found = self.tokens.next();
        if found.as_ref() == Some(token) {
            return Ok(());
        }
        let found = describe(found.as_ref());
        Err(format!("expected {}, not {found}", describe(Some(token))))
    }

    pub(super) fn mark(&mut self, mark: char) -> Result<()> {
        self.expect(&Token::Mark(mark))
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<()> {
        self.expect(&Token::Word(word.to_owned()))
    }

    pub(super) fn accept(&mut self, token: &Token) -> bool {
        self.tokens.next_if(|found| found == token).is_some()
    }

    pub(super) fn ty(&mut self) -> Result<Type> {
        let word = self.word()?;
        let found = Type::ALL.into_iter().find(|ty| ty.name() == word);
        found.ok_or_else(|| format!("{word:?} is not a type"))
    }

    pub(super) fn value(&mut self) -> Result<Value> {
        let word = self.word()?;
        let number = word.strip_prefix('%').and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if number < MAX_VALUES => Ok(Value(number)),
            _ => Err(format!("{word:?} is not a value such as %0")),
        }
    }

    pub(super) fn is_value(&mut self) -> bool {
        matches!(self.tokens.peek(), Some(Token::Word(word)) if word.starts_with('%'))
    }

    /// Values between commas, perhaps none.
    pub(super) fn values(&mut self) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        if self.is_value() {
            values.push(self.value()?);
            while self.accept(&Token::Mark(',')) {
                values.push(self.value()?);
            }
        }
        Ok(values)
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match self.tokens.next() {
            None => Ok(()),
            other => Err(format!("expected the end of the line, not {}", describe(other.as_ref()))),
        }
    }
}

fn describe(token: Option<&Token>) -> String {
    match token {
        None => "the end of the line".to_owned(),
        Some(Token::Word(word)) => format!("{word:?}"),
        Some(Token::Mark(mark)) => format!("\"{mark}\""),
        Some(Token::Text(text)) => format!("the string {text:?}"),
    }
}
