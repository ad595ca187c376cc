//! The values of options.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use lexopt::{Parser, ValueExt};
use tcp6::{Ipv6Net, PortSet, StateSet};

use super::usage::Usage;

const MAX_INTERVAL_MS: u64 = 86_400_000;

/// Parses a number of milliseconds.
pub(super) fn interval(parser: &mut Parser) -> Result<Duration, Usage> {
    number(parser, "--interval", 1, MAX_INTERVAL_MS).map(Duration::from_millis)
}

pub(super) fn count(parser: &mut Parser) -> Result<u64, Usage> {
    number(parser, "--count", 1, u64::MAX)
}

/// Parses state names separated by commas.
///
/// An empty set is an error, because it would select nothing.
pub(super) fn parse_states(text: &str) -> Result<StateSet, Usage> {
    match text.parse::<StateSet>() {
        Ok(states) if states.is_empty() => Err(Usage("--state: missing state name".to_owned())),
        Ok(states) => Ok(states),
        Err(error) => Err(Usage(format!("--state: {error}"))),
    }
}

/// Parses ports separated by commas.
pub(super) fn ports(parser: &mut Parser, option: &str) -> Result<PortSet, Usage> {
    let text = parser.value()?.string()?;
    let ports: Vec<u16> =
        text.split(',').map(|port| parse_number(port, option, 0, u16::MAX)).collect::<Result<_, _>>()?;
    PortSet::new(ports).map_err(|error| Usage(format!("{option}: {error}")))
}

/// Parses an address or a network, and the zone of a link-local one: `fe80::1%eth0`, `fe80::%2/64`.
///
/// IPv4 stands for v4-mapped IPv6 addresses.
pub(super) fn net(parser: &mut Parser, option: &str) -> Result<(Ipv6Net, Option<String>), Usage> {
    let text = parser.value()?.string()?;
    let (address, zone) = match text.split_once('%') {
        Some((address, rest)) => {
            let (zone, length) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            (format!("{address}{length}"), Some(zone.to_owned()))
        }
        None => (text.clone(), None),
    };
    let net = address.parse::<IpNet>().ok().or_else(|| Some(address.parse::<IpAddr>().ok()?.into()));
    match (net, zone) {
        (Some(IpNet::V6(net)), None) => Ok((net, None)),
        (Some(IpNet::V6(net)), Some(zone)) if has_zones(&net) && !zone.is_empty() => Ok((net, Some(zone))),
        (Some(_), Some(_)) => Err(Usage(format!(
            "{option}: expected a link-local address before '%' and an interface after it, got {text:?}"
        ))),
        (Some(IpNet::V4(net)), None) => Ipv6Net::new(net.addr().to_ipv6_mapped(), 96 + net.prefix_len())
            .map(|net| (net, None))
            .map_err(|error| Usage(format!("{option}: {error}"))),
        (None, _) => {
            Err(Usage(format!("{option}: expected an address or a network such as 2001:db8::/32, got {text:?}")))
        }
    }
}

/// Whether the addresses of the network are valid on one link only.
fn has_zones(net: &Ipv6Net) -> bool {
    let is_local_multicast = net.addr().is_multicast() && matches!(net.addr().octets()[1] & 0xF, 1 | 2);
    net.prefix_len() >= 10 && net.addr().is_unicast_link_local() || net.prefix_len() >= 16 && is_local_multicast
}

/// Parses the value of an option as an unsigned decimal number from `min` to `max`.
pub(super) fn number<T>(parser: &mut Parser, option: &str, min: T, max: T) -> Result<T, Usage>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    parse_number(&parser.value()?.string()?, option, min, max)
}

fn parse_number<T>(text: &str, option: &str, min: T, max: T) -> Result<T, Usage>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && (&min..=&max).contains(&number));
    number.ok_or_else(|| Usage(format!("{option}: expected a number from {min} to {max}, got {text:?}")))
}
