//! The text of one slot of model code, with a name for messages.

/// The code of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Code with the name by which messages refer to it, such as `Neuron group 'Y' sim code`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The code.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both counted from 1, and the text of that line. Columns count
    /// characters. Positions past the end or inside of a character are moved back to the nearest one.
    pub(crate) fn locate(&self, byte: usize) -> (usize, usize, &str) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let (before, after) = self.text.split_at(byte);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after.find('\n').map_or(self.text.len(), |newline| byte + newline);
        let line = before.matches('\n').count() + 1;
        let column = self.text[start..byte].chars().count() + 1;
        (line, column, self.text[start..end].trim_end_matches('\r'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locates_lines_and_columns() {
        let source = Source::new("slot", "a = 1;\r\n  µb = 2;\n");
        assert_eq!(source.locate(0), (1, 1, "a = 1;"));
        assert_eq!(source.locate(10), (2, 3, "  µb = 2;"));
        assert_eq!(source.locate(11), (2, 3, "  µb = 2;"));
        assert_eq!(source.locate(12), (2, 4, "  µb = 2;"));
        assert_eq!(source.locate(99), (3, 1, ""));
    }
}
