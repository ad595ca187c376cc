use std::net::{Ipv6Addr, SocketAddrV6};

use ipnet::Ipv6Net;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::compile;
use super::model::{Refusal, audit, run};
use crate::table::filter::Filter;
use crate::table::port_set::PortSet;

fn program(filter: &Filter) -> Vec<u8> {
    let mut program = Vec::new();
    compile(filter, &mut program);
    program
}

fn unspecified() -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)
}

/// Few addresses and ports, so that filters select some sockets and not others.
fn ports() -> impl Strategy<Value = PortSet> {
    let few = vec(0u16..12, 0..8);
    let many = vec(any::<u16>(), 0..=PortSet::CAPACITY);
    prop_oneof![3 => few, 1 => many].prop_map(|ports| PortSet::new(ports).unwrap())
}

fn address() -> impl Strategy<Value = Ipv6Addr> {
    const SPECIAL: [&str; 7] =
        ["::", "::1", "fe80::1", "2001:db8::1", "2001:db8::ff", "::ffff:127.0.0.1", "::ffff:192.0.2.1"];
    prop_oneof![
        4 => proptest::sample::select(&SPECIAL).prop_map(|text| text.parse().unwrap()),
        1 => any::<u128>().prop_map(Ipv6Addr::from_bits),
    ]
}

fn net() -> impl Strategy<Value = Ipv6Net> {
    (address(), 0u8..=128).prop_map(|(address, length)| Ipv6Net::new(address, length).unwrap())
}

fn filter() -> impl Strategy<Value = Filter> {
    let sets = (option::of(ports()), option::of(ports()), option::of(ports()));
    (sets, option::of(net()), option::of(net()), any::<bool>()).prop_map(|(sets, local, remote, mapped)| Filter {
        local_ports: sets.0,
        remote_ports: sets.1,
        ports: sets.2,
        local_net: local,
        remote_net: remote,
        without_v4_mapped: mapped,
        ..Filter::NONE
    })
}

fn end() -> impl Strategy<Value = SocketAddrV6> {
    let port = prop_oneof![8 => 1u16..12, 1 => any::<u16>().prop_map(|port| port.max(1))];
    (address(), port).prop_map(|(address, port)| SocketAddrV6::new(address, port, 0, 0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_passes_the_audit_and_selects_what_the_filter_selects(
        filter in filter(),
        local in end(),
        remote in option::of(end()),
    ) {
        let program = program(&filter);
        prop_assert_eq!(program.is_empty(), filter.is_none());
        if !program.is_empty() {
            prop_assert_eq!(audit(&program), Ok(()));
            let accepts = run(&program, local, remote.unwrap_or(unspecified()));
            let selects = filter.matches_ends(local, remote);
            match remote {
                Some(_) => prop_assert_eq!(accepts, selects),
                // The kernel stores zero as the remote end of a listener.
                None => prop_assert!(accepts || !selects),
            }
        }
    }
}

#[test]
fn sets_of_64_ports_are_within_the_limits_of_the_kernel() {
    let set = |first: u16| Some(PortSet::new((0..64).map(|n| first + 2 * n)).unwrap());
    let filter = Filter {
        local_ports: set(1),
        remote_ports: set(1000),
        ports: set(1),
        local_net: Some("2001:db8::/32".parse().unwrap()),
        remote_net: Some("2001:db8::/32".parse().unwrap()),
        without_v4_mapped: true,
        ..Filter::NONE
    };
    let program = program(&filter);
    assert!(program.len() < 6000, "{}", program.len());
    assert_eq!(audit(&program), Ok(()));
    let end = |port| SocketAddrV6::new("2001:db8::1".parse().unwrap(), port, 0, 0);
    assert!(run(&program, end(127), end(1126)));
    assert!(!run(&program, end(127), end(1127)) && !run(&program, end(129), end(1126)));
}

#[test]
fn consecutive_ports_are_one_range() {
    let filter = Filter { local_ports: Some(PortSet::new(8000..8064).unwrap()), ..Filter::NONE };
    assert_eq!(program(&filter).len(), 16);
    let everything = Filter { local_ports: Some(PortSet::new([u16::MAX - 1, u16::MAX]).unwrap()), ..Filter::NONE };
    assert_eq!(audit(&program(&everything)), Ok(()));
}

#[test]
fn an_empty_set_accepts_nothing() {
    let program = program(&Filter { local_ports: Some(PortSet::new([]).unwrap()), ..Filter::NONE });
    assert_eq!(audit(&program), Ok(()));
    assert!(!run(&program, unspecified(), unspecified()));
}

#[test]
fn the_audit_refuses_what_the_kernel_refuses() {
    let jump = |yes: u8, no: u16| {
        [[1, yes, 0, 0], [0; 4]].map(|mut op: [u8; 4]| {
            op[2..].copy_from_slice(&no.to_ne_bytes());
            op
        })[0]
    };
    assert_eq!(audit(&[]), Err(Refusal::Length));
    assert_eq!(audit(&[1, 4, 8]), Err(Refusal::Length));
    assert_eq!(audit(&jump(4, 8)), Ok(()), "rejects");
    assert_eq!(audit(&jump(4, 4)), Ok(()), "accepts");
    assert_eq!(audit(&jump(4, 12)), Err(Refusal::No));
    assert_eq!(audit(&jump(4, 6)), Err(Refusal::No));
    assert_eq!(audit(&jump(0, 4)), Err(Refusal::Yes));
    assert_eq!(audit(&jump(8, 4)), Err(Refusal::Length));
    assert_eq!(audit(&[99, 4, 4, 0]), Err(Refusal::Code(99)));
    assert_eq!(audit(&[2, 8, 8, 0]), Err(Refusal::Operand));
    let into_operand = [jump(4, 8), [2, 8, 8, 0], [0; 4]].concat();
    assert_eq!(audit(&into_operand), Err(Refusal::Target));
}
