//! The names of the module that owns a socket, from GetOwnerModuleFromTcp6Entry.
//!
//! Like [`retry`](super::retry), this module takes the call as a closure, so that every system can test it. A failure
//! yields no names, and the module is then described by its process. Known failures:
//!
//! | code | reason |
//! |---|---|
//! | ERROR_NOT_ENOUGH_MEMORY (8) | out of memory |
//! | ERROR_NOT_FOUND (1168) | the process has exited |
//! | ERROR_ACCESS_DENIED (5), ERROR_PARTIAL_COPY (299) | the process cannot be inspected |
//! | ERROR_INVALID_PARAMETER (87) | an argument is invalid |
#![cfg_attr(not(windows), allow(dead_code))]

use core::mem::offset_of;

use tcp6_sys::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_MOD_NOT_FOUND, MIB_TCP6ROW_OWNER_MODULE, NO_ERROR, TCPIP_OWNER_MODULE_BASIC_INFO,
    TCPIP_OWNING_MODULE_SIZE,
};

use super::response::{Response, os_string};
use crate::process::{Module, Process};
use crate::row::pod::{self, Word};

/// The initial capacity in bytes: two pointers, and a name and a path of usual length.
const FIRST_BYTES: usize = 2 << 10;

/// The maximum capacity in bytes: twice the longest path of Windows.
const MAX_BYTES: usize = 128 << 10;

/// The maximum number of calls for one set of arguments.
const ATTEMPTS: u32 = 4;

/// The name and path of the module that owns a socket, as Windows reports them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    name: Vec<u16>,
    path: Vec<u16>,
}

/// Queries the names, and grows the buffer if it is too small.
///
/// `call` receives the buffer and its size in bytes, and returns the code of the function. If the buffer is too small,
/// it sets the size to the required one. The buffer keeps its size for the next query.
pub(super) fn query_names(buffer: &mut Vec<Word>, mut call: impl FnMut(&mut [Word], &mut u32) -> u32) -> Option<Names> {
    let mut bytes = FIRST_BYTES.max(size_of_val(&buffer[..]));
    for _ in 0..ATTEMPTS {
        // Zero the buffer, so that a call that succeeds without writing yields null pointers.
        buffer.clear();
        buffer.resize(bytes.div_ceil(size_of::<Word>()), Word::default());
        let mut size = u32::try_from(size_of_val(&buffer[..])).ok()?;
        match call(buffer, &mut size) {
            NO_ERROR => return Names::read(Response::new(pod::bytes_of(buffer))),
            ERROR_INSUFFICIENT_BUFFER if bytes < MAX_BYTES => {
                bytes = (size as usize).max(bytes * 2).min(MAX_BYTES);
            }
            _ => return None,
        }
    }
    None
}

/// Queries the names of the module that owns the socket of this row.
///
/// Newer versions of Windows return ERROR_MOD_NOT_FOUND for some rows with a nonzero `OwningModuleInfo`, but succeed if
/// it is zero; the tests of Wine, which also run on Windows, accept this. The query is therefore repeated with zero. It
/// then returns the names of the executable.
pub(super) fn query_names_for_row(
    buffer: &mut Vec<Word>,
    row: &MIB_TCP6ROW_OWNER_MODULE,
    mut call: impl FnMut(&MIB_TCP6ROW_OWNER_MODULE, &mut [Word], &mut u32) -> u32,
) -> Option<Names> {
    const UNKNOWN: [u64; TCPIP_OWNING_MODULE_SIZE] = [0; TCPIP_OWNING_MODULE_SIZE];
    let mut code = NO_ERROR;
    let names = query_names(buffer, |buffer, size| {
        code = call(row, buffer, size);
        code
    });
    if code != ERROR_MOD_NOT_FOUND || row.OwningModuleInfo == UNKNOWN {
        return names;
    }
    let without_info = MIB_TCP6ROW_OWNER_MODULE { OwningModuleInfo: UNKNOWN, ..*row };
    query_names(buffer, |buffer, size| call(&without_info, buffer, size))
}

impl Names {
    fn read(response: Response<'_>) -> Option<Names> {
        let text = |pointer: usize| response.nul_terminated_text(response.word(pointer)?);
        Some(Names {
            name: text(offset_of!(TCPIP_OWNER_MODULE_BASIC_INFO, pModuleName))?,
            path: text(offset_of!(TCPIP_OWNER_MODULE_BASIC_INFO, pModulePath))?,
        })
    }

    /// The module with these names in this process.
    ///
    /// `None` if there is no name: Windows may succeed with empty names, for example for protected processes.
    ///
    /// For a service, Windows may report the name as the path. The module then has the path of the process.
    pub(super) fn module(self, process: &Process) -> Option<Module> {
        let path = has_folder(&self.path).then_some(&self.path[..]);
        let name = if self.name.is_empty() { file_name(path?) } else { &self.name };
        Some(Module {
            name: os_string(name),
            path: path.map(|path| os_string(path).into()).or_else(|| process.executable.path.clone()),
        })
    }
}

const SEPARATOR: u16 = b'\\' as u16;

/// Whether this is a path rather than a file name.
pub(super) fn has_folder(path: &[u16]) -> bool {
    path.contains(&SEPARATOR)
}

/// The file name: the part after the last separator, or all if there is none.
pub(super) fn file_name(path: &[u16]) -> &[u16] {
    path.rsplit(|unit| *unit == SEPARATOR).next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
