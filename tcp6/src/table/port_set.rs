//! Sets of ports, for queries.

use core::fmt;

/// A set of up to 64 ports.
///
/// # Example: the ports of a web server
///
/// ```
/// use tcp6::{PortSet, Query};
///
/// let web = PortSet::new([80, 443, 8080])?;
/// assert!(web.contains(443));
/// let query = Query::all().local_ports(web);
/// # Ok::<(), tcp6::TooManyPorts>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortSet {
    /// The ports in ascending order, and zeros after them.
    ports: [u16; PortSet::CAPACITY],
    len: usize,
}

impl PortSet {
    /// The maximum number of ports.
    pub const CAPACITY: usize = 64;

    /// The set of these ports. Repeated ports count once.
    ///
    /// # Errors
    ///
    /// [`TooManyPorts`] for more than [`CAPACITY`](PortSet::CAPACITY) different ports.
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Result<PortSet, TooManyPorts> {
        let mut set = PortSet { ports: [0; PortSet::CAPACITY], len: 0 };
        for port in ports {
            if let Err(at) = set.as_slice().binary_search(&port) {
                if set.len == PortSet::CAPACITY {
                    return Err(TooManyPorts(()));
                }
                set.ports.copy_within(at..set.len, at + 1);
                set.ports[at] = port;
                set.len += 1;
            }
        }
        Ok(set)
    }

    /// The set of one port.
    #[must_use]
    pub const fn of(port: u16) -> PortSet {
        let mut ports = [0; PortSet::CAPACITY];
        ports[0] = port;
        PortSet { ports, len: 1 }
    }

    /// The ports in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.ports[..self.len]
    }

    /// Whether the port is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, port: u16) -> bool {
        self.as_slice().binary_search(&port).is_ok()
    }
}

impl From<u16> for PortSet {
    fn from(port: u16) -> PortSet {
        PortSet::of(port)
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.as_slice()).finish()
    }
}

/// The error for a [`PortSet`] of more than 64 ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyPorts(());

impl fmt::Display for TooManyPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} ports in a set", PortSet::CAPACITY)
    }
}

impl core::error::Error for TooManyPorts {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_64_different_ports_and_no_more() {
        let set = PortSet::new((0..64).chain(0..64)).unwrap();
        assert!(set.as_slice().iter().copied().eq(0..64));
        assert_eq!(PortSet::new(0..65), Err(TooManyPorts(())));
        assert_eq!(PortSet::of(0), PortSet::new([0]).unwrap());
        assert_ne!(PortSet::of(0), PortSet::new([]).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn equals_a_btree_set(ports in vec(0u16..100, 0..80), port in 0u16..100) {
            let model: BTreeSet<u16> = ports.iter().copied().collect();
            match PortSet::new(ports) {
                Ok(set) => {
                    prop_assert!(set.as_slice().iter().eq(&model));
                    prop_assert_eq!(set.contains(port), model.contains(&port));
                }
                Err(_) => prop_assert!(model.len() > PortSet::CAPACITY),
            }
        }
    }
}
