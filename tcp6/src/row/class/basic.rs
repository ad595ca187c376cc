//! The row of GetTcp6Table.

use tcp6_sys::MIB_TCP6ROW;

use super::define::row_class;

row_class! {
    /// A row of [GetTcp6Table]: state and ends. 52 bytes.
    ///
    /// [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
    #[doc(alias = "MIB_TCP6ROW")]
    pub struct BasicRow(MIB_TCP6ROW): Basic {
        state: State,
        local: LocalAddr, dwLocalScopeId, dwLocalPort,
        remote: RemoteAddr, dwRemoteScopeId, dwRemotePort,
    }
}
