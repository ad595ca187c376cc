//! The text filter of a live view.

use super::keys::Edit;

/// A text that rows must contain, in lower case.
#[derive(Debug, Default)]
pub struct Filter {
    text: String,
    typing: bool,
}

impl Filter {
    pub fn edit(&mut self, edit: Edit) {
        self.typing = !matches!(edit, Edit::Keep | Edit::Clear);
        match edit {
            Edit::Begin | Edit::Keep => {}
            Edit::Type(typed) => self.text.extend(typed.to_lowercase()),
            Edit::Erase => drop(self.text.pop()),
            Edit::Clear => self.text.clear(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the user is typing.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Whether one of the texts of a row contains the filter. `cells` is called only if there is a filter.
    pub fn matches<const N: usize>(&self, cells: impl FnOnce() -> [String; N]) -> bool {
        self.text.is_empty() || cells().iter().any(|cell| lowercase(cell).contains(&self.text))
    }
}

/// Converts each character to lower case, like the typed filter.
///
/// `str::to_lowercase` converts a final sigma differently.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
