//! Sockets that are only bound, from InternalGetBoundTcp6EndpointTable.
//!
//! No function that Microsoft documents lists them. System Informer and `netstat -q` call this one. It returns a table
//! in the layout of MIB_TCP6TABLE2, in memory that it allocates.
//!
//! Like [`retry`](super::retry), this module receives what the call returned, so that every system can test it. Codes
//! other than NO_ERROR are not documented:
//!
//! | code | taken as |
//! |---|---|
//! | ERROR_NO_DATA (232) | an empty table, as from the other functions |
//! | ERROR_NOT_SUPPORTED (50), ERROR_CALL_NOT_IMPLEMENTED (120) | the system does not list such sockets |
#![cfg_attr(not(windows), allow(dead_code))]

use std::io;

use tcp6_sys::{ERROR_CALL_NOT_IMPLEMENTED, ERROR_NO_DATA, ERROR_NOT_SUPPORTED, NO_ERROR};

use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::OffloadRow;
use crate::row::layout::RawRow;
use crate::row::state::State;
use crate::table::buffer::Buffer;
use crate::table::layout;

/// The name of the function, for errors.
const NAME: &str = "InternalGetBoundTcp6EndpointTable";

/// Appends the sockets that are only bound to the table in the buffer.
///
/// `code` is that of the function. `table` is the memory that it allocated, or empty if it allocated none. If the table
/// in the buffer has such sockets too, they are replaced, so that each is listed once.
///
/// # Errors
///
/// * [`Error::NotSupported`] if the function reports that the system has no such table.
/// * [`Error::Malformed`] if the memory is not a table.
/// * [`Error::OutOfMemory`] if the buffer cannot grow.
/// * [`Error::Os`] for another code.
pub(super) fn append<R: Row>(code: u32, table: &[u8], buffer: &mut Buffer) -> Result<()> {
    let bound: &[OffloadRow] = match code {
        NO_ERROR if table.is_empty() => return Err(Malformed::NotWritten { call: NAME }.into()),
        NO_ERROR => layout::rows(table)?,
        ERROR_NO_DATA => &[],
        ERROR_NOT_SUPPORTED | ERROR_CALL_NOT_IMPLEMENTED => return Err(Error::NotSupported),
        code => return Err(Error::os(NAME, io::Error::from_raw_os_error(code as i32))),
    };
    let mut writer = buffer.rewriter::<R>(|row| row.state() != State::Bound)?;
    for row in bound {
        // The state and the offload state of these rows are undefined.
        let mut bound = R::new(State::Bound, row.local(), None);
        bound.set_owner(row.owner());
        writer.push(&bound)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::{BasicRow, OwnerModuleRow, OwnerPidRow};
    use crate::row::owner::Owner;

    fn listener<R: Row>(port: u16) -> R {
        R::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None)
    }

    /// The bytes of a table whose rows have a state, an offload state and a remote end without a meaning.
    fn table(ports: &[u16]) -> Buffer {
        let row = |port: &u16| {
            let (local, remote) = (format!("[fe80::1%7]:{port}").parse().unwrap(), "[::9]:9".parse().unwrap());
            OffloadRow::new(State::Established, local, Some(remote)).with_owner(Owner::Process(10 + u32::from(*port)))
        };
        let rows: Vec<OffloadRow> = ports.iter().map(row).collect();
        let mut buffer = Buffer::new();
        buffer.write_rows(OffloadRow::CLASS, &rows).unwrap();
        buffer
    }

    fn ends<R: Row>(buffer: &Buffer) -> Vec<(State, String)> {
        let rows = buffer.table::<R>().unwrap();
        assert!(rows.iter().all(|row| row.remote().is_none()));
        rows.iter().map(|row| (row.state(), row.local().to_string())).collect()
    }

    fn check<R: Row>() {
        let mut buffer = Buffer::new();
        buffer.write_rows(R::CLASS, &[listener::<R>(1), listener(2)]).unwrap();
        append::<R>(NO_ERROR, table(&[3, 4]).as_bytes(), &mut buffer).unwrap();
        let listed = [
            (State::Listen, "[::1]:1"),
            (State::Listen, "[::1]:2"),
            (State::Bound, "[fe80::1%7]:3"),
            (State::Bound, "[fe80::1%7]:4"),
        ];
        let listed = listed.map(|(state, local)| (state, local.to_owned()));
        assert_eq!(ends::<R>(&buffer), listed, "{:?}", R::CLASS);
        let rows = buffer.table::<R>().unwrap();
        let owner = if R::CLASS.has_owners() { Owner::Process(13) } else { Owner::Unresolved };
        assert_eq!(rows[2].owner(), owner);
        assert_eq!(rows[2].raw_offload().unwrap_or(-1), -1, "it is unknown");

        // Bound sockets that the table has already are replaced.
        append::<R>(NO_ERROR, table(&[4]).as_bytes(), &mut buffer).unwrap();
        assert_eq!(ends::<R>(&buffer), [&listed[..2], &listed[3..]].concat());
        append::<R>(ERROR_NO_DATA, &[], &mut buffer).unwrap();
        assert_eq!(ends::<R>(&buffer), listed[..2]);
    }

    #[test]
    fn bound_sockets_are_appended_in_any_class() {
        check::<BasicRow>();
        check::<OwnerPidRow>();
        check::<OffloadRow>();
        check::<OwnerModuleRow>();
    }

    #[test]
    fn an_empty_table_gains_rows() {
        let mut buffer = Buffer::new();
        buffer.writer::<OwnerModuleRow>().finish().unwrap();
        append::<OwnerModuleRow>(NO_ERROR, table(&[3]).as_bytes(), &mut buffer).unwrap();
        assert_eq!(ends::<OwnerModuleRow>(&buffer), [(State::Bound, "[fe80::1%7]:3".to_owned())]);
        append::<OwnerModuleRow>(NO_ERROR, table(&[]).as_bytes(), &mut buffer).unwrap();
        assert_eq!(ends::<OwnerModuleRow>(&buffer), []);
    }

    #[test]
    fn codes_and_invalid_tables_are_errors() {
        let valid = table(&[3, 4]);
        let append = |code: u32, table: &[u8]| {
            let mut buffer = Buffer::new();
            buffer.writer::<BasicRow>().finish().unwrap();
            append::<BasicRow>(code, table, &mut buffer)
        };
        for code in [ERROR_NOT_SUPPORTED, ERROR_CALL_NOT_IMPLEMENTED] {
            assert!(matches!(append(code, valid.as_bytes()), Err(Error::NotSupported)), "{code}");
        }
        for code in [5, 8, 87, 1168, u32::MAX] {
            let error = append(code, &[]).unwrap_err();
            assert!(matches!(error, Error::Os { call: NAME, .. }), "{error}");
            assert_eq!(error.raw_os_error(), Some(code as i32));
        }
        let error = append(NO_ERROR, &[]).unwrap_err();
        assert!(matches!(error, Error::Malformed(Malformed::NotWritten { call: NAME })), "{error}");
        for length in 1..valid.as_bytes().len() {
            assert!(matches!(append(NO_ERROR, &valid.as_bytes()[..length]), Err(Error::Malformed(_))), "{length}");
        }
    }
}
