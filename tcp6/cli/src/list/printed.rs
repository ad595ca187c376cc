//! A row as `tcp6 list` prints it, and the JSON document.

use std::net::SocketAddrV6;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tcp6::{ConnectionStats, Row, SocketStats, State};
#[cfg(target_os = "linux")]
use tcp6::{
    OwnerModuleRow,
    os::linux::{InterfaceNames, OwnerModuleRowExt},
};

use crate::owner::Named;

/// Tables with the fields that the options add, as written with `--json`.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// The time before the first table.
    #[serde(with = "tcp6::serde::time::seconds")]
    pub taken_at: SystemTime,
    pub rows: Vec<Printed<'a>>,
}

/// A row as it is printed. Fields that the options do not request are `None`.
#[derive(Clone, Debug)]
pub struct Printed<'a> {
    pub local: SocketAddrV6,
    pub remote: Option<SocketAddrV6>,
    pub state: State,
    pub owner: Option<Named>,
    /// The name of the interface to which the socket is bound, or of a link-local end.
    pub interface: Option<String>,
    /// The text that names the network namespace.
    pub netns: Option<&'a str>,
    pub stats: Option<ConnectionStats>,
    /// All that is known of the socket, if it is written as JSON.
    pub socket: Option<SocketStats<'a>>,
}

impl Printed<'_> {
    /// The row alone.
    pub fn of_row(row: &impl Row) -> Printed<'static> {
        Printed {
            local: row.local(),
            remote: row.remote(),
            state: row.state(),
            owner: None,
            interface: None,
            netns: None,
            stats: None,
            socket: None,
        }
    }
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Subject<'a> {
            /// Its fields contain those of the row.
            Socket(SocketStats<'a>),
            Row {
                local: SocketAddrV6,
                remote: Option<SocketAddrV6>,
                state: State,
                #[serde(skip_serializing_if = "Option::is_none")]
                stats: Option<&'a ConnectionStats>,
            },
        }

        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(flatten)]
            subject: Subject<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<&'a Named>,
            #[serde(skip_serializing_if = "Option::is_none")]
            interface: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            netns: Option<&'a str>,
        }

        let Printed { local, remote, state, ref owner, ref interface, netns, ref stats, socket } = *self;
        let row = Subject::Row { local, remote, state, stats: stats.as_ref() };
        let (owner, interface) = (owner.as_ref(), interface.as_deref());
        Fields { subject: socket.map_or(row, Subject::Socket), owner, interface, netns }.serialize(serializer)
    }
}

/// The name of the interface to which the socket is bound, or of a link-local end.
#[cfg(target_os = "linux")]
pub fn interface(row: &OwnerModuleRow, names: &mut InterfaceNames) -> Option<String> {
    let bound_to = row.socket_info().and_then(|info| info.interface).map_or(0, Into::into);
    let remote = row.remote().map_or(0, |remote| remote.scope_id());
    let index = [bound_to, row.local().scope_id(), remote].into_iter().find(|index| *index != 0)?;
    names.name(index).map(str::to_owned)
}

#[cfg(test)]
pub(super) mod tests {
    use tcp6::{BasicRow, Owner, OwnerModuleRow, Stats};

    use super::*;
    use crate::json;

    /// A listener, or a connection if it has a remote end.
    pub fn printed(local: &str, remote: Option<&str>, owner: Option<(Owner, &str)>) -> Printed<'static> {
        let state = if remote.is_some() { State::Established } else { State::Listen };
        let remote = remote.map(|remote| remote.parse().unwrap());
        let row = BasicRow::new(state, local.parse().unwrap(), remote);
        let owner = owner.map(|(owner, name)| Named::new(owner, |_| Some(name.into())));
        Printed { owner, ..Printed::of_row(&row) }
    }

    #[test]
    fn json_has_the_fields_that_are_known() {
        let plain = printed("[fe80::1%2]:80", None, None);
        let row = serde_json::json!({ "local": "[fe80::1%2]:80", "remote": null, "state": "LISTEN" });
        assert_eq!(serde_json::to_value(&plain).unwrap(), row);

        let mut queue = ConnectionStats::default();
        queue.accept_queue = Some(3);
        let owned = printed("[fe80::1%2]:80", None, Some((Owner::Nobody, "")));
        let all =
            Printed { interface: Some("eth0\n".to_owned()), netns: Some("blue\x1b"), stats: Some(queue), ..owned };
        let mut expected = row.clone();
        expected["owner"] = "nobody".into();
        expected["interface"] = "eth0\n".into();
        expected["netns"] = "blue\x1b".into();
        expected["stats"] = serde_json::json!({ "accept_queue": 3 });
        assert_eq!(serde_json::to_value(&all).unwrap(), expected);
    }

    #[test]
    fn json_of_a_socket_contains_the_row_once() {
        let (local, mut stats, mut queue) = ("[::1]:80".parse().unwrap(), Stats::new(), ConnectionStats::default());
        queue.accept_queue = Some(3);
        let row = OwnerModuleRow::new(State::Listen, local, None);
        stats.insert(&row, queue).unwrap();
        let socket = stats.get(&row);
        assert!(socket.is_some());
        let text = serde_json::to_string(&Printed {
            netns: Some("blue"),
            stats: Some(queue),
            socket,
            ..Printed::of_row(&row)
        });
        let text = text.unwrap();
        let expected = serde_json::json!({
            "local": "[::1]:80", "remote": null, "state": "LISTEN", "stats": { "accept_queue": 3 }, "netns": "blue",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        assert_eq!(text.matches("\"stats\"").count(), 1, "{text}");
    }

    #[test]
    fn names_are_escaped_in_json() {
        let rows = vec![printed("[::]:22", None, Some((Owner::Process(1), "Bob's \x1b[31m \u{202e}\"\\")))];
        let mut out = Vec::new();
        json::write_line(&mut out, &Document { taken_at: SystemTime::UNIX_EPOCH, rows }).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(line.contains(r#""name":"Bob's \u001b[31m \u202e\"\\""#), "{line}");
    }
}
