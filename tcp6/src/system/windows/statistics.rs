//! The counters of the TCP stack, from GetTcpStatisticsEx2 or GetTcpStatisticsEx.
//!
//! Like [`retry`](super::retry), this module takes the calls as closures, so that every system can test it. Known codes:
//!
//! | code | reason |
//! |---|---|
//! | ERROR_NOT_SUPPORTED (50) | the system lacks IPv6 |
//! | ERROR_INVALID_PARAMETER (87) | an argument is invalid |
//! | ERROR_CALL_NOT_IMPLEMENTED (120) | a function that Wine exports and does not implement |
#![cfg_attr(not(windows), allow(dead_code))]

use std::io;
use std::time::Duration;

use tcp6_sys::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_NOT_SUPPORTED, MIB_TCP_MAXCONN_DYNAMIC, MIB_TCPSTATS, MIB_TCPSTATS2, NO_ERROR,
};

use crate::error::{Error, Malformed, Result};
use crate::stats::counter::{Width, Widths};
use crate::stats::rto_algorithm::RtoAlgorithm;
use crate::stats::scope::StatisticsScope;
use crate::stats::statistics::{Moment, Statistics};

/// An algorithm that no system has. It detects a call that succeeds without writing.
const UNWRITTEN: u32 = 0x5A5A_5A5A;

/// Reads the counters with `ex2`, or with `ex` if `ex2` returns `None` because the system lacks the
/// function.
///
/// Both receive a structure to write to, and return the code of the function.
pub(super) fn read(
    ex2: impl FnOnce(&mut MIB_TCPSTATS2) -> Option<u32>,
    ex: impl FnOnce(&mut MIB_TCPSTATS) -> u32,
) -> Result<Statistics> {
    let mut wide = MIB_TCPSTATS2 { RtoAlgorithm: UNWRITTEN as i32, ..MIB_TCPSTATS2::default() };
    if let Some(code) = ex2(&mut wide).filter(|code| *code != ERROR_CALL_NOT_IMPLEMENTED) {
        check("GetTcpStatisticsEx2", code, wide.RtoAlgorithm as u32)?;
        return Ok(statistics(&wide, Width::Bits64));
    }
    let mut narrow = MIB_TCPSTATS { dwRtoAlgorithm: UNWRITTEN, ..MIB_TCPSTATS::default() };
    let code = ex(&mut narrow);
    check("GetTcpStatisticsEx", code, narrow.dwRtoAlgorithm)?;
    Ok(statistics(&widened(&narrow), Width::Bits32))
}

fn check(call: &'static str, code: u32, algorithm: u32) -> Result<()> {
    match code {
        NO_ERROR if algorithm == UNWRITTEN => Err(Malformed::NotWritten { call }.into()),
        NO_ERROR => Ok(()),
        ERROR_NOT_SUPPORTED => Err(Error::NotSupported),
        code => Err(Error::os(call, io::Error::from_raw_os_error(code as i32))),
    }
}

fn widened(from: &MIB_TCPSTATS) -> MIB_TCPSTATS2 {
    MIB_TCPSTATS2 {
        RtoAlgorithm: from.dwRtoAlgorithm as i32,
        dwRtoMin: from.dwRtoMin,
        dwRtoMax: from.dwRtoMax,
        dwMaxConn: from.dwMaxConn,
        dwActiveOpens: from.dwActiveOpens,
        dwPassiveOpens: from.dwPassiveOpens,
        dwAttemptFails: from.dwAttemptFails,
        dwEstabResets: from.dwEstabResets,
        dwCurrEstab: from.dwCurrEstab,
        dw64InSegs: from.dwInSegs.into(),
        dw64OutSegs: from.dwOutSegs.into(),
        dwRetransSegs: from.dwRetransSegs,
        dwInErrs: from.dwInErrs,
        dwOutRsts: from.dwOutRsts,
        dwNumConns: from.dwNumConns,
    }
}

fn statistics(from: &MIB_TCPSTATS2, segments: Width) -> Statistics {
    Statistics {
        scope: StatisticsScope::Ipv6,
        rto_algorithm: RtoAlgorithm::from_raw(from.RtoAlgorithm as u32),
        rto_min: Duration::from_millis(from.dwRtoMin.into()),
        rto_max: Duration::from_millis(from.dwRtoMax.into()),
        max_connections: (from.dwMaxConn != MIB_TCP_MAXCONN_DYNAMIC).then(|| from.dwMaxConn.into()),
        established: from.dwCurrEstab.into(),
        connections: Some(from.dwNumConns.into()),
        active_opens: from.dwActiveOpens.into(),
        passive_opens: from.dwPassiveOpens.into(),
        failed_attempts: from.dwAttemptFails.into(),
        established_resets: from.dwEstabResets.into(),
        segments_in: from.dw64InSegs,
        segments_out: from.dw64OutSegs,
        segments_retransmitted: from.dwRetransSegs.into(),
        errors_in: from.dwInErrs.into(),
        resets_out: from.dwOutRsts.into(),
        checksum_errors_in: None,
        listen_overflows: None,
        listen_drops: None,
        syncookies_sent: None,
        syncookies_received: None,
        syncookies_failed: None,
        syn_retransmits: None,
        timeouts: None,
        aborts_on_memory: None,
        out_of_order_queued: None,
        receive_queue_drops: None,
        widths: Widths { segments, others: Width::Bits32 },
        moment: Moment::now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: MIB_TCPSTATS = MIB_TCPSTATS {
        dwRtoAlgorithm: 4,
        dwRtoMin: 10,
        dwRtoMax: u32::MAX,
        dwMaxConn: MIB_TCP_MAXCONN_DYNAMIC,
        dwActiveOpens: 101,
        dwPassiveOpens: 102,
        dwAttemptFails: 103,
        dwEstabResets: 104,
        dwCurrEstab: 105,
        dwInSegs: 106,
        dwOutSegs: u32::MAX,
        dwRetransSegs: 107,
        dwInErrs: 108,
        dwOutRsts: 109,
        dwNumConns: 110,
    };

    fn ex(counters: &mut MIB_TCPSTATS) -> u32 {
        *counters = NARROW;
        NO_ERROR
    }

    fn not_called(_: &mut MIB_TCPSTATS) -> u32 {
        panic!("GetTcpStatisticsEx is called although GetTcpStatisticsEx2 exists")
    }

    fn assert_is_of_windows(statistics: &Statistics, segments: [u64; 2]) {
        assert_eq!((statistics.scope, statistics.rto_algorithm), (StatisticsScope::Ipv6, RtoAlgorithm::VanJacobson));
        assert_eq!(statistics.rto_min, Duration::from_millis(10));
        assert_eq!(statistics.rto_max, Duration::from_millis(u32::MAX.into()));
        assert_eq!(statistics.max_connections, None);
        assert_eq!((statistics.established, statistics.connections), (105, Some(110)));
        let counters: Vec<u64> = statistics.counters().map(|(_, value)| value).collect();
        assert_eq!(counters, [101, 102, 103, 104, segments[0], segments[1], 107, 108, 109]);
    }

    #[test]
    fn segments_have_64_bits_with_ex2_only() {
        let call = |counters: &mut MIB_TCPSTATS2| {
            *counters = MIB_TCPSTATS2 { dw64InSegs: 1 << 32, dw64OutSegs: u64::MAX, ..widened(&NARROW) };
            Some(NO_ERROR)
        };
        let wide = read(call, not_called).unwrap();
        assert_is_of_windows(&wide, [1 << 32, u64::MAX]);
        assert_eq!(wide.widths, Widths { segments: Width::Bits64, others: Width::Bits32 });

        for code in [None, Some(ERROR_CALL_NOT_IMPLEMENTED)] {
            let narrow = read(|_| code, ex).unwrap();
            assert_is_of_windows(&narrow, [106, u32::MAX.into()]);
            assert_eq!(narrow.widths, Widths { segments: Width::Bits32, others: Width::Bits32 });
        }
    }

    #[test]
    fn a_limit_of_connections_is_a_number() {
        let call = |counters: &mut MIB_TCPSTATS| {
            *counters = MIB_TCPSTATS { dwMaxConn: 500, ..NARROW };
            NO_ERROR
        };
        assert_eq!(read(|_| None, call).unwrap().max_connections, Some(500));
    }

    #[test]
    fn codes_are_typed_errors() {
        assert!(read(|_| Some(ERROR_NOT_SUPPORTED), not_called).unwrap_err().is_not_supported());
        assert!(read(|_| None, |_| ERROR_NOT_SUPPORTED).unwrap_err().is_not_supported());
        for (error, name) in [
            (read(|_| Some(87), not_called).unwrap_err(), "GetTcpStatisticsEx2"),
            (read(|_| None, |_| 87).unwrap_err(), "GetTcpStatisticsEx"),
        ] {
            assert_eq!(error.raw_os_error(), Some(87));
            assert!(matches!(error, Error::Os { call, .. } if call == name), "{error}");
        }
    }

    #[test]
    fn success_without_counters_is_an_error() {
        for error in [read(|_| Some(NO_ERROR), not_called).unwrap_err(), read(|_| None, |_| NO_ERROR).unwrap_err()] {
            assert!(matches!(error, Error::Malformed(Malformed::NotWritten { .. })), "{error}");
        }
    }
}
