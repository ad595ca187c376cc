//! The guard of statistics that are collected.

#[cfg(target_os = "linux")]
use crate::system::linux::Collection;
#[cfg(not(any(windows, target_os = "linux")))]
use crate::system::unsupported::Collection;
#[cfg(windows)]
use crate::system::windows::Collection;

/// Statistics of one connection that the system collects.
///
/// From [`System::collect`](crate::System::collect).
///
/// On Windows, dropping it disables the types of statistics that the call enabled, and no others. Nothing reports
/// whether that succeeds: it fails if the connection is gone. On other systems it does nothing.
#[derive(Debug)]
#[must_use = "the system stops collecting when this is dropped"]
pub struct StatsCollection {
    collection: Collection,
}

impl StatsCollection {
    pub(super) fn new(collection: Collection) -> StatsCollection {
        StatsCollection { collection }
    }

    /// Lets the system collect until the connection closes.
    ///
    /// This serves other programs that may rely on it by now.
    pub fn leave(self) {
        self.collection.leave();
    }
}
