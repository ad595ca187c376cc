//! Helpers for tests of `tcp6-sys` (buffers, run-time look-ups), and tests of the statistics functions.

use std::ffi::{CStr, c_void};
use std::mem::transmute_copy;

use tcp6_sys::{
    AF_INET, AF_INET6, ERROR_INVALID_PARAMETER, GetTcpStatisticsEx, MIB_TCP_MAXCONN_DYNAMIC, MIB_TCPSTATS,
    MIB_TCPSTATS2, NO_ERROR, PFN_GetTcpStatisticsEx2, TcpRtoAlgorithmVanj,
};

use crate::machine::{Export, Machine, export};
use crate::rows::ROWS;

/// A buffer aligned to 8 bytes, and the size that a call reads and writes.
#[derive(Debug)]
pub struct RawBuffer {
    words: Vec<u64>,
    pub size: u32,
}

/// The contents of a buffer before a call.
const UNTOUCHED: u64 = 0x5A5A_5A5A_5A5A_5A5A;

impl RawBuffer {
    /// Allocates at least 8 bytes more than the size, to detect writes beyond it.
    pub fn new(bytes: u32) -> RawBuffer {
        RawBuffer { words: vec![UNTOUCHED; (bytes as usize).div_ceil(8) + 1], size: bytes }
    }

    pub fn pointer<T>(&mut self) -> *mut T {
        self.words.as_mut_ptr().cast()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    pub fn u32_at(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.bytes()[offset..offset + 4].try_into().unwrap())
    }

    pub fn is_untouched(&self) -> bool {
        self.words.iter().all(|word| *word == UNTOUCHED)
    }

    /// Returns a copy of the structure at an offset.
    ///
    /// Every bit pattern must be a valid value of `T`, as for all structures of tcp6-sys.
    pub fn at<T: Copy>(&self, offset: usize) -> T {
        let bytes = self.bytes();
        assert!(offset + size_of::<T>() <= bytes.len());
        // SAFETY: the offset is within the bytes, by the assertion.
        let place = unsafe { bytes.as_ptr().add(offset) };
        // SAFETY: the bytes lie within the vector, any bytes are a valid `T`, and the read is unaligned.
        unsafe { place.cast::<T>().read_unaligned() }
    }

    /// Returns the address of the first byte, to compare with pointers that a call writes.
    pub fn address(&self) -> usize {
        self.words.as_ptr().addr()
    }
}

/// Looks up a function of the library by name, as a pointer type of tcp6-sys.
pub fn look_up<F: Copy>(name: &CStr) -> F {
    assert_eq!(size_of::<F>(), size_of::<Export>());
    let function = export(name).unwrap_or_else(|| panic!("the library has no {name:?}"));
    // SAFETY: both are function pointers, and callers pass the type that tcp6-sys declares for this name.
    unsafe { transmute_copy(&function) }
}

#[test]
fn statistics_counters_are_in_the_right_fields() {
    let Some(_machine) = Machine::new(&format!("segments 4294967303 8589934601\n{ROWS}")) else { return };
    let ex2: PFN_GetTcpStatisticsEx2 = look_up(c"GetTcpStatisticsEx2");
    let (mut one, mut two) = (MIB_TCPSTATS::default(), MIB_TCPSTATS2::default());
    // SAFETY: the structure is valid for a write.
    assert_eq!(unsafe { GetTcpStatisticsEx(&mut one, AF_INET6) }, NO_ERROR);
    // SAFETY: as above.
    assert_eq!(unsafe { ex2(&mut two, AF_INET6) }, NO_ERROR);
    let common = [
        [one.dwRtoAlgorithm, two.RtoAlgorithm as u32, TcpRtoAlgorithmVanj as u32],
        [one.dwRtoMin, two.dwRtoMin, 10],
        [one.dwRtoMax, two.dwRtoMax, u32::MAX],
        [one.dwMaxConn, two.dwMaxConn, MIB_TCP_MAXCONN_DYNAMIC],
        [one.dwActiveOpens, two.dwActiveOpens, 101],
        [one.dwPassiveOpens, two.dwPassiveOpens, 102],
        [one.dwAttemptFails, two.dwAttemptFails, 103],
        [one.dwEstabResets, two.dwEstabResets, 104],
        [one.dwCurrEstab, two.dwCurrEstab, 1],
        [one.dwInSegs, two.dw64InSegs as u32, 7],
        [one.dwOutSegs, two.dw64OutSegs as u32, 9],
        [one.dwRetransSegs, two.dwRetransSegs, 105],
        [one.dwInErrs, two.dwInErrs, 106],
        [one.dwOutRsts, two.dwOutRsts, 107],
        [one.dwNumConns, two.dwNumConns, 5],
    ];
    for (at, [one, two, expected]) in common.into_iter().enumerate() {
        assert_eq!((one, two), (expected, expected), "counter {at}");
    }
    assert_eq!((two.dw64InSegs, two.dw64OutSegs), ((1 << 32) + 7, (1 << 33) + 9));
}

#[test]
fn statistics_refuse_unknown_families_and_null() {
    let Some(machine) = Machine::new("") else { return };
    let ex2: PFN_GetTcpStatisticsEx2 = look_up(c"GetTcpStatisticsEx2");
    let (mut one, mut two) = (MIB_TCPSTATS::default(), MIB_TCPSTATS2::default());
    for family in [0, 10, u32::MAX] {
        // SAFETY: the structure is valid for a write.
        assert_eq!(unsafe { GetTcpStatisticsEx(&mut one, family) }, ERROR_INVALID_PARAMETER);
        // SAFETY: as above.
        assert_eq!(unsafe { ex2(&mut two, family) }, ERROR_INVALID_PARAMETER);
    }
    // SAFETY: null is refused.
    assert_eq!(unsafe { GetTcpStatisticsEx(std::ptr::null_mut(), AF_INET) }, ERROR_INVALID_PARAMETER);
    // SAFETY: null is refused.
    assert_eq!(unsafe { ex2(std::ptr::null_mut(), AF_INET) }, ERROR_INVALID_PARAMETER);
    machine.play("code GetTcpStatisticsEx 50\ncode GetTcpStatisticsEx2 50");
    // SAFETY: the structure is valid for a write.
    assert_eq!(unsafe { GetTcpStatisticsEx(&mut one, AF_INET) }, tcp6_sys::ERROR_NOT_SUPPORTED);
    // SAFETY: as above.
    assert_eq!(unsafe { ex2(&mut two, AF_INET) }, tcp6_sys::ERROR_NOT_SUPPORTED);
}

/// Returns a null pointer of any type.
pub fn null<T>() -> *mut T {
    std::ptr::null_mut::<c_void>().cast()
}
