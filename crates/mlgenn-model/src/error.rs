//! What can be wrong with a description of a network.

use mlgenn_ir::lower::LowerError;
use mlgenn_lang::SnippetError;

/// An error in the description of a network.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Model code that cannot be scanned, parsed or type-checked.
    #[error(transparent)]
    Snippet(#[from] SnippetError),
    /// Model code that uses something which its slot cannot offer.
    #[error("{context}: {source}")]
    Lower {
        /// Which slot of which object.
        context: String,
        /// What is wrong.
        source: LowerError,
    },
    /// A name that is not an identifier, or not unique.
    #[error("{context}: {name:?} {problem}")]
    Name {
        /// Which object.
        context: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that belongs to nothing.
    #[error("{context}: there is no {what} named {name:?}{}", list(available))]
    Unknown {
        /// Which object.
        context: String,
        /// What kind of thing was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// Names that exist.
        available: Vec<String>,
    },
    /// A value, size or combination that is not allowed.
    #[error("{context}: {problem}")]
    Invalid {
        /// Which object.
        context: String,
        /// What is wrong, and what is accepted.
        problem: String,
    },
    /// Something legal that this version cannot do.
    #[error("{context}: {what} is not supported; supported: {supported}")]
    Unsupported {
        /// Which object.
        context: String,
        /// What was asked for.
        what: String,
        /// What is possible instead.
        supported: String,
    },
}

impl ModelError {
    pub(crate) fn invalid(context: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { context: context.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(
        context: impl Into<String>,
        what: impl Into<String>,
        supported: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            context: context.into(),
            what: what.into(),
            supported: supported.into(),
        }
    }

    pub(crate) fn unknown<'a>(
        context: impl Into<String>,
        what: &'static str,
        name: impl Into<String>,
        available: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::Unknown {
            context: context.into(),
            what,
            name: name.into(),
            available: available.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn list(available: &[String]) -> String {
    if available.is_empty() {
        String::new()
    } else {
        format!("; there are: {}", available.join(", "))
    }
}
