//! The widths of the columns of the live view.

use crate::columns::{shrink, shrink_both};

/// Below this width a change of state is shown by the new state alone.
const WIDE: usize = 100;

/// The widest of the usual changes, and the widest new state of one.
const STATE_CHANGE: usize = "SYN-RECEIVED -> ESTABLISHED".len();
const NEW_STATE: usize = "-> SYN-RECEIVED".len();

/// A cut owner keeps its process id, a cut end its port.
const LEAST_OWNER: usize = 8;
const LEAST_END: usize = 14;
const LEAST_STATE: usize = "ESTABLISHED".len();

/// The columns of the live view after the sign, which takes one column: their content's widths, or the widths that fit.
/// A column of width 0 is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Widths {
    pub state: usize,
    pub local: usize,
    pub remote: usize,
    pub owner: usize,
    pub age: usize,
}

impl Widths {
    /// The wider of both, for each column.
    pub fn max(self, other: Widths) -> Widths {
        Widths {
            state: self.state.max(other.state),
            local: self.local.max(other.local),
            remote: self.remote.max(other.remote),
            owner: self.owner.max(other.owner),
            age: self.age.max(other.age),
        }
    }

    /// The widths in a line of `room` columns. Long states and owners and the age give way first, addresses last.
    pub fn fit(mut self, room: usize) -> Widths {
        let change = if room < WIDE { NEW_STATE } else { STATE_CHANGE };
        // Reserved, because states change all the time and the columns should stand still.
        self.state = if room < WIDE { self.state.clamp(0, change).max(LEAST_STATE) } else { self.state.max(change) };

        let mut excess = self.total().saturating_sub(room);
        shrink(&mut self.state, NEW_STATE, &mut excess);
        shrink(&mut self.owner, LEAST_OWNER, &mut excess);
        if excess > 0 {
            self.age = 0;
        }
        excess = self.total().saturating_sub(room);
        shrink_both(&mut self.local, &mut self.remote, LEAST_END, &mut excess);
        if excess > 0 {
            self.owner = 0;
        }
        excess = self.total().saturating_sub(room);
        shrink(&mut self.state, LEAST_STATE, &mut excess);
        shrink_both(&mut self.local, &mut self.remote, 0, &mut excess);
        shrink(&mut self.state, 0, &mut excess);
        self
    }

    /// The width of a line: the sign, and each column after a gap.
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
    fn columns_have_the_width_of_their_content_where_they_fit() {
        assert_eq!(LOOPBACK.fit(80), LOOPBACK);
        assert_eq!(LOOPBACK.fit(200), Widths { state: STATE_CHANGE, ..LOOPBACK });
        assert_eq!(GLOBAL.fit(200), Widths { state: STATE_CHANGE, ..GLOBAL });
    }

    #[test]
    fn addresses_are_cut_last() {
        assert_eq!(LOOPBACK.fit(50), Widths { owner: 8, age: 0, ..LOOPBACK });
        assert_eq!(GLOBAL.fit(140), Widths { state: NEW_STATE, owner: 21, ..GLOBAL });
        assert_eq!(GLOBAL.fit(80), Widths { state: 11, local: 28, remote: 28, owner: 8, age: 0 });
        assert_eq!(LOOPBACK.fit(40), Widths { owner: 0, age: 0, ..LOOPBACK });
    }

    #[test]
    fn no_line_is_longer_than_the_room() {
        for widths in [LOOPBACK, GLOBAL, Widths { state: 27, ..GLOBAL }, Widths::default()] {
            for room in 4..300 {
                assert!(widths.fit(room).total() <= room, "{room}: {widths:?}");
            }
        }
    }
}
