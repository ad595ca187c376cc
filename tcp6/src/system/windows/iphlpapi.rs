//! Calls of the table functions of iphlpapi, and of GetTcpStatisticsEx.
#![allow(unsafe_code)]

use tcp6_sys::{
    AF_INET6, GetExtendedTcpTable, GetTcp6Table, GetTcp6Table2, GetTcpStatisticsEx, MIB_TCPSTATS, TCP_TABLE_CLASS,
    TCP_TABLE_OWNER_MODULE_ALL, TCP_TABLE_OWNER_MODULE_LISTENER, TCP_TABLE_OWNER_PID_ALL, TCP_TABLE_OWNER_PID_LISTENER,
};

use crate::row::class::Class;
use crate::row::pod::Word;
use crate::row::state::StateSet;
use crate::table::query::Query;

/// A table function with all arguments except the buffer and its size.
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
    /// The call that returns a table of this class.
    ///
    /// If the query wants listeners only, the call uses a LISTENER class where one exists. The CONNECTIONS classes are
    /// not used, because their states differ: Windows includes more states than ESTABLISHED, Wine does not. The BASIC
    /// classes are not used, because Windows supports them for IPv4 only.
    pub(super) fn new(class: Class, query: &Query) -> Call {
        let listeners_only = query.wanted_states() == StateSet::LISTEN;
        let function = match (class, listeners_only) {
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

    /// Calls the function and returns its code.
    ///
    /// `size` is the capacity in bytes, limited to that of `table`. The function sets it to the written or required
    /// size.
    pub(super) fn make(self, table: &mut [Word], size: &mut u32) -> u32 {
        let capacity = size_of_val(table);
        *size = (*size).min(u32::try_from(capacity).unwrap_or(u32::MAX));
        let order = i32::from(self.sorted);
        let table = table.as_mut_ptr();
        match self.function {
            // SAFETY: `table` is 8-aligned and valid for writes of `size` bytes (see the `min` above), `size` is valid
            // for reads and writes, and the function retains neither pointer.
            Function::Table => unsafe { GetTcp6Table(table.cast(), size, order) },
            // SAFETY: as above.
            Function::Table2 => unsafe { GetTcp6Table2(table.cast(), size, order) },
            // SAFETY: as above; the class is defined for AF_INET6, and `Reserved` is zero.
            Function::Extended(class) => unsafe { GetExtendedTcpTable(table.cast(), size, order, AF_INET6, class, 0) },
        }
    }
}

/// Reads the IPv6 counters of the TCP stack, and returns the code of the function.
pub(super) fn tcp_statistics(counters: &mut MIB_TCPSTATS) -> u32 {
    // SAFETY: `counters` is valid for a write, and the function does not retain the pointer.
    unsafe { GetTcpStatisticsEx(counters, AF_INET6) }
}
