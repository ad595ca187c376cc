//! Extended statistics of a connection: enabling, reading, errors, and the size of every structure.

use tcp6_sys::*;

use crate::machine::Machine;
use crate::raw::{RawBuffer, look_up, null};

const CONNECTION: &str = "
row 5 [fe80::1%7]:49152 [fe80::2%7]:443
row4 5 127.0.0.1:80 127.0.0.1:5000
";

/// The parameters of one structure: buffer, version, size in bytes.
type Part = (*mut u8, u32, u32);

const NONE: Part = (std::ptr::null_mut(), 0, 0);

type Get = Box<dyn Fn(TCP_ESTATS_TYPE, Part, Part, Part) -> u32>;
type Set = Box<dyn Fn(TCP_ESTATS_TYPE, Part, u32) -> u32>;

/// Returns the IPv6 connection of the script, from the table.
fn row6() -> MIB_TCP6ROW {
    let mut buffer = RawBuffer::new(4096);
    let table = buffer.pointer();
    // SAFETY: the buffer is aligned to 8 bytes and `size` bytes long.
    assert_eq!(unsafe { GetTcp6Table(table, &mut buffer.size, TRUE) }, NO_ERROR);
    buffer.at(std::mem::offset_of!(MIB_TCP6TABLE, table))
}

/// Returns the IPv4 connection of the script, from the table.
fn row4() -> MIB_TCPROW {
    let mut buffer = RawBuffer::new(4096);
    let table = buffer.pointer();
    // SAFETY: the buffer is aligned to 8 bytes and `size` bytes long.
    assert_eq!(unsafe { GetTcpTable(table, &mut buffer.size, TRUE) }, NO_ERROR);
    buffer.at(std::mem::offset_of!(MIB_TCPTABLE, table))
}

/// Returns the functions of both families, each as an import and by address.
fn functions() -> [(&'static str, Get, Set); 4] {
    let (six, four) = (row6(), row4());
    let get6: PFN_GetPerTcp6ConnectionEStats = look_up(c"GetPerTcp6ConnectionEStats");
    let set6: PFN_SetPerTcp6ConnectionEStats = look_up(c"SetPerTcp6ConnectionEStats");
    let get4: PFN_GetPerTcpConnectionEStats = look_up(c"GetPerTcpConnectionEStats");
    let set4: PFN_SetPerTcpConnectionEStats = look_up(c"SetPerTcpConnectionEStats");
    // The row is valid for a read, and callers pass null or buffers of the given sizes.
    macro_rules! get {
        ($function:expr, $row:ident) => {
            Box::new(move |kind, (a, b, c): Part, (d, e, f): Part, (g, h, i): Part| {
                // SAFETY: see the comment above `get!`.
                unsafe { $function(&$row, kind, a, b, c, d, e, f, g, h, i) }
            })
        };
    }
    macro_rules! set {
        ($function:expr, $row:ident) => {
            Box::new(move |kind, (rw, version, size): Part, offset| {
                // SAFETY: see the comment above `get!`.
                unsafe { $function(&$row, kind, rw, version, size, offset) }
            })
        };
    }
    [
        ("6", get!(GetPerTcp6ConnectionEStats, six), set!(SetPerTcp6ConnectionEStats, six)),
        ("6 by address", get!(get6, six), set!(set6, six)),
        ("4", get!(GetPerTcpConnectionEStats, four), set!(SetPerTcpConnectionEStats, four)),
        ("4 by address", get!(get4, four), set!(set4, four)),
    ]
}

/// Returns the parameters of a structure, with version 0.
fn part<T>(it: &mut T) -> Part {
    (std::ptr::from_mut(it).cast(), 0, size_of::<T>() as u32)
}

#[test]
fn collection_is_disabled_denied_enabled_and_not_found() {
    let Some(machine) = Machine::new(CONNECTION) else { return };
    for garbage in ["", "garbage 1\n"] {
        machine.play(&format!("{garbage}{CONNECTION}"));
        for (function, get, set) in functions() {
            machine.play(&format!("{garbage}{CONNECTION}"));
            let (mut rw, mut rod) = (TCP_ESTATS_DATA_RW_v0::default(), TCP_ESTATS_DATA_ROD_v0::default());
            let kind = TcpConnectionEstatsData;
            let mut read = || {
                let code = get(kind, part(&mut rw), NONE, part(&mut rod));
                (code, rw.EnableCollection, rod.DataBytesOut, rod.ThruBytesReceived)
            };
            let enable = |on: u8| set(kind, part(&mut TCP_ESTATS_DATA_RW_v0 { EnableCollection: on }), 0);

            const GARBAGE: u64 = 0xA5A5_A5A5_A5A5_A5A5;
            assert_eq!(read(), (NO_ERROR, 0, GARBAGE, GARBAGE), "{function}: disabled, which is a success");
            assert_eq!(enable(1), ERROR_ACCESS_DENIED, "{function}");
            assert_eq!(read().1, 0, "{function}");

            machine.play(&format!("administrator\n{garbage}{CONNECTION}"));
            assert_eq!(enable(1), NO_ERROR, "{function}");
            let last = u64::from_le_bytes([89, 90, 91, 92, 93, 94, 95, 96]);
            assert_eq!(read(), (NO_ERROR, 1, 0x0807_0605_0403_0201, last), "{function}: enabled");
            assert_eq!(enable(0), NO_ERROR, "{function}");
            assert_eq!(read().1, 0, "{function}");

            machine.play(&format!(
                "administrator\n{}",
                CONNECTION.replace(":443", ":443 gone=1").replace(":5000", ":5000 gone=1")
            ));
            assert_eq!(read().0, ERROR_NOT_FOUND, "{function}: unknown connection");
            assert_eq!(enable(1), ERROR_NOT_FOUND, "{function}");
        }
    }
}

#[test]
fn structure_sizes_match_the_c_headers_to_the_byte() {
    let Some(_machine) = Machine::new(&format!("administrator\n{CONNECTION}")) else { return };
    macro_rules! sizes {
        ($($kind:ident $rw:ty, $ros:ty, $rod:ty;)*) => {
            [$(($kind, [size_of::<$rw>() as u32, size_of::<$ros>() as u32, size_of::<$rod>() as u32])),*]
        };
    }
    let kinds = sizes! {
        TcpConnectionEstatsSynOpts (), TCP_ESTATS_SYN_OPTS_ROS_v0, ();
        TcpConnectionEstatsData TCP_ESTATS_DATA_RW_v0, (), TCP_ESTATS_DATA_ROD_v0;
        TcpConnectionEstatsSndCong TCP_ESTATS_SND_CONG_RW_v0, TCP_ESTATS_SND_CONG_ROS_v0, TCP_ESTATS_SND_CONG_ROD_v0;
        TcpConnectionEstatsPath TCP_ESTATS_PATH_RW_v0, (), TCP_ESTATS_PATH_ROD_v0;
        TcpConnectionEstatsSendBuff TCP_ESTATS_SEND_BUFF_RW_v0, (), TCP_ESTATS_SEND_BUFF_ROD_v0;
        TcpConnectionEstatsRec TCP_ESTATS_REC_RW_v0, (), TCP_ESTATS_REC_ROD_v0;
        TcpConnectionEstatsObsRec TCP_ESTATS_OBS_REC_RW_v0, (), TCP_ESTATS_OBS_REC_ROD_v0;
        TcpConnectionEstatsBandwidth TCP_ESTATS_BANDWIDTH_RW_v0, (), TCP_ESTATS_BANDWIDTH_ROD_v0;
        TcpConnectionEstatsFineRtt TCP_ESTATS_FINE_RTT_RW_v0, (), TCP_ESTATS_FINE_RTT_ROD_v0;
    };
    for (function, get, _) in functions() {
        for (kind, sizes) in kinds {
            let mut buffers = sizes.map(RawBuffer::new);
            let mut parts = |change: usize, by: i32, version: u32| {
                let mut parts = [NONE; 3];
                for (at, buffer) in buffers.iter_mut().enumerate().filter(|(at, _)| sizes[*at] > 0) {
                    let size = if at == change { sizes[at].wrapping_add_signed(by) } else { sizes[at] };
                    parts[at] = (buffer.pointer(), if at == change { version } else { 0 }, size);
                }
                parts
            };
            let [rw, ros, rod] = parts(3, 0, 0);
            assert_eq!(get(kind, rw, ros, rod), NO_ERROR, "{function} {kind}");
            for change in (0..3).filter(|at| sizes[*at] > 0) {
                let [rw, ros, rod] = parts(change, -1, 0);
                assert_eq!(get(kind, rw, ros, rod), ERROR_INVALID_USER_BUFFER, "{function} {kind}: one byte too small");
                let [rw, ros, rod] = parts(change, 0, 1);
                assert_eq!(get(kind, rw, ros, rod), ERROR_NOT_SUPPORTED, "{function} {kind}: version 1");
            }
            for (buffer, size) in buffers.iter().zip(sizes).filter(|(_, size)| *size > 0) {
                assert_eq!(buffer.bytes()[size as usize..][..8], [0x5A; 8], "{function} {kind}: written past the end");
                assert!(!buffer.is_untouched(), "{function} {kind}");
            }
        }
    }
}

#[test]
fn bandwidth_directions_are_enabled_independently() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&format!("administrator\n{CONNECTION}"));
    for (function, get, set) in functions() {
        machine.play(&format!("administrator\n{CONNECTION}"));
        let kind = TcpConnectionEstatsBandwidth;
        let mut rw = TCP_ESTATS_BANDWIDTH_RW_v0::default();
        for (outbound, inbound, expected) in [
            (TcpBoolOptEnabled, TcpBoolOptUnchanged, (1, 0)),
            (TcpBoolOptUnchanged, TcpBoolOptEnabled, (1, 1)),
            (TcpBoolOptDisabled, TcpBoolOptUnchanged, (0, 1)),
        ] {
            let mut switches =
                TCP_ESTATS_BANDWIDTH_RW_v0 { EnableCollectionOutbound: outbound, EnableCollectionInbound: inbound };
            assert_eq!(set(kind, part(&mut switches), 0), NO_ERROR, "{function}");
            assert_eq!(get(kind, part(&mut rw), NONE, NONE), NO_ERROR, "{function}");
            assert_eq!((rw.EnableCollectionOutbound, rw.EnableCollectionInbound), expected, "{function}");
        }
    }
}

#[test]
fn invalid_parameters_are_refused() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&format!("administrator\n{CONNECTION}"));
    for (function, get, set) in functions() {
        let mut rw = TCP_ESTATS_DATA_RW_v0 { EnableCollection: 1 };
        let kind = TcpConnectionEstatsData;
        for invalid in [-1, TcpConnectionEstatsMaximum] {
            assert_eq!(get(invalid, part(&mut rw), NONE, NONE), ERROR_INVALID_PARAMETER, "{function}");
            assert_eq!(set(invalid, part(&mut rw), 0), ERROR_INVALID_PARAMETER, "{function}");
        }
        assert_eq!(get(kind, (null(), 0, 1), NONE, NONE), ERROR_INVALID_USER_BUFFER, "{function}: null buffer");
        assert_eq!(set(kind, (null(), 0, 1), 0), ERROR_INVALID_USER_BUFFER, "{function}");
        let (pointer, _, size) = part(&mut rw);
        assert_eq!(set(kind, (pointer, 1, size), 0), ERROR_NOT_SUPPORTED, "{function}: version 1");
        assert_eq!(set(kind, (pointer, 0, size), 1), ERROR_NOT_SUPPORTED, "{function}: offset 1");
        assert_eq!(set(kind, (pointer, 0, 0), 0), NO_ERROR, "{function}: size 0 does nothing");
        assert_eq!(get(kind, part(&mut rw), NONE, NONE), NO_ERROR, "{function}");
        assert_eq!(rw.EnableCollection, 0, "{function}");
    }
    // SAFETY: a null row is refused.
    let code = unsafe { SetPerTcp6ConnectionEStats(null(), 1, null(), 0, 0, 0) };
    assert_eq!(code, ERROR_INVALID_PARAMETER);
}
