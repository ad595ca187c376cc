//! Compiles the conditions of a query to the bytecode that the kernel runs for each socket of a dump.
//!
//! An operation has a code (u8), a distance `yes` (u8) and a distance `no` (u16), and operands. The kernel runs the
//! operations from the start: if the condition of an operation holds, it continues `yes` bytes from there, otherwise
//! `no` bytes. A program that reaches its end accepts the socket; one that jumps 4 bytes beyond it rejects. Integers are
//! in native byte order, addresses in network byte order. The kernel refuses a program with EINVAL unless every `no`
//! leads to an operation that the chain of `yes` from the start visits (`inet_diag_bc_audit`). Here `yes` always leads
//! to the next operation, so that the chain visits all.
//!
//! See `include/uapi/linux/inet_diag.h` and `net/ipv4/inet_diag.c` of the kernel.

use ipnet::Ipv6Net;

use super::inet_diag::AF_INET6;
use crate::table::filter::Filter;
use crate::table::port_set::PortSet;

/// `INET_DIAG_BC_JMP`: always continues at `no`.
const JMP: u8 = 1;
/// `INET_DIAG_BC_S_GE` to `INET_DIAG_BC_D_LE`: compare the local (S) or remote (D) port with that
/// of the operand.
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;
/// `INET_DIAG_BC_S_COND` and `INET_DIAG_BC_D_COND`: compare the address with a prefix.
const S_COND: u8 = 7;
const D_COND: u8 = 8;

/// The size of `inet_diag_bc_op`.
const OP: u16 = 4;
/// The size of a comparison of ports: the operand is a second `inet_diag_bc_op`, with the port in
/// `no`.
const PORT_OP: u16 = 2 * OP;
/// The size of a comparison of addresses: the operand is `inet_diag_hostcond` with an IPv6 address.
const HOST_OP: u16 = OP + 8 + 16;

/// `inet_diag_hostcond.port` that matches any port.
const ANY_PORT: i32 = -1;

/// Placeholders of `no`, replaced when the target is known. Distances are multiples of 4.
const REJECT: u16 = 1;
const NEXT_CONDITION: u16 = 2;

/// The prefix of v4-mapped addresses, `::ffff:0:0/96`.
const V4_MAPPED: ([u8; 16], u8) = ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], 96);

/// The end of a connection that an operation compares.
#[derive(Clone, Copy, Debug)]
enum End {
    Local,
    Remote,
}

/// Appends a program that accepts every socket that the filter selects.
///
/// Appends nothing if the filter has no condition. The kernel stores zero as the remote end of a listener, so that the
/// program may accept listeners that a condition on the remote end excludes.
pub(in crate::system::linux) fn compile(filter: &Filter, program: &mut Vec<u8>) {
    let mut assembler = Assembler { start: program.len(), program };
    if let Some(ports) = &filter.local_ports {
        assembler.ports(&[End::Local], ports);
    }
    if let Some(ports) = &filter.remote_ports {
        assembler.ports(&[End::Remote], ports);
    }
    if let Some(ports) = &filter.ports {
        assembler.ports(&[End::Local, End::Remote], ports);
    }
    if let Some(net) = &filter.local_net {
        assembler.net(End::Local, net);
    }
    if let Some(net) = &filter.remote_net {
        assembler.net(End::Remote, net);
    }
    if filter.without_v4_mapped {
        assembler.not_v4_mapped(End::Local);
        assembler.not_v4_mapped(End::Remote);
    }
    assembler.finish();
}

struct Assembler<'a> {
    program: &'a mut Vec<u8>,
    /// The offset of the first operation.
    start: usize,
}

impl Assembler<'_> {
    /// Requires that one of these ends has one of these ports.
    fn ports(&mut self, ends: &[End], ports: &PortSet) {
        let condition = self.program.len();
        let alternatives = || ends.iter().flat_map(|end| ranges(ports.as_slice()).map(move |range| (*end, range)));
        let count = alternatives().count();
        for (index, (end, (first, last))) in alternatives().enumerate() {
            let (ge, le) = match end {
                End::Local => (S_GE, S_LE),
                End::Remote => (D_GE, D_LE),
            };
            let is_last = index + 1 == count;
            // From each comparison to the next alternative, after the jump.
            let no = |distance| if is_last { REJECT } else { distance };
            self.port(ge, first, no(2 * PORT_OP + OP));
            self.port(le, last, no(PORT_OP + OP));
            if !is_last {
                self.jump(NEXT_CONDITION);
            }
        }
        if count == 0 {
            self.jump(REJECT);
        }
        self.resolve(condition, NEXT_CONDITION, 0);
    }

    fn net(&mut self, end: End, net: &Ipv6Net) {
        self.host(end, (net.addr().octets(), net.prefix_len()), REJECT);
    }

    fn not_v4_mapped(&mut self, end: End) {
        self.host(end, V4_MAPPED, HOST_OP + OP);
        self.jump(REJECT);
    }

    fn port(&mut self, code: u8, port: u16, no: u16) {
        self.operation(code, PORT_OP, no);
        self.operation(0, 0, port);
    }

    fn host(&mut self, end: End, (address, prefix_len): ([u8; 16], u8), no: u16) {
        let code = match end {
            End::Local => S_COND,
            End::Remote => D_COND,
        };
        self.operation(code, HOST_OP, no);
        self.program.extend([AF_INET6, prefix_len, 0, 0]);
        self.program.extend(ANY_PORT.to_ne_bytes());
        self.program.extend(address);
    }

    fn jump(&mut self, no: u16) {
        self.operation(JMP, OP, no);
    }

    fn operation(&mut self, code: u8, yes: u16, no: u16) {
        // No operation is longer than `HOST_OP`.
        self.program.extend([code, yes as u8]);
        self.program.extend(no.to_ne_bytes());
    }

    /// Replaces a placeholder in the operations from offset `from` on: they continue `beyond` bytes
    /// after the end.
    fn resolve(&mut self, from: usize, placeholder: u16, beyond: usize) {
        let end = self.program.len() + beyond;
        let mut at = from;
        while let Some([_, yes, no @ ..]) = self.program.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
            if u16::from_ne_bytes(*no) == placeholder {
                // The longest program has 256 alternatives of 20 bytes and 4 prefixes of up to 32.
                *no = ((end - at) as u16).to_ne_bytes();
            }
            at += usize::from(*yes);
        }
    }

    fn finish(mut self) {
        self.resolve(self.start, REJECT, usize::from(OP));
    }
}

/// The first and last port of each run of consecutive ports.
fn ranges(ports: &[u16]) -> impl Iterator<Item = (u16, u16)> {
    ports.chunk_by(|a, b| a + 1 == *b).filter_map(|run| Some((*run.first()?, *run.last()?)))
}

#[cfg(any(test, fuzzing))]
pub(in crate::system::linux) mod model;
#[cfg(test)]
mod tests;
