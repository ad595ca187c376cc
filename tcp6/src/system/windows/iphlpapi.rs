//! The calls into iphlpapi.
#![allow(unsafe_code)]

use tcp6_sys::{
    AF_INET6, GetExtendedTcpTable, GetTcp6Table, GetTcp6Table2, TCP_TABLE_CLASS, TCP_TABLE_OWNER_MODULE_ALL,
    TCP_TABLE_OWNER_MODULE_LISTENER, TCP_TABLE_OWNER_PID_ALL, TCP_TABLE_OWNER_PID_LISTENER,
};

use crate::row::class::Class;
use crate::row::pod::Word;
use crate::row::state::StateSet;
use crate::table::query::Query;

/// One of the family's functions, with all of its arguments but the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    function: Function,
    sorted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Function {
    Table,
    Table2,
    Extended(TCP_TABLE_CLASS),
}

impl Call {
    /// The call that gives a table of this class.
    ///
    /// Only listeners can be asked for alone. The CONNECTIONS classes are of no use: their states differ between
    /// Windows (more than ESTABLISHED) and Wine (ESTABLISHED). Nor are the BASIC classes, which Windows has for IPv4 only.
    pub(super) fn new(class: Class, query: &Query) -> Call {
        let listeners = query.wanted_states() == StateSet::LISTEN;
        let function = match (class, listeners) {
            (Class::Basic, _) => Function::Table,
            (Class::Offload, _) => Function::Table2,
            (Class::OwnerPid, false) => Function::Extended(TCP_TABLE_OWNER_PID_ALL),
            (Class::OwnerPid, true) => Function::Extended(TCP_TABLE_OWNER_PID_LISTENER),
            (Class::OwnerModule, false) => Function::Extended(TCP_TABLE_OWNER_MODULE_ALL),
            (Class::OwnerModule, true) => Function::Extended(TCP_TABLE_OWNER_MODULE_LISTENER),
        };
        Call { function, sorted: query.is_sorted() }
    }

    /// The name of the function, for errors.
    pub(super) fn name(self) -> &'static str {
        match self.function {
            Function::Table => "GetTcp6Table",
            Function::Table2 => "GetTcp6Table2",
            Function::Extended(_) => "GetExtendedTcpTable",
        }
    }

    /// Calls it with room for `size` bytes, at most those of `table`; gives its return code.
    pub(super) fn make(self, table: &mut [Word], size: &mut u32) -> u32 {
        let room = size_of_val(table);
        *size = (*size).min(u32::try_from(room).unwrap_or(u32::MAX));
        let order = i32::from(self.sorted);
        let table = table.as_mut_ptr();
        match self.function {
            // SAFETY: `table` is 8-aligned and valid for writes of `size` bytes (see the `min` above), `size` is a
            // valid pointer, and neither is kept by the function.
            Function::Table => unsafe { GetTcp6Table(table.cast(), size, order) },
            // SAFETY: as above.
            Function::Table2 => unsafe { GetTcp6Table2(table.cast(), size, order) },
            // SAFETY: as above; the class is one that exists, and `Reserved` is zero.
            Function::Extended(class) => unsafe { GetExtendedTcpTable(table.cast(), size, order, AF_INET6, class, 0) },
        }
    }
}
