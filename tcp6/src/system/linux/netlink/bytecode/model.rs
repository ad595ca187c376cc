//! A model of the kernel: how it audits a program (`inet_diag_bc_audit`), and how it runs one (`inet_diag_bc_run`).

use std::net::SocketAddrV6;

/// The reasons for which the kernel refuses a program with EINVAL.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Refusal {
    Length,
    Code(u8),
    Operand,
    Yes,
    No,
    /// `no` leads to a place that is not the start of an operation.
    Target,
}

fn no(operation: &[u8]) -> usize {
    u16::from_ne_bytes([operation[2], operation[3]]).into()
}

/// Audits a program as the kernel does.
pub(in crate::system::linux) fn audit(program: &[u8]) -> Result<(), Refusal> {
    if program.len() < 4 || program.len() % 4 != 0 {
        return Err(Refusal::Length);
    }
    let mut at = 0;
    while at < program.len() {
        let rest = &program[at..];
        let minimum = match rest[0] {
            // NOP, JMP and AUTO have no operand.
            0 | 1 | 6 => 4,
            2..=5 | 11 | 12 => 8,
            7 | 8 => host_length(rest)?,
            code => return Err(Refusal::Code(code)),
        };
        if rest.len() < minimum {
            return Err(Refusal::Operand);
        }
        if rest[0] != 0 {
            let no = no(rest);
            if no < minimum || no > rest.len() + 4 || no % 4 != 0 {
                return Err(Refusal::No);
            }
            if no < rest.len() && !is_operation(program, at + no) {
                return Err(Refusal::Target);
            }
        }
        let yes = usize::from(rest[1]);
        if yes < minimum || yes > rest.len() + 4 || yes % 4 != 0 {
            return Err(Refusal::Yes);
        }
        at += yes;
    }
    if at == program.len() { Ok(()) } else { Err(Refusal::Length) }
}

/// The least length of an operation on an address.
fn host_length(rest: &[u8]) -> Result<usize, Refusal> {
    let (Some(family), Some(prefix_len)) = (rest.get(4), rest.get(5)) else { return Err(Refusal::Operand) };
    let bytes = match family {
        0 => 0,
        2 => 4,
        10 => 16,
        _ => return Err(Refusal::Operand),
    };
    if usize::from(*prefix_len) > 8 * bytes { Err(Refusal::Operand) } else { Ok(12 + bytes) }
}

/// Whether the chain of `yes` from the start visits this place.
fn is_operation(program: &[u8], place: usize) -> bool {
    let mut at = 0;
    while at < place && program[at + 1] != 0 {
        at += usize::from(program[at + 1]);
    }
    at == place
}

/// Whether an audited program accepts an IPv6 socket with these ends.
pub(in crate::system::linux) fn run(program: &[u8], local: SocketAddrV6, remote: SocketAddrV6) -> bool {
    let mut at = 0;
    while at < program.len() {
        let rest = &program[at..];
        let port = || no(&rest[4..]);
        let holds = match rest[0] {
            0 => true,
            1 => false,
            2 => usize::from(local.port()) >= port(),
            3 => usize::from(local.port()) <= port(),
            4 => usize::from(remote.port()) >= port(),
            5 => usize::from(remote.port()) <= port(),
            code @ (7 | 8) => {
                let end = if code == 7 { local } else { remote };
                let wanted = i32::from_ne_bytes(rest[8..12].try_into().unwrap());
                let has_port = wanted == -1 || wanted == i32::from(end.port());
                has_port && rest[4] == 10 && has_prefix(end.ip().octets(), &rest[12..28], rest[5].into())
            }
            code => panic!("operation {code}"),
        };
        at += if holds { rest[1].into() } else { no(rest) };
    }
    at == program.len()
}

fn has_prefix(address: [u8; 16], prefix: &[u8], bits: usize) -> bool {
    (0..bits).all(|bit| (address[bit / 8] ^ prefix[bit / 8]) & 0x80 >> (bit % 8) == 0)
}
