//! The row of GetTcp6Table2.

use tcp6_sys::MIB_TCP6ROW2;

use super::define::row_class;
use crate::row::offload_state::OffloadState;

row_class! {
    /// A row of [GetTcp6Table2]: state, ends, owner and offload state. 60 bytes.
    ///
    /// [GetTcp6Table2]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2
    #[doc(alias = "MIB_TCP6ROW2")]
    pub struct OffloadRow(MIB_TCP6ROW2): Offload {
        state: State,
        local: LocalAddr, dwLocalScopeId, dwLocalPort,
        remote: RemoteAddr, dwRemoteScopeId, dwRemotePort,
        owner: dwOwningPid,
        offload: dwOffloadState,
    }
}

impl OffloadRow {
    /// Where the connection is handled, or `None` if that is unknown.
    ///
    /// Linux does not report it, and a row that was converted from another class does not contain it.
    #[must_use]
    #[doc(alias = "dwOffloadState")]
    pub const fn offload_state(&self) -> Option<OffloadState> {
        OffloadState::known(self.0.dwOffloadState)
    }
}
