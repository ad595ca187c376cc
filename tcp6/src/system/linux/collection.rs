//! The guard of statistics that Linux collects anyway.

/// Statistics of a connection, which Linux always collects.
#[derive(Debug)]
pub(crate) struct Collection;

impl Collection {
    pub(in crate::system) fn leave(self) {}
}

/// Does nothing.
///
/// It exists so that a program for both systems can drop the guard explicitly without a lint.
impl Drop for Collection {
    fn drop(&mut self) {}
}
