//! How the stack computes the retransmission timeout.

/// The algorithm that computes the retransmission timeout: `tcpRtoAlgorithm` of [RFC 4022].
///
/// Linux always reports `Other(1)`, although it implements RFC 6298.
///
/// [RFC 4022]: https://www.rfc-editor.org/rfc/rfc4022
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "TCP_RTO_ALGORITHM")]
pub enum RtoAlgorithm {
    /// A constant timeout.
    #[doc(alias = "TcpRtoAlgorithmConstant")]
    Constant,
    /// That of MIL-STD-1778, Appendix B.
    #[doc(alias = "TcpRtoAlgorithmRsre")]
    Rsre,
    /// That of Van Jacobson.
    #[doc(alias = "TcpRtoAlgorithmVanj")]
    VanJacobson,
    /// That of RFC 2988. Windows has no name for this number.
    Rfc2988,
    /// An algorithm by its number. 1 means one that RFC 4022 does not list.
    #[doc(alias = "TcpRtoAlgorithmOther")]
    Other(u32),
}

impl RtoAlgorithm {
    /// The algorithm with this number in RFC 4022, which is that of `TCP_RTO_ALGORITHM` on Windows.
    #[must_use]
    pub const fn from_raw(raw: u32) -> RtoAlgorithm {
        match raw {
            2 => RtoAlgorithm::Constant,
            3 => RtoAlgorithm::Rsre,
            4 => RtoAlgorithm::VanJacobson,
            5 => RtoAlgorithm::Rfc2988,
            other => RtoAlgorithm::Other(other),
        }
    }

    /// The number of the algorithm.
    #[must_use]
    pub const fn as_raw(self) -> u32 {
        match self {
            RtoAlgorithm::Constant => 2,
            RtoAlgorithm::Rsre => 3,
            RtoAlgorithm::VanJacobson => 4,
            RtoAlgorithm::Rfc2988 => 5,
            RtoAlgorithm::Other(raw) => raw,
        }
    }

    /// The name of the algorithm, or `None` for [`Other`](RtoAlgorithm::Other).
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            RtoAlgorithm::Constant => Some("constant"),
            RtoAlgorithm::Rsre => Some("rsre"),
            RtoAlgorithm::VanJacobson => Some("van-jacobson"),
            RtoAlgorithm::Rfc2988 => Some("rfc-2988"),
            RtoAlgorithm::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_windows_and_round_trip() {
        for raw in (0..10).chain([u32::MAX]) {
            assert_eq!(RtoAlgorithm::from_raw(raw).as_raw(), raw);
        }
        let windows = [
            (tcp6_sys::TcpRtoAlgorithmOther, RtoAlgorithm::Other(1)),
            (tcp6_sys::TcpRtoAlgorithmConstant, RtoAlgorithm::Constant),
            (tcp6_sys::TcpRtoAlgorithmRsre, RtoAlgorithm::Rsre),
            (tcp6_sys::TcpRtoAlgorithmVanj, RtoAlgorithm::VanJacobson),
        ];
        for (raw, algorithm) in windows {
            assert_eq!(RtoAlgorithm::from_raw(raw as u32), algorithm);
        }
    }
}
