//! Which connections statistics count.

/// The connections that [`Statistics`](crate::Statistics) count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatisticsScope {
    /// Connections over IPv6 only, of the whole machine: Windows counts the families separately.
    Ipv6,
    /// Connections over IPv4 and IPv6 together, of one network namespace: Linux does not count the
    /// families separately.
    BothFamilies,
}

impl StatisticsScope {
    /// The name of the scope: `ipv6` or `both-families`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StatisticsScope::Ipv6 => "ipv6",
            StatisticsScope::BothFamilies => "both-families",
        }
    }
}
