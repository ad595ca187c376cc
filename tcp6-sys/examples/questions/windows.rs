//! The questions, and the calls that answer them.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::mem::{offset_of, transmute_copy};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ptr::{null, null_mut};

use tcp6_sys::*;

type Export = unsafe extern "system" fn() -> isize;

windows_targets::link!("kernel32.dll" "system" fn GetModuleHandleA(name: *const c_char) -> *mut c_void);
windows_targets::link!("kernel32.dll" "system" fn GetProcAddress(library: *mut c_void, name: *const c_char) -> Option<Export>);

const FUNCTIONS: [&CStr; 16] = [
    c"GetTcp6Table",
    c"GetTcp6Table2",
    c"GetTcpTable",
    c"GetTcpTable2",
    c"GetExtendedTcpTable",
    c"GetOwnerModuleFromTcp6Entry",
    c"GetOwnerModuleFromTcpEntry",
    c"GetOwnerModuleFromPidAndInfo",
    c"GetTcpStatisticsEx",
    c"GetTcpStatisticsEx2",
    c"GetPerTcp6ConnectionEStats",
    c"SetPerTcp6ConnectionEStats",
    c"GetPerTcpConnectionEStats",
    c"SetPerTcpConnectionEStats",
    c"SetTcpEntry",
    c"InternalGetBoundTcp6EndpointTable",
];

/// Looks up a function of `iphlpapi.dll` by name, as the function pointer type `F`.
fn look_up<F: Copy>(name: &CStr) -> Option<F> {
    assert_eq!(size_of::<F>(), size_of::<Export>());
    // SAFETY: the string ends with a NUL.
    let library = unsafe { GetModuleHandleA(c"iphlpapi.dll".as_ptr()) };
    // SAFETY: the program imports the library, so it is loaded. The string ends with a NUL.
    let export = unsafe { GetProcAddress(library, name.as_ptr()) }?;
    // SAFETY: both are function pointers, and callers pass the type that tcp6-sys declares for this name.
    Some(unsafe { transmute_copy(&export) })
}

/// A buffer of 8 MiB, aligned to 8 bytes, and the size that a call reads and writes.
struct Buffer {
    words: Vec<u64>,
    size: u32,
}

impl Buffer {
    fn new() -> Buffer {
        let words = vec![0x5A5A_5A5A_5A5A_5A5A; 1 << 20];
        Buffer { size: (words.len() * 8) as u32, words }
    }

    /// Returns the rows of the table in the buffer. `first` is the offset of the first row.
    fn rows<R: Copy>(&self, first: usize) -> Vec<R> {
        let count = self.words[0] as u32 as usize;
        assert!(first + count * size_of::<R>() <= self.words.len() * 8);
        let row = |i: usize| {
            // SAFETY: `count` rows lie within the buffer, by the assertion.
            let place = unsafe { self.words.as_ptr().byte_add(first + i * size_of::<R>()) };
            // SAFETY: every bit pattern is a valid row, and the read is unaligned.
            unsafe { place.cast::<R>().read_unaligned() }
        };
        (0..count).map(row).collect()
    }
}

/// Calls GetExtendedTcpTable with a large buffer; returns the code and the buffer.
fn extended(family: u32, class: TCP_TABLE_CLASS, reserved: u32) -> (u32, Buffer) {
    let mut buffer = Buffer::new();
    let table = buffer.words.as_mut_ptr().cast();
    // SAFETY: the buffer is aligned to 8 bytes and `size` bytes long.
    let code = unsafe { GetExtendedTcpTable(table, &mut buffer.size, TRUE, family, class, reserved) };
    (code, buffer)
}

/// Counts equal values.
fn counts<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    values.into_iter().for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
}

/// Prints the report.
pub(crate) fn ask() {
    let listener = TcpListener::bind("[::1]:0").expect("cannot listen on [::1]; is IPv6 enabled?");
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap();

    println!("pointers of {} bits", usize::BITS);
    for name in FUNCTIONS {
        println!("exports {name:?}: {}", look_up::<Export>(name).is_some());
    }
    sizes();
    codes();
    let module_rows = rows();
    dual_stack();
    modules(&module_rows);
    statistics();
    connection_statistics(&connection);
    drop((listener, connection, accepted));
}

fn sizes() {
    let mut size = 0;
    // SAFETY: the table is null, and the size is valid for reads and writes.
    let code = unsafe { GetTcp6Table(null_mut(), &mut size, TRUE) };
    println!("GetTcp6Table(null, 0): code {code}, size {size}");
    let required = size;
    // SAFETY: the table is null, and the size is valid for reads and writes.
    let code = unsafe { GetTcp6Table(null_mut(), &mut size, TRUE) };
    println!("GetTcp6Table(null, {required}): code {code}, size {size}");
    for class in TCP_TABLE_OWNER_PID_LISTENER..=TCP_TABLE_OWNER_MODULE_ALL {
        let mut required = 0;
        // SAFETY: the table is null, and the size is valid for reads and writes.
        unsafe { GetExtendedTcpTable(null_mut(), &mut required, TRUE, AF_INET6, class, 0) };
        let (code, buffer) = extended(AF_INET6, class, 0);
        let (first, row) = if class < TCP_TABLE_OWNER_MODULE_LISTENER { (4, 56) } else { (8, 192) };
        let count = buffer.words[0] as u32;
        let exact = first + count * row;
        println!(
            "class {class}: code {code}, rows {count}, written {} = exact {:+}, required {required} = exact {:+}",
            buffer.size,
            i64::from(buffer.size) - i64::from(exact),
            i64::from(required) - i64::from(exact),
        );
        println!("class {class}: padding after the count {:#010x}", buffer.words[0] >> 32);
    }
}

fn codes() {
    for (family, class, reserved) in [
        (AF_INET6, TCP_TABLE_BASIC_LISTENER, 0),
        (AF_INET6, TCP_TABLE_BASIC_ALL, 0),
        (AF_INET6, TCP_TABLE_OWNER_PID_ALL, 1),
        (AF_INET6, 9, 0),
        (AF_INET6, -1, 0),
        (0, TCP_TABLE_OWNER_PID_ALL, 0),
        (10, TCP_TABLE_OWNER_PID_ALL, 0),
    ] {
        let code = extended(family, class, reserved).0;
        println!("GetExtendedTcpTable(family {family}, class {class}, reserved {reserved}): code {code}");
    }
}

/// Reports statistics of the rows, and returns the `OWNER_MODULE` rows.
fn rows() -> Vec<MIB_TCP6ROW_OWNER_MODULE> {
    let (_, buffer) = extended(AF_INET6, TCP_TABLE_OWNER_MODULE_ALL, 0);
    let rows: Vec<MIB_TCP6ROW_OWNER_MODULE> = buffer.rows(offset_of!(MIB_TCP6TABLE_OWNER_MODULE, table));
    println!("states in ALL: {:?}", counts(rows.iter().map(|row| row.dwState)));
    let (_, buffer) = extended(AF_INET6, TCP_TABLE_OWNER_PID_CONNECTIONS, 0);
    let connections: Vec<MIB_TCP6ROW_OWNER_PID> = buffer.rows(offset_of!(MIB_TCP6TABLE_OWNER_PID, table));
    println!("states in CONNECTIONS: {:?}", counts(connections.iter().map(|row| row.dwState)));

    let ports = rows.iter().flat_map(|row| [row.dwLocalPort, row.dwRemotePort]);
    println!("ports with upper bits: {}", ports.filter(|port| port >> 16 != 0).count());
    let scopes = rows.iter().flat_map(|row| [row.dwLocalScopeId, row.dwRemoteScopeId]);
    println!("scope ids that are not 0: {:?}", counts(scopes.filter(|scope| *scope != 0)));
    let listeners = || rows.iter().filter(|row| row.dwState == MIB_TCP_STATE_LISTEN as u32);
    let remote =
        listeners().filter(|row| row.ucRemoteAddr != [0; 16] || row.dwRemotePort != 0 || row.dwRemoteScopeId != 0);
    println!("listeners {}, with a remote half {}", listeners().count(), remote.count());
    println!(
        "rows without a creation time: {:?}",
        counts(rows.iter().filter(|row| row.liCreateTimestamp == 0).map(|row| row.dwState))
    );
    let words = rows.iter().map(|row| row.OwningModuleInfo.iter().filter(|word| **word != 0).count());
    println!("words of OwningModuleInfo that are not 0: {:?}", counts(words));
    let mapped = rows.iter().filter(|row| row.ucLocalAddr[..12] == Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets()[..12]);
    println!("v4-mapped rows: {}", mapped.count());
    println!(
        "rows without an owner: {:?}",
        counts(rows.iter().filter(|row| row.dwOwningPid == 0).map(|row| row.dwState))
    );
    println!("sorted: {}", rows.is_sorted_by_key(key));
    rows
}

/// The documented sort order.
fn key(row: &MIB_TCP6ROW_OWNER_MODULE) -> impl Ord + use<> {
    let port = |port: u32| u16::from_be(port as u16);
    (
        (row.ucLocalAddr, row.dwLocalScopeId, port(row.dwLocalPort)),
        (row.ucRemoteAddr, row.dwRemoteScopeId, port(row.dwRemotePort)),
    )
}

/// Reports whether the IPv6 table has the IPv4 connections that a dual-stack listener accepts.
fn dual_stack() {
    let Ok(listener) = TcpListener::bind("[::]:0") else { return println!("no listener on [::]") };
    let port = listener.local_addr().unwrap().port();
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        Err(error) => println!("a listener on [::] accepts from IPv4: no, {:?}", error.raw_os_error()),
        Ok(_connection) => {
            let (_, buffer) = extended(AF_INET6, TCP_TABLE_OWNER_PID_ALL, 0);
            let rows: Vec<MIB_TCP6ROW_OWNER_PID> = buffer.rows(offset_of!(MIB_TCP6TABLE_OWNER_PID, table));
            let port = u32::from(port.to_be());
            let own = rows.iter().filter(|row| row.dwLocalPort & 0xFFFF == port);
            println!(
                "a listener on [::] accepts from IPv4: yes; states of its IPv6 rows {:?}",
                counts(own.map(|row| row.dwState))
            );
        }
    }
}

fn modules(rows: &[MIB_TCP6ROW_OWNER_MODULE]) {
    let Some(function) = look_up::<PFN_GetOwnerModuleFromTcp6Entry>(c"GetOwnerModuleFromTcp6Entry") else { return };
    let code = |row: &MIB_TCP6ROW_OWNER_MODULE| {
        let mut buffer = Buffer::new();
        let to = buffer.words.as_mut_ptr().cast();
        let before = buffer.size;
        // SAFETY: the row is valid for a read, and the buffer is `size` bytes long.
        let code = unsafe { function(row, TCPIP_OWNER_MODULE_INFO_BASIC, to, &mut buffer.size) };
        (code, buffer.size == before)
    };
    for (what, wanted) in [("with info", true), ("without info", false)] {
        let rows = rows.iter().filter(|row| (row.OwningModuleInfo != [0; 16]) == wanted);
        println!("GetOwnerModuleFromTcp6Entry, rows {what}: (code, size unchanged) {:?}", counts(rows.map(code)));
    }
    let refused = rows.iter().filter(|row| code(row).0 == ERROR_MOD_NOT_FOUND);
    let without = refused.map(|row| code(&MIB_TCP6ROW_OWNER_MODULE { OwningModuleInfo: [0; 16], ..*row }).0);
    println!("rows with 126, retried without info: {:?}", counts(without));
    for pid in [0, 4, 0xFFFF, 0xFFFF_FFFC] {
        let row = MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: pid, ..Default::default() };
        println!("GetOwnerModuleFromTcp6Entry(pid {pid}): code {}", code(&row).0);
    }
}

fn statistics() {
    let mut one = MIB_TCPSTATS::default();
    // SAFETY: the structure is valid for a write.
    let code = unsafe { GetTcpStatisticsEx(&mut one, AF_INET6) };
    println!("GetTcpStatisticsEx: code {code}, algorithm {}, limit {:#x}", one.dwRtoAlgorithm, one.dwMaxConn);
    if let Some(ex2) = look_up::<PFN_GetTcpStatisticsEx2>(c"GetTcpStatisticsEx2") {
        let mut two = MIB_TCPSTATS2::default();
        // SAFETY: the structure is valid for a write.
        let code = unsafe { ex2(&mut two, AF_INET6) };
        let is_ahead = two.dw64InSegs as u32 >= one.dwInSegs;
        println!("GetTcpStatisticsEx2: code {code}, low half of dw64InSegs >= dwInSegs: {is_ahead}");
    }
}

fn connection_statistics(connection: &TcpStream) {
    let functions = (
        look_up::<PFN_GetPerTcp6ConnectionEStats>(c"GetPerTcp6ConnectionEStats"),
        look_up::<PFN_SetPerTcp6ConnectionEStats>(c"SetPerTcp6ConnectionEStats"),
    );
    let (Some(get), Some(set)) = functions else { return };
    let port = u32::from(connection.local_addr().unwrap().port().to_be());
    let mut buffer = Buffer::new();
    let table = buffer.words.as_mut_ptr().cast();
    // SAFETY: the buffer is aligned to 8 bytes and `size` bytes long.
    unsafe { GetTcp6Table(table, &mut buffer.size, TRUE) };
    let rows: Vec<MIB_TCP6ROW> = buffer.rows(offset_of!(MIB_TCP6TABLE, table));
    let Some(row) = rows.into_iter().find(|row| row.dwLocalPort & 0xFFFF == port) else {
        return println!("this program's connection is not in the table");
    };
    let read = |size: u32| {
        let (mut rw, mut rod) = (TCP_ESTATS_DATA_RW_v0::default(), TCP_ESTATS_DATA_ROD_v0::default());
        let (rw_at, rod_at) = ((&raw mut rw).cast(), (&raw mut rod).cast());
        // SAFETY: the row is valid for a read, the two structures for writes of their sizes.
        let code = unsafe { get(&row, TcpConnectionEstatsData, rw_at, 0, 1, null_mut(), 0, 0, rod_at, 0, size) };
        (code, rw.EnableCollection)
    };
    let full = size_of::<TCP_ESTATS_DATA_ROD_v0>() as u32;
    println!("GetPerTcp6ConnectionEStats, off: {:?}; a byte less: {:?}", read(full), read(full - 1));
    let rw = TCP_ESTATS_DATA_RW_v0 { EnableCollection: 1 };
    // SAFETY: the row and the structure are valid for reads.
    let code = unsafe { set(&row, TcpConnectionEstatsData, (&raw const rw).cast(), 0, 1, 0) };
    println!("SetPerTcp6ConnectionEStats: code {code} (5 unless elevated); then {:?}", read(full));
    // SAFETY: a null row is refused.
    let code = unsafe { set(null(), TcpConnectionEstatsData, (&raw const rw).cast(), 0, 1, 0) };
    println!("SetPerTcp6ConnectionEStats(null): code {code}");
}
