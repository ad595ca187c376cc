//! What a dump requests: the states, the ports and the program that the kernel selects by.

use super::bytecode;
use super::inet_diag::{Extensions, SockId, append_attribute, dump_request};
use crate::system::linux::socket::{BOUND_INACTIVE, mask};
use crate::table::filter::Filter;
use crate::table::port_set::PortSet;
use crate::table::query::Query;

/// `INET_DIAG_REQ_BYTECODE`.
const REQ_BYTECODE: u16 = 1;

/// The sockets that a dump requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct Selection {
    /// Bit n for the kernel's state n.
    states: u32,
    /// The local and the remote port; 0 for any.
    ports: (u16, u16),
    /// The conditions that a program checks.
    program: Filter,
}

impl Selection {
    /// The sockets in these states.
    pub(in crate::system::linux) const fn in_states(states: u32) -> Selection {
        Selection { states, ports: (0, 0), program: Filter::NONE }
    }

    /// The sockets that the query selects, and possibly listeners that it excludes.
    ///
    /// A single local or remote port is a field of the request: it costs less than a program and is never refused.
    pub(in crate::system::linux) fn of(query: &Query) -> Selection {
        let mut program = Filter { local_scope_id: None, remote_scope_id: None, ..*query.filter() };
        let field = |ports: &mut Option<PortSet>| match ports.as_ref().map(PortSet::as_slice) {
            Some(&[port @ 1..=u16::MAX]) => {
                *ports = None;
                port
            }
            _ => 0,
        };
        let ports = (field(&mut program.local_ports), field(&mut program.remote_ports));
        Selection { states: mask(query.wanted_states()), ports, program }
    }

    /// The same selection of the sockets in other states.
    #[cfg(any(test, fuzzing))]
    pub(in crate::system::linux) fn with_states(self, states: u32) -> Selection {
        Selection { states, ..self }
    }

    /// The states: bit n for the kernel's state n.
    pub(in crate::system::linux) fn states(&self) -> u32 {
        self.states
    }

    /// Whether sockets that are only bound are requested.
    pub(in crate::system::linux) fn has_bound(&self) -> bool {
        self.states >> BOUND_INACTIVE & 1 == 1
    }

    /// Whether the request contains a program, which old kernels and sandboxes may refuse.
    pub(in crate::system::linux) fn has_program(&self) -> bool {
        !self.program.is_none()
    }

    /// The selection that a request without a program makes.
    pub(in crate::system::linux) fn without_program(self) -> Selection {
        Selection { program: Filter::NONE, ..self }
    }

    /// Writes the request for a dump of the sockets with these attributes.
    pub(in crate::system::linux) fn write_request(&self, sequence: u32, extensions: Extensions, request: &mut Vec<u8>) {
        request.clear();
        let (local, remote) = self.ports;
        request.extend(dump_request(sequence, self.states, &SockId::of_ports(local, remote), extensions));
        if self.has_program() {
            append_attribute(request, REQ_BYTECODE, |bytes| bytecode::compile(&self.program, bytes));
        }
    }
}
