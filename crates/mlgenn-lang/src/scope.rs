//! The local variables of a checker and the scopes in which their names are visible.

use std::collections::HashMap;

use crate::typed::{Local, LocalId};

/// Locals and nested scopes; the outermost scope stays open between slots.
#[derive(Debug)]
pub(crate) struct Scopes {
    locals: Vec<Local>,
    names: Vec<HashMap<String, LocalId>>,
}

impl Scopes {
    pub(crate) fn new() -> Self {
        Self { locals: Vec::new(), names: vec![HashMap::new()] }
    }

    /// All locals ever declared.
    pub(crate) fn locals(&self) -> &[Local] {
        &self.locals
    }

    pub(crate) fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.0]
    }

    pub(crate) fn enter(&mut self) {
        self.names.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.names.pop();
    }

    /// Introduce a local in the innermost scope, and say whether its name was free there.
    pub(crate) fn declare(&mut self, local: Local) -> (LocalId, bool) {
        let id = LocalId(self.locals.len());
        let previous = self.names.last_mut().and_then(|names| names.insert(local.name.clone(), id));
        self.locals.push(local);
        (id, previous.is_none())
    }

    /// The innermost local of that name.
    pub(crate) fn find(&self, name: &str) -> Option<LocalId> {
        self.names.iter().rev().find_map(|names| names.get(name)).copied()
    }

    /// The names that are visible.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().rev().flat_map(|names| names.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NumericType, Type};

    #[test]
    fn inner_scopes_shadow() {
        let local = || Local { name: "k".to_owned(), ty: Type::numeric(NumericType::Int32) };
        let mut scopes = Scopes::new();
        let (outer, fresh) = scopes.declare(local());
        assert!(fresh);
        scopes.enter();
        let (inner, fresh) = scopes.declare(local());
        assert!(fresh);
        assert!(!scopes.declare(local()).1);
        assert_ne!(scopes.find("k"), Some(outer));
        assert_ne!(inner, outer);
        scopes.leave();
        assert_eq!(scopes.find("k"), Some(outer));
        assert_eq!(scopes.find("j"), None);
    }
}
