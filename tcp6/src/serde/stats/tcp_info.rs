//! Serializes the `tcp_info` of Linux.

use serde::ser::{Serialize, Serializer};

use super::micros::Micros;
use super::object::object;
use crate::serde::integer::Integer;
use crate::stats::tcp_info::TcpInfo;

/// The name of a field is that of the C struct without `tcpi_`, and its unit, unless the name
/// contains it.
impl Serialize for TcpInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "TcpInfo", {
            "state": self.state(),
            "ca_state": self.ca_state(),
            "retransmits": self.retransmits(),
            "probes": self.probes(),
            "backoff": self.backoff(),
            "options": self.options(),
            "snd_wscale": self.snd_wscale(),
            "rcv_wscale": self.rcv_wscale(),
            "delivery_rate_app_limited": self.delivery_rate_app_limited(),
            "fastopen_client_fail": self.fastopen_client_fail(),
            "rto_us": self.rto().map(Micros),
            "ato_us": self.ato().map(Micros),
            "snd_mss_bytes": self.snd_mss(),
            "rcv_mss_bytes": self.rcv_mss(),
            "unacked_segments": self.unacked(),
            "sacked_segments": self.sacked(),
            "lost_segments": self.lost(),
            "retrans_segments": self.retrans(),
            "fackets_segments": self.fackets(),
            "last_data_sent_us": self.last_data_sent().map(Micros),
            "last_data_recv_us": self.last_data_recv().map(Micros),
            "last_ack_recv_us": self.last_ack_recv().map(Micros),
            "pmtu_bytes": self.pmtu(),
            "rcv_ssthresh_bytes": self.rcv_ssthresh(),
            "rtt_us": self.rtt().map(Micros),
            "rttvar_us": self.rttvar().map(Micros),
            "snd_ssthresh_segments": self.snd_ssthresh(),
            "snd_cwnd_segments": self.snd_cwnd(),
            "advmss_bytes": self.advmss(),
            "reordering_segments": self.reordering(),
            "rcv_rtt_us": self.rcv_rtt().map(Micros),
            "rcv_space_bytes": self.rcv_space(),
            "total_retrans_segments": self.total_retrans(),
            "pacing_rate_bytes_per_second": self.pacing_rate().map(Integer),
            "max_pacing_rate_bytes_per_second": self.max_pacing_rate().map(Integer),
            "bytes_acked": self.bytes_acked().map(Integer),
            "bytes_received": self.bytes_received().map(Integer),
            "segs_out": self.segs_out(),
            "segs_in": self.segs_in(),
            "notsent_bytes": self.notsent_bytes(),
            "min_rtt_us": self.min_rtt().map(Micros),
            "data_segs_in": self.data_segs_in(),
            "data_segs_out": self.data_segs_out(),
            "delivery_rate_bytes_per_second": self.delivery_rate().map(Integer),
            "busy_time_us": self.busy_time().map(Micros),
            "rwnd_limited_us": self.rwnd_limited().map(Micros),
            "sndbuf_limited_us": self.sndbuf_limited().map(Micros),
            "delivered_segments": self.delivered(),
            "delivered_ce_segments": self.delivered_ce(),
            "bytes_sent": self.bytes_sent().map(Integer),
            "bytes_retrans": self.bytes_retrans().map(Integer),
            "dsack_dups_segments": self.dsack_dups(),
            "reord_seen": self.reord_seen(),
            "rcv_ooopack_segments": self.rcv_ooopack(),
            "snd_wnd_bytes": self.snd_wnd(),
            "rcv_wnd_bytes": self.rcv_wnd(),
            "rehash": self.rehash(),
            "total_rto": self.total_rto(),
            "total_rto_recoveries": self.total_rto_recoveries(),
            "total_rto_time_us": self.total_rto_time().map(Micros),
            "received_ce_segments": self.received_ce(),
            "delivered_e1_bytes": self.delivered_e1_bytes(),
            "delivered_e0_bytes": self.delivered_e0_bytes(),
            "delivered_ce_bytes": self.delivered_ce_bytes(),
            "received_e1_bytes": self.received_e1_bytes(),
            "received_e0_bytes": self.received_e0_bytes(),
            "received_ce_bytes": self.received_ce_bytes(),
            "ecn_mode": self.ecn_mode(),
            "accecn_opt_seen": self.accecn_opt_seen(),
            "accecn_fail_mode": self.accecn_fail_mode(),
        })
    }
}
