//! Every function that writes a table, with sizes checked to the byte.
//!
//! The assertions include those that ReactOS and Wine make about these functions on Windows: the codes for null and for
//! small sizes, a listener in ALL and LISTENER but not in CONNECTIONS, ports in full DWORDs, creation times as
//! FILETIME, and the same rows in sorted and unsorted tables.

use std::mem::offset_of;
use std::time::{Duration, SystemTime};

use tcp6_sys::*;

use crate::machine::Machine;
use crate::raw::{RawBuffer, look_up, null};
use crate::rows::ROWS;

const ROWS4: &str = "
row4 5 127.0.0.1:80 127.0.0.1:5000 pid=self offload=1 created=133500000000000000 info=5
row4 2 127.0.0.1:80 - pid=self
";

/// Calls a function with a buffer and a pointer to its size.
type Fill = Box<dyn Fn(*mut std::ffi::c_void, *mut u32) -> u32>;

/// A function and the table that it writes for the script.
struct Shape {
    name: &'static str,
    fill: Fill,
    /// Number of rows.
    rows: usize,
    /// Offset of the first row, in bytes.
    first: usize,
    /// Size of a row, in bytes.
    row: usize,
}

fn extended(family: u32, class: TCP_TABLE_CLASS) -> Fill {
    // SAFETY: callers pass null or a buffer that is aligned to 8 and as long as the size, and a size or null.
    Box::new(move |table, size| unsafe { GetExtendedTcpTable(table, size, TRUE, family, class, 0) })
}

macro_rules! shape {
    ($name:literal, $fill:expr, $rows:literal, $table:ident, $row:ident) => {
        Shape { name: $name, fill: $fill, rows: $rows, first: offset_of!($table, table), row: size_of::<$row>() }
    };
}

fn shapes() -> Vec<Shape> {
    // SAFETY: as in `extended`.
    let basic: Fill = Box::new(|table, size| unsafe { GetTcp6Table(table.cast(), size, TRUE) });
    // SAFETY: as above.
    let two: Fill = Box::new(|table, size| unsafe { GetTcp6Table2(table.cast(), size, TRUE) });
    // SAFETY: as above.
    let basic4: Fill = Box::new(|table, size| unsafe { GetTcpTable(table.cast(), size, TRUE) });
    // SAFETY: as above.
    let two4: Fill = Box::new(|table, size| unsafe { GetTcpTable2(table.cast(), size, TRUE) });
    let six = |class| extended(AF_INET6, class);
    let four = |class| extended(AF_INET, class);
    vec![
        shape!("GetTcp6Table", basic, 7, MIB_TCP6TABLE, MIB_TCP6ROW),
        shape!("GetTcp6Table2", two, 7, MIB_TCP6TABLE2, MIB_TCP6ROW2),
        shape!("GetTcpTable", basic4, 2, MIB_TCPTABLE, MIB_TCPROW),
        shape!("GetTcpTable2", two4, 2, MIB_TCPTABLE2, MIB_TCPROW2),
        shape!("6 pid listener", six(TCP_TABLE_OWNER_PID_LISTENER), 2, MIB_TCP6TABLE_OWNER_PID, MIB_TCP6ROW_OWNER_PID),
        shape!(
            "6 pid connections",
            six(TCP_TABLE_OWNER_PID_CONNECTIONS),
            5,
            MIB_TCP6TABLE_OWNER_PID,
            MIB_TCP6ROW_OWNER_PID
        ),
        shape!("6 pid all", six(TCP_TABLE_OWNER_PID_ALL), 7, MIB_TCP6TABLE_OWNER_PID, MIB_TCP6ROW_OWNER_PID),
        shape!(
            "6 module listener",
            six(TCP_TABLE_OWNER_MODULE_LISTENER),
            2,
            MIB_TCP6TABLE_OWNER_MODULE,
            MIB_TCP6ROW_OWNER_MODULE
        ),
        shape!(
            "6 module connections",
            six(TCP_TABLE_OWNER_MODULE_CONNECTIONS),
            5,
            MIB_TCP6TABLE_OWNER_MODULE,
            MIB_TCP6ROW_OWNER_MODULE
        ),
        shape!(
            "6 module all",
            six(TCP_TABLE_OWNER_MODULE_ALL),
            7,
            MIB_TCP6TABLE_OWNER_MODULE,
            MIB_TCP6ROW_OWNER_MODULE
        ),
        shape!("4 basic listener", four(TCP_TABLE_BASIC_LISTENER), 1, MIB_TCPTABLE, MIB_TCPROW),
        shape!("4 basic connections", four(TCP_TABLE_BASIC_CONNECTIONS), 1, MIB_TCPTABLE, MIB_TCPROW),
        shape!("4 basic all", four(TCP_TABLE_BASIC_ALL), 2, MIB_TCPTABLE, MIB_TCPROW),
        shape!("4 pid listener", four(TCP_TABLE_OWNER_PID_LISTENER), 1, MIB_TCPTABLE_OWNER_PID, MIB_TCPROW_OWNER_PID),
        shape!(
            "4 pid connections",
            four(TCP_TABLE_OWNER_PID_CONNECTIONS),
            1,
            MIB_TCPTABLE_OWNER_PID,
            MIB_TCPROW_OWNER_PID
        ),
        shape!("4 pid all", four(TCP_TABLE_OWNER_PID_ALL), 2, MIB_TCPTABLE_OWNER_PID, MIB_TCPROW_OWNER_PID),
        shape!(
            "4 module listener",
            four(TCP_TABLE_OWNER_MODULE_LISTENER),
            1,
            MIB_TCPTABLE_OWNER_MODULE,
            MIB_TCPROW_OWNER_MODULE
        ),
        shape!(
            "4 module connections",
            four(TCP_TABLE_OWNER_MODULE_CONNECTIONS),
            1,
            MIB_TCPTABLE_OWNER_MODULE,
            MIB_TCPROW_OWNER_MODULE
        ),
        shape!("4 module all", four(TCP_TABLE_OWNER_MODULE_ALL), 2, MIB_TCPTABLE_OWNER_MODULE, MIB_TCPROW_OWNER_MODULE),
    ]
}

#[test]
fn table_sizes_match_the_c_headers_to_the_byte() {
    let Some(machine) = Machine::new("") else { return };
    for slack in [0, 8] {
        machine.play(&format!("slack {slack}\n{ROWS}{ROWS4}"));
        for Shape { name, fill, rows, first, row } in shapes() {
            let exact = (first + rows * row + slack) as u32;
            assert_eq!(fill(null(), null()), ERROR_INVALID_PARAMETER, "{name}: null size");
            let mut size = 0;
            assert_eq!(fill(null(), &mut size), ERROR_INSUFFICIENT_BUFFER, "{name}: null table");
            assert_eq!(size, exact, "{name}");

            let mut buffer = RawBuffer::new(exact - 1);
            let table = buffer.pointer();
            assert_eq!(fill(table, &mut buffer.size), ERROR_INSUFFICIENT_BUFFER, "{name}: one byte too small");
            assert_eq!(buffer.size, exact, "{name}");
            assert!(buffer.is_untouched(), "{name}");

            let mut buffer = RawBuffer::new(exact);
            let table = buffer.pointer();
            assert_eq!(fill(table, &mut buffer.size), NO_ERROR, "{name}");
            assert_eq!((buffer.size, buffer.u32_at(0)), (exact, rows as u32), "{name}");
            assert_eq!(buffer.bytes()[exact as usize..][..8], [0x5A; 8], "{name}: nothing is written after the table");
        }
    }
}

#[test]
fn invalid_family_class_and_reserved_word_are_refused() {
    let Some(_machine) = Machine::new(&format!("{ROWS}{ROWS4}")) else { return };
    let mut buffer = RawBuffer::new(4096);
    let table = buffer.pointer();
    for (family, class, reserved, code) in [
        (AF_INET6, TCP_TABLE_BASIC_LISTENER, 0, ERROR_NOT_SUPPORTED),
        (AF_INET6, TCP_TABLE_BASIC_CONNECTIONS, 0, ERROR_NOT_SUPPORTED),
        (AF_INET6, TCP_TABLE_BASIC_ALL, 0, ERROR_NOT_SUPPORTED),
        (10, TCP_TABLE_OWNER_PID_ALL, 0, ERROR_INVALID_PARAMETER),
        (AF_INET6, 9, 0, ERROR_INVALID_PARAMETER),
        (AF_INET6, -1, 0, ERROR_INVALID_PARAMETER),
        (AF_INET6, TCP_TABLE_OWNER_PID_ALL, 1, ERROR_INVALID_PARAMETER),
    ] {
        // SAFETY: the buffer is aligned to 8 bytes and `size` bytes long.
        let seen = unsafe { GetExtendedTcpTable(table, &mut buffer.size, FALSE, family, class, reserved) };
        assert_eq!((seen, buffer.size), (code, 4096), "{family} {class} {reserved}");
    }
    assert!(buffer.is_untouched());
}

#[test]
fn fields_of_each_ipv6_class_are_in_place() {
    let Some(machine) = Machine::new(ROWS) else { return };
    let me = std::process::id();
    let address = |octets: [u8; 16]| std::net::Ipv6Addr::from(octets).to_string();
    // Returns the buffer and the offset of the last row.
    let last = |index: usize, machine: &Machine| {
        machine.play(ROWS);
        let shape = &shapes()[index];
        let mut buffer = RawBuffer::new(4096);
        let table = buffer.pointer();
        assert_eq!((shape.fill)(table, &mut buffer.size), NO_ERROR);
        (buffer, shape.first + 6 * shape.row)
    };

    let (buffer, at) = last(0, &machine);
    let row: MIB_TCP6ROW = buffer.at(at);
    assert_eq!((row.State, row.dwLocalScopeId, row.dwRemoteScopeId), (MIB_TCP_STATE_ESTAB, 7, 7));
    assert_eq!((row.dwLocalPort, row.dwRemotePort), (u32::from(49152u16.to_be()), u32::from(443u16.to_be())));
    assert_eq!((format!("{:?}", row.LocalAddr), format!("{:?}", row.RemoteAddr)), ("fe80::1".into(), "fe80::2".into()));

    let (buffer, at) = last(1, &machine);
    let row: MIB_TCP6ROW2 = buffer.at(at);
    assert_eq!((row.State, row.dwOwningPid, row.dwOffloadState), (MIB_TCP_STATE_ESTAB, me, 2));
    assert_eq!((row.dwLocalScopeId, row.dwRemotePort), (7, u32::from(443u16.to_be())));

    let (buffer, at) = last(6, &machine);
    let row: MIB_TCP6ROW_OWNER_PID = buffer.at(at);
    assert_eq!((row.dwState, row.dwOwningPid), (MIB_TCP_STATE_ESTAB as u32, me));
    assert_eq!((address(row.ucLocalAddr), address(row.ucRemoteAddr)), ("fe80::1".into(), "fe80::2".into()));

    let (buffer, at) = last(9, &machine);
    let row: MIB_TCP6ROW_OWNER_MODULE = buffer.at(at);
    assert_eq!((row.dwState, row.dwOwningPid), (MIB_TCP_STATE_ESTAB as u32, me));
    assert_eq!((row.liCreateTimestamp, row.OwningModuleInfo[0]), (133_500_000_000_000_000, 5));
    assert!(row.OwningModuleInfo[1..].iter().all(|word| *word == 0));
}

#[test]
fn fields_of_each_ipv4_class_are_in_place() {
    let Some(_machine) = Machine::new(ROWS4) else { return };
    let me = std::process::id();
    let loopback = u32::from_ne_bytes([127, 0, 0, 1]);
    let connection = |index: usize| {
        let shape = &shapes()[index];
        let mut buffer = RawBuffer::new(4096);
        let table = buffer.pointer();
        assert_eq!((shape.fill)(table, &mut buffer.size), NO_ERROR);
        (buffer, shape.first + shape.row)
    };
    macro_rules! check {
        ($index:literal, $row:ident) => {{
            let (buffer, at) = connection($index);
            let row: $row = buffer.at(at);
            assert_eq!((row.dwState, row.dwLocalAddr, row.dwRemoteAddr), (5, loopback, loopback), stringify!($row));
            let ports = (u32::from(80u16.to_be()), u32::from(5000u16.to_be()));
            assert_eq!((row.dwLocalPort, row.dwRemotePort), ports, stringify!($row));
            row
        }};
    }
    check!(2, MIB_TCPROW);
    let row = check!(3, MIB_TCPROW2);
    assert_eq!((row.dwOwningPid, row.dwOffloadState), (me, 1));
    assert_eq!(check!(15, MIB_TCPROW_OWNER_PID).dwOwningPid, me);
    let row = check!(18, MIB_TCPROW_OWNER_MODULE);
    assert_eq!((row.dwOwningPid, row.liCreateTimestamp, row.OwningModuleInfo[0]), (me, 133_500_000_000_000_000, 5));
}

#[test]
fn listener_is_in_all_and_listener_but_not_in_connections() {
    let Some(machine) = Machine::new("") else { return };
    let before = SystemTime::now();
    // A real socket, as in the tests of ReactOS and Wine.
    let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    machine.play(&format!("slack 8\nrow 2 [::1]:{port} - pid=self created=now"));
    for (class, rows) in
        [(TCP_TABLE_OWNER_MODULE_ALL, 1), (TCP_TABLE_OWNER_MODULE_LISTENER, 1), (TCP_TABLE_OWNER_MODULE_CONNECTIONS, 0)]
    {
        let mut buffer = RawBuffer::new(4096);
        let table = buffer.pointer();
        assert_eq!(extended(AF_INET6, class)(table, &mut buffer.size), NO_ERROR);
        assert_eq!(buffer.u32_at(0), rows, "{class}");
        if rows == 1 {
            let row: MIB_TCP6ROW_OWNER_MODULE = buffer.at(offset_of!(MIB_TCP6TABLE_OWNER_MODULE, table));
            assert_eq!(row.dwLocalPort, u32::from(port.to_be()), "the full DWORD");
            assert_eq!((row.dwState, row.dwOwningPid), (MIB_TCP_STATE_LISTEN as u32, std::process::id()));
            let since_1601 = Duration::from_nanos(row.liCreateTimestamp as u64 / 10_000 * 1_000_000 % 1_000_000_000)
                + Duration::from_secs(row.liCreateTimestamp as u64 / 10_000_000);
            let created = SystemTime::UNIX_EPOCH + (since_1601 - Duration::from_secs(11_644_473_600));
            let since = created.duration_since(before - Duration::from_secs(1)).unwrap();
            assert!(since < Duration::from_secs(60), "{since:?}");
        }
    }
}

#[test]
fn bound_only_endpoints_are_allocated_from_the_callers_heap() {
    windows_targets::link!("kernel32.dll" "system" fn GetProcessHeap() -> *mut std::ffi::c_void);
    windows_targets::link!("kernel32.dll" "system" fn HeapFree(heap: *mut std::ffi::c_void, flags: u32, block: *mut std::ffi::c_void) -> BOOL);
    let Some(_machine) = Machine::new(ROWS) else { return };
    let function: PFN_InternalGetBoundTcp6EndpointTable = look_up(c"InternalGetBoundTcp6EndpointTable");
    // SAFETY: no preconditions.
    let heap = unsafe { GetProcessHeap() };
    let mut table = null();
    // SAFETY: the pointer is valid for a write, and the heap belongs to this process.
    assert_eq!(unsafe { function(&mut table, heap, 0) }, NO_ERROR);
    // SAFETY: the call has written a pointer to a table.
    let MIB_TCP6TABLE2 { dwNumEntries, table: [row] } = unsafe { table.cast::<MIB_TCP6TABLE2>().read_unaligned() };
    assert_eq!((dwNumEntries, row.State, row.dwOwningPid), (1, MIB_TCP_STATE_RESERVED, std::process::id()));
    assert_eq!(row.dwLocalPort, u32::from(1234u16.to_be()));
    // SAFETY: the block was allocated from this heap, and nothing refers to it any more.
    assert_ne!(unsafe { HeapFree(heap, 0, table) }, FALSE);
}

#[test]
fn only_an_administrator_deletes_a_connection() {
    let Some(machine) = Machine::new(ROWS4) else { return };
    let mut row = MIB_TCPROW {
        dwState: MIB_TCP_STATE_DELETE_TCB as u32,
        dwLocalAddr: u32::from_ne_bytes([127, 0, 0, 1]),
        dwLocalPort: u32::from(80u16.to_be()),
        dwRemoteAddr: u32::from_ne_bytes([127, 0, 0, 1]),
        dwRemotePort: u32::from(5000u16.to_be()),
    };
    // SAFETY: the row is null or valid for a read.
    let delete = |row: *const MIB_TCPROW| unsafe { SetTcpEntry(row) };
    assert_eq!(delete(null()), ERROR_INVALID_PARAMETER);
    assert_eq!(delete(&row), ERROR_ACCESS_DENIED);
    machine.play(&format!("administrator\n{ROWS4}"));
    assert_eq!(delete(&row), NO_ERROR);
    assert_eq!(delete(&row), ERROR_MR_MID_NOT_FOUND);
    let mut buffer = RawBuffer::new(4096);
    let table = buffer.pointer();
    assert_eq!((shapes()[2].fill)(table, &mut buffer.size), NO_ERROR);
    assert_eq!(buffer.u32_at(0), 1, "only the listener remains");
    row.dwState = MIB_TCP_STATE_ESTAB as u32;
    assert_eq!(delete(&row), ERROR_INVALID_PARAMETER);
}
