//! Names of interfaces.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::num::NonZeroU32;

use tcp6::os::linux::{InterfaceNames, OwnerModuleRowExt, SystemExt};
use tcp6::{Buffer, OwnerModuleRow, Query, System};

use super::{Space, is_root, run};
use crate::support::listener_on;

#[test]
fn names_are_those_of_the_namespace_of_the_system() {
    if !is_root() {
        return;
    }
    let (a, b) = (Space::new(), Space::new());
    for (space, name) in [(&a, "blue"), (&b, "red")] {
        space.within(move || {
            run("ip", &["link", "add", name, "index", "77", "type", "veth", "peer", "name", "peer"]);
            run("ip", &["addr", "add", "fe80::1/64", "dev", name, "nodad"]);
            run("ip", &["link", "set", name, "up"]);
        });
    }
    let base = System::new().unwrap();
    let mut systems = [&a, &b].map(|space| base.in_namespace(space).unwrap());
    let mut names = systems.each_ref().map(|system| system.interface_names().unwrap());
    assert_eq!(
        names.each_mut().map(|names| names.name(77).map(str::to_owned)),
        ["blue", "red"].map(|n| Some(n.into()))
    );
    assert_eq!(names.each_ref().map(|names| names.index("red")), [None, Some(77)]);
    let mut own = InterfaceNames::new().unwrap();
    assert_eq!(own.name(77), None);
    assert_eq!(own.name(1), Some("lo"));

    // The interface of a socket with a link-local address, and of one that is bound to a device.
    let _sockets = a.within(|| {
        let local = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 77);
        [listener_on(local, None), listener_on(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 81, 0, 0), Some("blue"))]
    });
    let mut buffer = Buffer::new();
    let table = systems[0].table::<OwnerModuleRow>(&Query::listeners(), &mut buffer).unwrap();
    let found: Vec<_> = table.iter().map(|row| (row.local(), row.socket_info().unwrap().interface)).collect();
    let interface = NonZeroU32::new(77);
    assert_eq!(found, [("[::]:81".parse().unwrap(), interface), ("[fe80::1%77]:80".parse().unwrap(), interface)]);

    // An interface can be renamed, and its index can be reused.
    a.within(|| {
        run("ip", &["link", "set", "blue", "down"]);
        run("ip", &["link", "set", "blue", "name", "green"]);
    });
    assert_eq!(names[0].name(77), Some("blue"), "cached");
    names[0].refresh();
    assert_eq!(names[0].name(77), Some("green"));
    a.within(|| run("ip", &["link", "del", "green"]));
    names[0].refresh();
    assert_eq!(names[0].name(77), None);
}
