//! Seccomp filters that refuse system calls to the calling thread.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod filters {
    use std::collections::BTreeMap;

    use super::SYS_SOCKET;
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// Makes socket calls for this family fail with this errno from now on.
    pub fn refuse_sockets(family: u64, errno: u32) {
        let is_family = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family).unwrap();
        refuse_by(SYS_SOCKET, vec![SeccompRule::new(vec![is_family]).unwrap()], errno);
    }

    /// Makes this system call fail with this errno from now on.
    pub fn refuse(call: i64, errno: u32) {
        refuse_by(call, Vec::new(), errno);
    }

    /// Refuses calls that match a rule, or all calls if there is no rule.
    ///
    /// This applies to the calling thread and to threads that it starts. Other threads are not affected, because a
    /// sanitizer forks at the end to look for leaks.
    fn refuse_by(call: i64, rules: Vec<SeccompRule>, errno: u32) {
        let rules = BTreeMap::from([(call, rules)]);
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch).unwrap();
        let program: BpfProgram = filter.try_into().unwrap();
        seccompiler::apply_filter(&program).unwrap();
    }
}

/// Stubs for other architectures, on which the tests that need filters are ignored.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod filters {
    pub fn refuse_sockets(family: u64, errno: u32) {
        panic!("seccompiler does not support this architecture: family {family}, errno {errno}");
    }

    pub fn refuse(call: i64, errno: u32) {
        panic!("seccompiler does not support this architecture: system call {call}, errno {errno}");
    }
}

pub use filters::{refuse, refuse_sockets};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
const SYS_SOCKET: i64 = if cfg!(target_arch = "x86_64") { 41 } else { 198 };
pub const SYS_SENDTO: i64 = if cfg!(target_arch = "x86_64") { 44 } else { 206 };
pub const SYS_CLONE: i64 = if cfg!(target_arch = "x86_64") { 56 } else { 220 };
pub const SYS_CLONE3: i64 = 435;
pub const AF_INET6: u64 = 10;
pub const AF_NETLINK: u64 = 16;
pub const EPERM: u32 = 1;
pub const EAGAIN: u32 = 11;
pub const EACCES: u32 = 13;
pub const EMFILE: u32 = 24;
pub const EAFNOSUPPORT: u32 = 97;
