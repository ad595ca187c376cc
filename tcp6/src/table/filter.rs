//! Conditions on the ends of a row.

use std::net::{Ipv6Addr, SocketAddrV6};

use ipnet::Ipv6Net;

use crate::row::Row;
use crate::table::port_set::PortSet;

/// Conditions on the ends of a row, all of which must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    pub(crate) local_ports: Option<PortSet>,
    pub(crate) remote_ports: Option<PortSet>,
    /// The ports of which at least one end must have one.
    pub(crate) ports: Option<PortSet>,
    pub(crate) local_net: Option<Ipv6Net>,
    pub(crate) remote_net: Option<Ipv6Net>,
    pub(crate) without_v4_mapped: bool,
    /// The scope ids of the ends. The kernel does not select by them.
    pub(crate) local_scope_id: Option<u32>,
    pub(crate) remote_scope_id: Option<u32>,
}

impl Filter {
    /// No condition.
    pub(crate) const NONE: Filter = Filter {
        local_ports: None,
        remote_ports: None,
        ports: None,
        local_net: None,
        remote_net: None,
        without_v4_mapped: false,
        local_scope_id: None,
        remote_scope_id: None,
    };

    pub(crate) const fn is_none(&self) -> bool {
        matches!(
            self,
            Filter {
                local_ports: None,
                remote_ports: None,
                ports: None,
                local_net: None,
                remote_net: None,
                without_v4_mapped: false,
                local_scope_id: None,
                remote_scope_id: None,
            }
        )
    }

    /// Whether the ends of the row fulfill all conditions.
    #[inline]
    pub(crate) fn matches<R: Row>(&self, row: &R) -> bool {
        self.is_none() || self.matches_ends(row.local(), row.remote())
    }

    pub(crate) fn matches_ends(&self, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> bool {
        let has_port = |end: SocketAddrV6, ports: &PortSet| ports.contains(end.port());
        let is_in = |end: SocketAddrV6, net: &Ipv6Net| net.contains(end.ip());
        self.local_ports.as_ref().is_none_or(|ports| has_port(local, ports))
            && self.remote_ports.as_ref().is_none_or(|ports| remote.is_some_and(|remote| has_port(remote, ports)))
            && self
                .ports
                .as_ref()
                .is_none_or(|ports| has_port(local, ports) || remote.is_some_and(|remote| has_port(remote, ports)))
            && self.local_net.as_ref().is_none_or(|net| is_in(local, net))
            && self.local_scope_id.is_none_or(|scope_id| local.scope_id() == scope_id)
            && self.remote_scope_id.is_none_or(|scope_id| remote.is_some_and(|remote| remote.scope_id() == scope_id))
            && self.remote_net.as_ref().is_none_or(|net| remote.is_some_and(|remote| is_in(remote, net)))
            && !(self.without_v4_mapped
                && (is_v4_mapped(local.ip()) || remote.is_some_and(|remote| is_v4_mapped(remote.ip()))))
    }
}

fn is_v4_mapped(address: &Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}
