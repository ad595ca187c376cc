//! The names of the module that owns a socket: GetOwnerModuleFromTcp6Entry's response.
//!
//! Like [`retry`](super::retry) it is written over a call that takes storage and a size, and is tested on every system.
//! All that goes wrong (no memory 8, the process gone 1168, or not to be looked into 5 and 299, nonsense 87) is no
//! answer: there is the process to fall back on.
#![cfg_attr(not(windows), allow(dead_code))]

use core::mem::offset_of;

use tcp6_sys::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_MOD_NOT_FOUND, MIB_TCP6ROW_OWNER_MODULE, NO_ERROR, TCPIP_OWNER_MODULE_BASIC_INFO,
    TCPIP_OWNING_MODULE_SIZE,
};

use super::response::{Response, os_string};
use crate::process::{Module, Process};
use crate::row::pod::{self, Word};

/// Room for two pointers, a name and a path that are not unusually long.
const FIRST_BYTES: usize = 2 << 10;

/// Room for the longest path that Windows has, twice. What wants more is no names.
const MOST_BYTES: usize = 128 << 10;

const ATTEMPTS: u32 = 4;

/// What the system calls the owner of a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    name: Vec<u16>,
    path: Vec<u16>,
}

/// Asks for the names, with more room if need be. The room is kept for the next time.
pub(super) fn ask(room: &mut Vec<Word>, mut call: impl FnMut(&mut [Word], &mut u32) -> u32) -> Option<Names> {
    let mut bytes = FIRST_BYTES.max(size_of_val(&room[..]));
    for _ in 0..ATTEMPTS {
        // Zeros, so that a call which succeeds and writes nothing gives null pointers.
        room.clear();
        room.resize(bytes.div_ceil(size_of::<Word>()), Word::default());
        let mut size = u32::try_from(size_of_val(&room[..])).ok()?;
        match call(room, &mut size) {
            NO_ERROR => return Names::read(Response::new(pod::bytes_of(room))),
            ERROR_INSUFFICIENT_BUFFER if bytes < MOST_BYTES => {
                bytes = (size as usize).max(bytes * 2).min(MOST_BYTES);
            }
            _ => return None,
        }
    }
    None
}

/// Asks for the names of the module that owns the socket of this row.
///
/// Newer versions of Windows return ERROR_MOD_NOT_FOUND for some rows whose `OwningModuleInfo` is not zero, and succeed
/// for the same process if it is (Wine's tests, which are run on Windows, allow for it). The names are then those of the
/// process' executable.
pub(super) fn ask_for_row(
    room: &mut Vec<Word>,
    row: &MIB_TCP6ROW_OWNER_MODULE,
    mut call: impl FnMut(&MIB_TCP6ROW_OWNER_MODULE, &mut [Word], &mut u32) -> u32,
) -> Option<Names> {
    const UNKNOWN: [u64; TCPIP_OWNING_MODULE_SIZE] = [0; TCPIP_OWNING_MODULE_SIZE];
    let mut code = NO_ERROR;
    let names = ask(room, |room, size| {
        code = call(row, room, size);
        code
    });
    if code != ERROR_MOD_NOT_FOUND || row.OwningModuleInfo == UNKNOWN {
        return names;
    }
    let without_info = MIB_TCP6ROW_OWNER_MODULE { OwningModuleInfo: UNKNOWN, ..*row };
    ask(room, |room, size| call(&without_info, room, size))
}

impl Names {
    fn read(response: Response<'_>) -> Option<Names> {
        let text = |pointer: usize| response.text_to_zero(response.word(pointer)?);
        Some(Names {
            name: text(offset_of!(TCPIP_OWNER_MODULE_BASIC_INFO, pModuleName))?,
            path: text(offset_of!(TCPIP_OWNER_MODULE_BASIC_INFO, pModulePath))?,
        })
    }

    /// The module of this process that is called so. `None` if it is called nothing: Windows succeeds with empty names
    /// where it may not tell.
    ///
    /// The path of a service may be its name once more. That is none, and the process has a better one.
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

/// Whether it is a path, and not a mere name.
pub(super) fn has_folder(path: &[u16]) -> bool {
    path.contains(&SEPARATOR)
}

/// What is behind the last separator.
pub(super) fn file_name(path: &[u16]) -> &[u16] {
    path.rsplit(|unit| *unit == SEPARATOR).next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
