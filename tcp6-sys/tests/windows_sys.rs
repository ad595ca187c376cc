//! Compares every structure and constant with `windows-sys`, generated from Microsoft's metadata.
//!
//! Excluded are 32-bit systems other than Windows: some align a `u64` to 4 bytes, and windows-sys does not correct for
//! that.
#![cfg(any(windows, target_pointer_width = "64"))]
#![allow(non_snake_case)]

use std::mem::offset_of;

/// The items of windows-sys under the names of the C headers.
mod theirs {
    pub(crate) use windows_sys::Win32::Foundation::*;
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::*;
    pub(crate) use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6, IN6_ADDR};
    // MIB_TCPROW_LH has the state in an anonymous union.
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::MIB_TCPROW_W2K as MIB_TCPROW;
    // MIB_TCPSTATS_LH has the algorithm in an anonymous union and is otherwise identical.
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::MIB_TCPSTATS_W2K as MIB_TCPSTATS;
}

/// Returns the size of the field that the function returns a reference to.
fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

// Only the names of the table are used: the test compares the layouts of the two crates.
macro_rules! layouts {
    ($($name:ident: size $($_size:literal)/+, align $($_align:literal)/+ {
        $($field:ident: $($_offset:literal + $_len:literal)/+,)*
    })*) => { $(
        #[test]
        fn $name() {
            type Ours = tcp6_sys::$name;
            type Theirs = theirs::$name;
            assert_eq!(size_of::<Ours>(), size_of::<Theirs>(), "size");
            assert_eq!(align_of::<Ours>(), align_of::<Theirs>(), "alignment");
            $(
                let what = stringify!($field);
                assert_eq!(offset_of!(Ours, $field), offset_of!(Theirs, $field), "offset of {what}");
                let ours = size_of_field(|it: &Ours| &it.$field);
                assert_eq!(ours, size_of_field(|it: &Theirs| &it.$field), "size of {what}");
            )*
        }
    )* };
}

macro_rules! constants {
    ($($name:ident = $value:literal,)*) => {
        #[test]
        fn constants_match_windows_sys() {
            compare!($($name)*);
        }
    };
}

/// Compares as `u32`: some constants that are unsigned in tcp6-sys are signed in windows-sys.
macro_rules! compare {
    ($($name:ident)*) => { $(
        assert_eq!(tcp6_sys::$name as u32, theirs::$name as u32, stringify!($name));
    )* };
}

include!("../src/layout/table.rs");

/// The table has only the constants that MinGW-w64 also has.
#[test]
fn constants_missing_from_mingw_match_windows_sys() {
    compare!(
        MIB_TCP_STATE_RESERVED
        TcpRtoAlgorithmOther TcpRtoAlgorithmConstant TcpRtoAlgorithmRsre TcpRtoAlgorithmVanj
        TcpErrorNone TcpErrorBelowDataWindow TcpErrorAboveDataWindow TcpErrorBelowAckWindow TcpErrorAboveAckWindow
        TcpErrorBelowTsWindow TcpErrorAboveTsWindow TcpErrorDataChecksumError TcpErrorDataLengthError
        TcpErrorMaxSoftError
    );
}

#[test]
fn unions_match_windows_sys() {
    use windows_sys::Win32::NetworkManagement::IpHelper::{MIB_TCPSTATS_LH, MIB_TCPSTATS_LH_0};
    use windows_sys::Win32::Networking::WinSock::IN6_ADDR_0;

    assert_eq!(size_of::<tcp6_sys::IN6_ADDR_0>(), size_of::<IN6_ADDR_0>());
    assert_eq!(align_of::<tcp6_sys::IN6_ADDR_0>(), align_of::<IN6_ADDR_0>());
    assert_eq!(offset_of!(tcp6_sys::IN6_ADDR, u.Byte), offset_of!(theirs::IN6_ADDR, u.Byte));
    assert_eq!(offset_of!(tcp6_sys::IN6_ADDR, u.Word), offset_of!(theirs::IN6_ADDR, u.Word));

    assert_eq!(size_of::<tcp6_sys::MIB_TCPSTATS>(), size_of::<MIB_TCPSTATS_LH>());
    assert_eq!(offset_of!(tcp6_sys::MIB_TCPSTATS, dwRtoMin), offset_of!(MIB_TCPSTATS_LH, dwRtoMin));
    assert_eq!(size_of::<u32>(), size_of::<MIB_TCPSTATS_LH_0>());
}
