//! Tests against the running system, Windows or Wine: the tables list sockets that the tests open.
//!
//! The tests avoid functions that Wine 8 lacks and fields that it reports incorrectly: pid 0 for IPv6, and scope ids
//! that are not interface indices.
#![cfg(windows)]

use std::ffi::c_void;
use std::mem::offset_of;
use std::net::{Ipv6Addr, TcpListener};
use std::ptr;

use tcp6_sys::{
    AF_INET, AF_INET6, ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER, FALSE, GetExtendedTcpTable, GetTcp6Table,
    GetTcp6Table2, GetTcpStatisticsEx, GetTcpTable2, MIB_TCP_STATE_LISTEN, MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE,
    MIB_TCP6ROW_OWNER_PID, MIB_TCP6ROW2, MIB_TCP6TABLE, MIB_TCP6TABLE_OWNER_MODULE, MIB_TCP6TABLE_OWNER_PID,
    MIB_TCP6TABLE2, MIB_TCPROW2, MIB_TCPSTATS, MIB_TCPTABLE2, NO_ERROR, STATUS_UNSUCCESSFUL, TCP_TABLE_CLASS,
    TCP_TABLE_OWNER_MODULE_ALL, TCP_TABLE_OWNER_PID_ALL, TRUE,
};

const LISTEN: u32 = MIB_TCP_STATE_LISTEN as u32;

/// A row type and the offset of the first row in its table.
trait Row: Copy {
    /// Offset of the first row, in bytes.
    const FIRST: usize;
}

impl Row for MIB_TCP6ROW {
    const FIRST: usize = offset_of!(MIB_TCP6TABLE, table);
}

impl Row for MIB_TCP6ROW2 {
    const FIRST: usize = offset_of!(MIB_TCP6TABLE2, table);
}

impl Row for MIB_TCP6ROW_OWNER_PID {
    const FIRST: usize = offset_of!(MIB_TCP6TABLE_OWNER_PID, table);
}

impl Row for MIB_TCP6ROW_OWNER_MODULE {
    const FIRST: usize = offset_of!(MIB_TCP6TABLE_OWNER_MODULE, table);
}

impl Row for MIB_TCPROW2 {
    const FIRST: usize = offset_of!(MIB_TCPTABLE2, table);
}

/// Calls `fill` until it returns a table, at most 20 times, and returns the rows.
fn rows<R: Row>(fill: impl Fn(*mut c_void, &mut u32) -> u32) -> Vec<R> {
    let mut buffer = vec![0_u64; 16];
    for _ in 0..20 {
        let mut size = u32::try_from(buffer.len() * 8).unwrap();
        match fill(buffer.as_mut_ptr().cast(), &mut size) {
            NO_ERROR => {
                let count = buffer[0] as u32 as usize; // dwNumEntries, the low half on a little-endian machine
                let size = size as usize;
                assert!(size <= buffer.len() * 8, "{size} bytes reported, the buffer has {}", buffer.len() * 8);
                assert!(R::FIRST + count * size_of::<R>() <= size, "{count} rows do not fit in {size} bytes");
                // SAFETY: by the assertions above, the offset is within the buffer or at its end.
                let first = unsafe { buffer.as_ptr().byte_add(R::FIRST) }.cast::<R>();
                return (0..count)
                    .map(|i| {
                        // SAFETY: by the assertions above, `count` rows lie within the buffer.
                        let row = unsafe { first.add(i) };
                        // SAFETY: the bytes are initialised and any bytes are a valid row; the read is unaligned.
                        unsafe { row.read_unaligned() }
                    })
                    .collect();
            }
            ERROR_INSUFFICIENT_BUFFER | STATUS_UNSUCCESSFUL => {
                let needed = buffer.len().max(size as usize / 8);
                buffer.resize(needed + needed / 4 + 512, 0);
            }
            error => panic!("error {error:#x}"),
        }
    }
    panic!("the table kept growing");
}

/// Reads an IPv6 table of `GetExtendedTcpTable`.
fn extended<R: Row>(class: TCP_TABLE_CLASS) -> Vec<R> {
    rows(|table, size| {
        // SAFETY: `rows` passes a buffer aligned to 8 and its size.
        unsafe { GetExtendedTcpTable(table, size, TRUE, AF_INET6, class, 0) }
    })
}

/// Opens a listener on an unused port and returns it with the port as in `dwLocalPort`.
fn listen(address: &str) -> (TcpListener, u32) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, u32::from(port.to_be()))
}

/// Returns the low half of a port field; the upper half may be garbage.
fn low(port: u32) -> u32 {
    port & 0xFFFF
}

fn octets(address: tcp6_sys::IN6_ADDR) -> [u8; 16] {
    // SAFETY: both views of the union are plain bytes.
    unsafe { address.u.Byte }
}

const LOCALHOST: [u8; 16] = Ipv6Addr::LOCALHOST.octets();

#[test]
fn get_tcp6_table_lists_a_listener() {
    let (_listener, port) = listen("::1");
    let rows = rows::<MIB_TCP6ROW>(|table, size| {
        // SAFETY: `rows` passes a buffer aligned to 8 and its size.
        unsafe { GetTcp6Table(table.cast(), size, TRUE) }
    });
    let row = rows.iter().find(|row| low(row.dwLocalPort) == port && octets(row.LocalAddr) == LOCALHOST);
    assert_eq!(row.map(|row| row.State), Some(MIB_TCP_STATE_LISTEN), "{rows:?}");
}

#[test]
fn get_tcp6_table2_lists_a_listener() {
    let (_listener, port) = listen("::1");
    let rows = rows::<MIB_TCP6ROW2>(|table, size| {
        // SAFETY: `rows` passes a buffer aligned to 8 and its size.
        unsafe { GetTcp6Table2(table.cast(), size, FALSE) }
    });
    let row = rows.iter().find(|row| low(row.dwLocalPort) == port && octets(row.LocalAddr) == LOCALHOST);
    assert_eq!(row.map(|row| row.State), Some(MIB_TCP_STATE_LISTEN), "{rows:?}");
}

#[test]
fn owner_pid_table_lists_a_listener() {
    let (_listener, port) = listen("::1");
    let rows = extended::<MIB_TCP6ROW_OWNER_PID>(TCP_TABLE_OWNER_PID_ALL);
    let row = rows.iter().find(|row| low(row.dwLocalPort) == port && row.ucLocalAddr == LOCALHOST);
    assert_eq!(row.map(|row| row.dwState), Some(LISTEN), "{rows:?}");
}

#[test]
fn owner_module_table_lists_a_listener() {
    let (_listener, port) = listen("::1");
    let rows = extended::<MIB_TCP6ROW_OWNER_MODULE>(TCP_TABLE_OWNER_MODULE_ALL);
    let row = rows.iter().find(|row| low(row.dwLocalPort) == port && row.ucLocalAddr == LOCALHOST);
    assert_eq!(row.map(|row| row.dwState), Some(LISTEN), "{rows:?}");
}

#[test]
fn get_tcp_table2_lists_an_ipv4_listener() {
    let (_listener, port) = listen("127.0.0.1");
    let rows = rows::<MIB_TCPROW2>(|table, size| {
        // SAFETY: `rows` passes a buffer aligned to 8 and its size.
        unsafe { GetTcpTable2(table.cast(), size, TRUE) }
    });
    let address = u32::from_ne_bytes([127, 0, 0, 1]);
    let row = rows.iter().find(|row| low(row.dwLocalPort) == port && row.dwLocalAddr == address);
    assert_eq!(row.map(|row| row.dwState), Some(LISTEN), "{rows:?}");
}

#[test]
fn small_buffer_returns_the_required_size_and_null_size_is_refused() {
    let (_listener, _port) = listen("::1");
    let mut table = MIB_TCP6TABLE::default();
    let mut size = 0;
    // SAFETY: the size is 0, so nothing is written to the table.
    let code = unsafe { GetTcp6Table(&mut table, &mut size, FALSE) };
    assert_eq!(code, ERROR_INSUFFICIENT_BUFFER);
    assert!(size as usize >= size_of::<MIB_TCP6TABLE>(), "{size} bytes for at least one row");
    // SAFETY: a null size is refused before any write.
    let code = unsafe { GetTcp6Table(&mut table, ptr::null_mut(), FALSE) };
    assert_eq!(code, ERROR_INVALID_PARAMETER);
}

#[test]
fn statistics_are_returned_for_each_family_and_null_is_refused() {
    let (_listener, _port) = listen("::1");
    let mut stats = MIB_TCPSTATS::default();
    for family in [AF_INET6, AF_INET] {
        // SAFETY: the pointer is valid for a write.
        assert_eq!(unsafe { GetTcpStatisticsEx(&mut stats, family) }, NO_ERROR);
        assert!(stats.dwRtoMin <= stats.dwRtoMax, "{stats:?}");
        // SAFETY: null is refused.
        assert_eq!(unsafe { GetTcpStatisticsEx(ptr::null_mut(), family) }, ERROR_INVALID_PARAMETER);
    }
}
