//! Calls of [GetPerTcp6ConnectionEStats] and [SetPerTcp6ConnectionEStats], which Wine before 10.15 lacks.
//!
//! [GetPerTcp6ConnectionEStats]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcp6connectionestats
//! [SetPerTcp6ConnectionEStats]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcp6connectionestats
#![allow(unsafe_code)]

use core::mem;
use core::ptr;
use std::sync::OnceLock;

use tcp6_sys::{
    ERROR_CALL_NOT_IMPLEMENTED, MIB_TCP6ROW, PFN_GetPerTcp6ConnectionEStats, PFN_SetPerTcp6ConnectionEStats,
    TCP_ESTATS_DATA_RW_v0, TCP_ESTATS_FINE_RTT_RW_v0, TCP_ESTATS_OBS_REC_RW_v0, TCP_ESTATS_PATH_RW_v0,
    TCP_ESTATS_REC_RW_v0, TCP_ESTATS_SEND_BUFF_RW_v0, TCP_ESTATS_SND_CONG_RW_v0,
};

use super::Calls;
use super::rod::Rod;
use super::types::Type;
use crate::system::windows::kernel32::{self, FarProc};

/// The size of the switch of every [`Type`]: a BOOLEAN.
const RW_SIZE: u32 = 1;

const _: () = assert!(
    size_of::<TCP_ESTATS_DATA_RW_v0>() == 1
        && size_of::<TCP_ESTATS_SND_CONG_RW_v0>() == 1
        && size_of::<TCP_ESTATS_PATH_RW_v0>() == 1
        && size_of::<TCP_ESTATS_SEND_BUFF_RW_v0>() == 1
        && size_of::<TCP_ESTATS_REC_RW_v0>() == 1
        && size_of::<TCP_ESTATS_OBS_REC_RW_v0>() == 1
        && size_of::<TCP_ESTATS_FINE_RTT_RW_v0>() == 1
);

/// The functions of iphlpapi, which are stateless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Functions;

impl Calls for Functions {
    fn read_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: &mut u8) -> u32 {
        get(row, estats_type, rw, None)
    }

    fn read(&mut self, row: &MIB_TCP6ROW, rw: &mut u8, rod: &mut Rod) -> u32 {
        get(row, rod.estats_type(), rw, Some(rod))
    }

    fn write_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: u8) -> u32 {
        static FUNCTION: OnceLock<Option<PFN_SetPerTcp6ConnectionEStats>> = OnceLock::new();
        let Some(function) = *FUNCTION.get_or_init(find_set) else { return ERROR_CALL_NOT_IMPLEMENTED };
        // SAFETY: `row` and `rw` are valid for reads, `rw` has the size of the switch of the type (asserted above),
        // version and offset are 0, and the function retains no pointer.
        unsafe { function(row, estats_type.as_raw(), &rw, 0, RW_SIZE, 0) }
    }
}

/// Reads the switch of a type, and its values if `rod` is their struct.
fn get(row: &MIB_TCP6ROW, estats_type: Type, rw: &mut u8, rod: Option<&mut Rod>) -> u32 {
    static FUNCTION: OnceLock<Option<PFN_GetPerTcp6ConnectionEStats>> = OnceLock::new();
    let Some(function) = *FUNCTION.get_or_init(find_get) else { return ERROR_CALL_NOT_IMPLEMENTED };
    let (rod, rod_size) = rod.map_or((ptr::null_mut(), 0), Rod::as_mut_ptr);
    // SAFETY: `row` is valid for reads, `rw` is valid for writes and has the size of the switch of the type (asserted
    // above), `rod` is null, or valid for writes of `rod_size` bytes of a struct for which any bytes are a value, all
    // versions are 0, and the function retains no pointer.
    unsafe { function(row, estats_type.as_raw(), rw, 0, RW_SIZE, ptr::null_mut(), 0, 0, rod, 0, rod_size) }
}

fn find_get() -> Option<PFN_GetPerTcp6ConnectionEStats> {
    let function = kernel32::find(c"GetPerTcp6ConnectionEStats")?;
    // SAFETY: the function has this signature in every version of the library that exports it.
    Some(unsafe { mem::transmute::<FarProc, PFN_GetPerTcp6ConnectionEStats>(function) })
}

fn find_set() -> Option<PFN_SetPerTcp6ConnectionEStats> {
    let function = kernel32::find(c"SetPerTcp6ConnectionEStats")?;
    // SAFETY: as above.
    Some(unsafe { mem::transmute::<FarProc, PFN_SetPerTcp6ConnectionEStats>(function) })
}
