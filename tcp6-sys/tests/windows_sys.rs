//! Compares every structure and every value with those that Microsoft generates for `windows-sys`.
//!
//! Not on 32-bit systems other than Windows: some of them align a `u64` to 4 bytes, and windows-sys leaves it at that.
#![cfg(any(windows, target_pointer_width = "64"))]
#![allow(non_snake_case)]

use std::mem::offset_of;

/// The names of the C headers, where windows-sys has them.
mod theirs {
    pub(crate) use windows_sys::Win32::Foundation::*;
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::*;
    pub(crate) use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6, IN6_ADDR};
    // Its MIB_TCPROW_LH has the state in a union without a name.
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::MIB_TCPROW_W2K as MIB_TCPROW;
    // Its MIB_TCPSTATS_LH has the algorithm in a union without a name. Otherwise the two are the same.
    pub(crate) use windows_sys::Win32::NetworkManagement::IpHelper::MIB_TCPSTATS_W2K as MIB_TCPSTATS;
}

/// The size of the field that a function picks.
fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

// The table serves as the list of names alone: what is compared is one crate's layout with the other's.
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
        fn constants() {
            compare!($($name)*);
        }
    };
}

/// As 32 bits, whatever the type: windows-sys has some values signed that are unsigned here.
macro_rules! compare {
    ($($name:ident)*) => { $(
        assert_eq!(tcp6_sys::$name as u32, theirs::$name as u32, stringify!($name));
    )* };
}

include!("../src/layout/table.rs");

/// The values that the table is without.
#[test]
fn constants_that_mingw_lacks() {
    compare!(
        MIB_TCP_STATE_RESERVED
        TcpRtoAlgorithmOther TcpRtoAlgorithmConstant TcpRtoAlgorithmRsre TcpRtoAlgorithmVanj
        TcpErrorNone TcpErrorBelowDataWindow TcpErrorAboveDataWindow TcpErrorBelowAckWindow TcpErrorAboveAckWindow
        TcpErrorBelowTsWindow TcpErrorAboveTsWindow TcpErrorDataChecksumError TcpErrorDataLengthError
        TcpErrorMaxSoftError
    );
}

#[test]
fn unions() {
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
