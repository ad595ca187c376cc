//! The column widths of the live view.

use crate::columns::{shrink, shrink_both};

/// The line width below which a state change shows only the new state.
const WIDE: usize = 100;

/// The widths of the widest common state change and of the widest new state.
const STATE_CHANGE: usize = "SYN-RECEIVED -> ESTABLISHED".len();
const NEW_STATE: usize = "-> SYN-RECEIVED".len();

/// Minimum column widths: a truncated owner keeps its process ID, a truncated endpoint its port.
const MIN_OWNER: usize = 8;
const MIN_ENDPOINT: usize = 14;
const MIN_STATE: usize = "ESTABLISHED".len();

/// The widths of the columns after the sign, which has width 1. A column of width 0 is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Widths {
    pub state: usize,
    pub local: usize,
    pub remote: usize,
    pub owner: usize,
    pub age: usize,
}

impl Widths {
    /// The larger of both widths for each column.
    pub fn max(self, other: Widths) -> Widths {
        Widths {
            state: self.state.max(other.state),
            local: self.local.max(other.local),
            remote: self.remote.max(other.remote),
            owner: self.owner.max(other.owner),
            age: self.age.max(other.age),
        }
    }

    /// Reduces the widths to a line of `max_width`.
    ///
    /// Long states and owners shrink first, then the age is hidden. Endpoints shrink last.
    pub fn fit(mut self, max_width: usize) -> Widths {
        let change = if max_width < WIDE { NEW_STATE } else { STATE_CHANGE };
        // Reserved even without a change, so that a change does not move the columns.
        self.state = if max_width < WIDE { self.state.clamp(0, change).max(MIN_STATE) } else { self.state.max(change) };

        let mut excess = self.total().saturating_sub(max_width);
        shrink(&mut self.state, NEW_STATE, &mut excess);
        shrink(&mut self.owner, MIN_OWNER, &mut excess);
        if excess > 0 {
            self.age = 0;
        }
        excess = self.total().saturating_sub(max_width);
        shrink_both(&mut self.local, &mut self.remote, MIN_ENDPOINT, &mut excess);
        if excess > 0 {
            self.owner = 0;
        }
        excess = self.total().saturating_sub(max_width);
        shrink(&mut self.state, MIN_STATE, &mut excess);
        shrink_both(&mut self.local, &mut self.remote, 0, &mut excess);
        shrink(&mut self.state, 0, &mut excess);
        self
    }

    /// The width of a line: the sign, and a space and the text for each column.
    pub fn total(self) -> usize {
        let columns = [self.state, self.local, self.remote, self.owner, self.age];
        1 + columns.iter().filter(|width| **width > 0).map(|width| 1 + width).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Widths = Widths { state: 11, local: 11, remote: 11, owner: 10, age: 6 };
    const GLOBAL: Widths = Widths { state: 11, local: 46, remote: 46, owner: 24, age: 6 };

    #[test]
    fn columns_fit_their_content_if_the_line_is_wide_enough() {
        assert_eq!(LOOPBACK.fit(80), LOOPBACK);
        assert_eq!(LOOPBACK.fit(200), Widths { state: STATE_CHANGE, ..LOOPBACK });
        assert_eq!(GLOBAL.fit(200), Widths { state: STATE_CHANGE, ..GLOBAL });
    }

    #[test]
    fn endpoints_are_truncated_last() {
        assert_eq!(LOOPBACK.fit(50), Widths { owner: 8, age: 0, ..LOOPBACK });
        assert_eq!(GLOBAL.fit(140), Widths { state: NEW_STATE, owner: 21, ..GLOBAL });
        assert_eq!(GLOBAL.fit(80), Widths { state: 11, local: 28, remote: 28, owner: 8, age: 0 });
        assert_eq!(LOOPBACK.fit(40), Widths { owner: 0, age: 0, ..LOOPBACK });
    }

    #[test]
    fn lines_never_exceed_the_maximum_width() {
        for widths in [LOOPBACK, GLOBAL, Widths { state: 27, ..GLOBAL }, Widths::default()] {
            for max_width in 4..300 {
                assert!(widths.fit(max_width).total() <= max_width, "{max_width}: {widths:?}");
            }
        }
    }
}
