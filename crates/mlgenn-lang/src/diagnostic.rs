//! What is wrong with code, and how it is told.

use std::fmt;

use crate::source::Source;
use crate::span::Span;

/// One mistake in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What would be accepted.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Write message, place, source line with carets, and hint.
    fn render(&self, source: &Source, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column, text) = source.locate(self.span.start);
        let (end_line, end_column, _) = source.locate(self.span.end);
        let rest = (text.chars().count() + 1).saturating_sub(column);
        let width = if end_line == line { end_column.saturating_sub(column) } else { rest };
        let carets = "^".repeat(width.max(1));
        // Tabs are kept, so that the carets line up.
        let indent: String =
            text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{margin}--> {}, line {line}, column {column}", source.name())?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {text}")?;
        write!(f, "{margin} | {indent}{carets}")?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{margin} = help: {hint}")?;
        }
        Ok(())
    }
}

/// Code that cannot be scanned, parsed or type-checked. Its text shows every [`Diagnostic`] with
/// the line of the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SnippetError {
    source_code: Box<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl SnippetError {
    /// An error if there are diagnostics.
    pub(crate) fn check(source: &Source, diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() { Ok(()) } else { Err(Self::new(source, diagnostics)) }
    }

    pub(crate) fn new(source: &Source, diagnostics: Vec<Diagnostic>) -> Self {
        Self { source_code: Box::new(source.clone()), diagnostics }
    }

    /// The code.
    pub fn code(&self) -> &Source {
        &self.source_code
    }

    /// What is wrong; at least one.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl fmt::Display for SnippetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.render(&self.source_code, f)?;
        }
        Ok(())
    }
}

/// Marks that a diagnostic has been recorded, and that there is nothing to go on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_place_and_hint() {
        let source = Source::new("Neuron group 'Y' sim code", "a = 1;\n\tb = foo + 1;\n");
        let diagnostics = vec![
            Diagnostic::new(Span::new(12, 15), "unknown name `foo`").hint("did you mean `for`?"),
            Diagnostic::new(Span::new(0, 12), "over two lines"),
        ];
        let error = SnippetError::check(&source, diagnostics).unwrap_err();
        let expected = "error: unknown name `foo`
 --> Neuron group 'Y' sim code, line 2, column 6
  |
2 | \tb = foo + 1;
  | \t    ^^^
  = help: did you mean `for`?

error: over two lines
 --> Neuron group 'Y' sim code, line 1, column 1
  |
1 | a = 1;
  | ^^^^^^";
        assert_eq!(error.to_string(), expected);
    }
}
