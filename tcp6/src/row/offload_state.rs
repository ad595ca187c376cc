//! Whether the host or a network card handles a connection.

/// `dwOffloadState` of a row whose offload state is unknown. Windows uses 0 to 3.
pub(crate) const UNKNOWN_OFFLOAD: i32 = -1;

/// Where a connection is handled: by the host, or by a network card with TCP chimney offload.
///
/// Current systems handle every connection in the host. Windows reports it in each row, Linux does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "TCP_CONNECTION_OFFLOAD_STATE")]
pub enum OffloadState {
    /// Handled by the host.
    InHost,
    /// Being moved to the card.
    Offloading,
    /// Handled by the card.
    Offloaded,
    /// Being moved back to the host.
    Uploading,
    /// A state without a name, by its number.
    Other(i32),
}

impl OffloadState {
    /// The state with this number, or `None` for [`UNKNOWN_OFFLOAD`].
    pub(crate) const fn known(raw: i32) -> Option<OffloadState> {
        match raw {
            UNKNOWN_OFFLOAD => None,
            state => Some(OffloadState::from_raw(state)),
        }
    }

    /// The state with this `TCP_CONNECTION_OFFLOAD_STATE` number.
    #[must_use]
    pub const fn from_raw(raw: i32) -> OffloadState {
        match raw {
            0 => OffloadState::InHost,
            1 => OffloadState::Offloading,
            2 => OffloadState::Offloaded,
            3 => OffloadState::Uploading,
            other => OffloadState::Other(other),
        }
    }

    /// The `TCP_CONNECTION_OFFLOAD_STATE` number of the state.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        match self {
            OffloadState::InHost => 0,
            OffloadState::Offloading => 1,
            OffloadState::Offloaded => 2,
            OffloadState::Uploading => 3,
            OffloadState::Other(raw) => raw,
        }
    }
}
