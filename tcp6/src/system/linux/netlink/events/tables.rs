//! The sockets of the last table and of the new one.

use super::listed::Listed;

#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The sockets of the last accepted table; `None` before the first one.
    pub(super) baseline: Option<Vec<Listed>>,
    pub(super) current: Vec<Listed>,
    /// The number of equal sockets at the start of both tables.
    common: usize,
}

impl Tables {
    /// Finds the sockets that are equal at the start of both tables, which need no look-up.
    pub(super) fn compare(&mut self) {
        let before = self.baseline.iter().flatten();
        self.common = before.zip(&self.current).take_while(|(before, after)| before == after).count();
    }

    pub(super) fn is_first(&self) -> bool {
        self.baseline.is_none()
    }

    /// The sockets of the last table after the equal ones.
    pub(super) fn before(&self) -> &[Listed] {
        self.baseline.as_deref().map_or(&[], |baseline| &baseline[self.common..])
    }

    /// The sockets of the new table after the equal ones.
    pub(super) fn after(&self) -> &[Listed] {
        &self.current[self.common..]
    }

    pub(super) fn equal(&self) -> &[Listed] {
        &self.current[..self.common]
    }

    /// Makes the new table the last one.
    pub(super) fn accept(&mut self) {
        core::mem::swap(self.baseline.get_or_insert_with(Vec::new), &mut self.current);
        self.common = 0;
    }
}
