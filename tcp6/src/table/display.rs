//! Formats rows as an aligned text table.

use core::fmt::{self, Write};

use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::state_counts::StateCounts;

/// Writes a heading, a line per row, and a line with the number of rows in each state.
///
/// Columns are as wide as their widest cell.
pub(crate) fn write<R: Row>(rows: &[R], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let with_owner = rows.first().is_some_and(|row| row.raw_owner().is_some());
    let mut widths = Widths::default();
    for row in rows {
        widths.state = widths.state.max(width(row.state())?);
        widths.local = widths.local.max(width(row.local())?);
        widths.remote = widths.remote.max(width(Remote(row))?);
    }
    let Widths { state, local, remote } = widths;

    if with_owner {
        writeln!(f, "{:state$}  {:local$}  {:remote$}  Owner", "State", "Local", "Remote")?;
    } else {
        writeln!(f, "{:state$}  {:local$}  Remote", "State", "Local")?;
    }
    for row in rows {
        write!(f, "{:state$}  {:local$}  ", row.state(), row.local())?;
        match with_owner {
            true => writeln!(f, "{:remote$}  {}", Remote(row), row.owner())?,
            false => writeln!(f, "{}", Remote(row))?,
        }
    }
    let counts: StateCounts = rows.iter().map(Row::state).collect();
    let colon = if rows.is_empty() { "" } else { ": " };
    write!(f, "{} in all{colon}{counts}", rows.len())
}

/// The widths of the columns, in characters.
struct Widths {
    state: usize,
    local: usize,
    remote: usize,
}

impl Default for Widths {
    fn default() -> Widths {
        Widths { state: "State".len(), local: "Local".len(), remote: "Remote".len() }
    }
}

/// The remote end of a row, or `-`.
struct Remote<'a, R>(&'a R);

impl<R: Row> fmt::Display for Remote<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.remote() {
            Some(remote) => fmt::Display::fmt(&remote, f),
            None => f.pad("-"),
        }
    }
}

/// The length of a value whose text is ASCII. Allocates nothing.
fn width(value: impl fmt::Display) -> Result<usize, fmt::Error> {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    write!(count, "{value}")?;
    Ok(count.0)
}

#[cfg(test)]
mod tests {
    use crate::row::Row;
    use crate::row::class::{BasicRow, OwnerPidRow};
    use crate::row::owner::Owner;
    use crate::row::state::State;
    use crate::snapshot::Snapshot;

    #[test]
    fn aligns_columns() {
        let rows = [
            BasicRow::new(
                State::Established,
                "[fe80::1%2]:443".parse().unwrap(),
                Some("[fe80::2%2]:50000".parse().unwrap()),
            ),
            BasicRow::new(State::Listen, "[::]:22".parse().unwrap(), None),
        ];
        let snapshot: Snapshot<BasicRow> = rows.into_iter().collect();
        assert_eq!(
            snapshot.to_string(),
            "State        Local            Remote\n\
             LISTEN       [::]:22          -\n\
             ESTABLISHED  [fe80::1%2]:443  [fe80::2%2]:50000\n\
             2 in all: 1 LISTEN, 1 ESTABLISHED"
        );
        let owned: Snapshot<OwnerPidRow> = [rows[1].to_class()].into_iter().collect();
        assert_eq!(
            owned.to_string(),
            "State   Local    Remote  Owner\nLISTEN  [::]:22  -       unresolved\n1 in all: 1 LISTEN"
        );
        assert_eq!(Snapshot::<BasicRow>::new().to_string(), "State  Local  Remote\n0 in all");
    }

    #[test]
    fn aligns_owners() {
        let mut rows = [
            OwnerPidRow::new(State::Listen, "[::]:22".parse().unwrap(), None),
            OwnerPidRow::new(State::TimeWait, "[::1]:22".parse().unwrap(), Some("[::1]:50000".parse().unwrap())),
        ];
        rows[0] = rows[0].with_owner(Owner::Process(4711));
        rows[1] = rows[1].with_owner(Owner::Nobody);
        assert_eq!(
            Snapshot::from_iter(rows).to_string(),
            "State      Local     Remote       Owner\n\
             LISTEN     [::]:22   -            4711\n\
             TIME-WAIT  [::1]:22  [::1]:50000  nobody\n\
             2 in all: 1 LISTEN, 1 TIME-WAIT"
        );
        assert_eq!(Owner::Kernel.to_string(), "kernel");
    }
}
