//! The row of GetExtendedTcpTable's OWNER_PID classes.

use tcp6_sys::MIB_TCP6ROW_OWNER_PID;

use super::define::row_class;

row_class! {
    /// A row of [GetExtendedTcpTable] with TCP_TABLE_OWNER_PID_ALL: state, ends, owner. 56 bytes.
    ///
    /// [GetExtendedTcpTable]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
    #[doc(alias = "MIB_TCP6ROW_OWNER_PID")]
    pub struct OwnerPidRow(MIB_TCP6ROW_OWNER_PID): OwnerPid {
        state: dwState,
        local: ucLocalAddr, dwLocalScopeId, dwLocalPort,
        remote: ucRemoteAddr, dwRemoteScopeId, dwRemotePort,
        owner: dwOwningPid,
    }
}
