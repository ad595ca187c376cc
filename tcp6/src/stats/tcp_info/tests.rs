use core::mem::{offset_of, size_of_val};

use super::*;

/// `tcp_info` as declared in `include/uapi/linux/tcp.h` of Linux 6.18.
#[repr(C)]
struct Declared {
    state: u8,
    ca_state: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    /// `tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4`
    wscale: u8,
    /// `tcpi_delivery_rate_app_limited : 1, tcpi_fastopen_client_fail : 2`
    flags: u8,
    rto: u32,
    ato: u32,
    snd_mss: u32,
    rcv_mss: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retrans: u32,
    fackets: u32,
    last_data_sent: u32,
    last_ack_sent: u32,
    last_data_recv: u32,
    last_ack_recv: u32,
    pmtu: u32,
    rcv_ssthresh: u32,
    rtt: u32,
    rttvar: u32,
    snd_ssthresh: u32,
    snd_cwnd: u32,
    advmss: u32,
    reordering: u32,
    rcv_rtt: u32,
    rcv_space: u32,
    total_retrans: u32,
    pacing_rate: u64,
    max_pacing_rate: u64,
    bytes_acked: u64,
    bytes_received: u64,
    segs_out: u32,
    segs_in: u32,
    notsent_bytes: u32,
    min_rtt: u32,
    data_segs_in: u32,
    data_segs_out: u32,
    delivery_rate: u64,
    busy_time: u64,
    rwnd_limited: u64,
    sndbuf_limited: u64,
    delivered: u32,
    delivered_ce: u32,
    bytes_sent: u64,
    bytes_retrans: u64,
    dsack_dups: u32,
    reord_seen: u32,
    rcv_ooopack: u32,
    snd_wnd: u32,
    rcv_wnd: u32,
    rehash: u32,
    total_rto: u16,
    total_rto_recoveries: u16,
    total_rto_time: u32,
    received_ce: u32,
    delivered_e1_bytes: u32,
    delivered_e0_bytes: u32,
    delivered_ce_bytes: u32,
    received_e1_bytes: u32,
    received_e0_bytes: u32,
    received_ce_bytes: u32,
    /// `tcpi_ecn_mode : 2, tcpi_accecn_opt_seen : 2, tcpi_accecn_fail_mode : 4, tcpi_options2 : 24`
    ecn: u32,
}

/// The size of a field, from a pointer to it.
fn size_of_field<T, F>(field: impl Fn(&T) -> &F) -> usize {
    let _ = field;
    size_of::<F>()
}

macro_rules! declared {
    ($($name:ident)*) => {
        [$((stringify!($name), offset_of!(Declared, $name), size_of_field(|declared: &Declared| &declared.$name))),*]
    };
}

#[test]
fn offsets_and_sizes_match_the_kernel_header() {
    let declared = declared!(
        state ca_state retransmits probes backoff options rto ato snd_mss rcv_mss unacked sacked lost retrans
        last_data_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss
        reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received segs_out
        segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited
        delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash
        total_rto total_rto_recoveries total_rto_time received_ce delivered_e1_bytes delivered_e0_bytes
        delivered_ce_bytes received_e1_bytes received_e0_bytes received_ce_bytes
    );
    assert_eq!(FIELDS, declared);
    assert_eq!(
        [WSCALE, FLAGS, FACKETS, ECN, MAX_LEN],
        [
            offset_of!(Declared, wscale),
            offset_of!(Declared, flags),
            offset_of!(Declared, fackets),
            offset_of!(Declared, ecn),
            size_of::<Declared>(),
        ]
    );
}

/// The first kernel version, the length that it sends, and its last field.
const LENGTHS: &[(&str, usize, &str)] = &[
    ("2.6", 104, "total_retrans"),
    ("3.15", 120, "max_pacing_rate"),
    ("4.1", 136, "bytes_received"),
    ("4.2", 144, "segs_in"),
    ("4.6", 160, "data_segs_out"),
    ("4.9", 168, "delivery_rate"),
    ("4.10", 192, "sndbuf_limited"),
    ("4.18", 200, "delivered_ce"),
    ("4.19", 224, "reord_seen"),
    ("5.4", 232, "snd_wnd"),
    ("6.2", 240, "rehash"),
    ("6.7", 248, "total_rto_time"),
    ("6.18", 280, "received_ce_bytes"),
];

/// Bytes without a zero, and without a value that means unknown.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 100 + 1) as u8).collect()
}

/// The names of the fields that an info has.
fn known(info: &TcpInfo) -> Vec<String> {
    let text = format!("{info:?}");
    let fields = text.strip_prefix("TcpInfo {").unwrap().strip_suffix(".. }").unwrap();
    fields.split(", ").filter_map(|field| Some(field.split_once(':')?.0.trim().to_owned())).collect()
}

#[test]
fn each_kernel_has_the_fields_up_to_its_last_one() {
    for (version, len, last) in LENGTHS {
        let info = TcpInfo::from_bytes(&bytes(*len));
        let names: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
        let end = names.iter().position(|name| name == last).unwrap() + 1;
        assert_eq!(known(&info), names[..end], "Linux {version}");
        assert_eq!(info.raw(), bytes(*len), "Linux {version}");
    }
    let flags = |len: usize| {
        let info = TcpInfo::from_bytes(&bytes(len));
        (info.delivery_rate_app_limited().is_some(), info.fastopen_client_fail().is_some(), info.fackets().is_some())
    };
    assert_eq!(flags(160), (false, false, true));
    assert_eq!(flags(168), (true, false, true));
    assert_eq!(flags(200), (true, false, false));
    assert_eq!(flags(232), (true, true, false));
}

#[test]
fn a_truncated_struct_has_exactly_the_complete_fields() {
    for len in 0..=MAX_LEN + 40 {
        let info = TcpInfo::from_bytes(&bytes(len));
        let complete = FIELDS.iter().filter(|(_, at, size)| at + size <= len).map(|(name, ..)| (*name).to_owned());
        assert_eq!(known(&info), complete.collect::<Vec<_>>(), "{len} bytes");
        assert_eq!(info.raw(), bytes(len.min(MAX_LEN)), "{len} bytes");
        assert_eq!(info.snd_wscale().is_some(), len > WSCALE);
        assert_eq!(info.ecn_mode().is_some(), len >= ECN + 4);
    }
}

#[test]
fn a_replaced_struct_has_nothing_of_the_old_one() {
    let mut info = TcpInfo::from_bytes(&[0xAB; MAX_LEN]);
    for len in [0, 104, 280, 103] {
        info.set(&bytes(len));
        let new = TcpInfo::from_bytes(&bytes(len));
        assert_eq!((info, info.raw(), known(&info)), (new, new.raw(), known(&new)));
        assert_eq!(info.bytes_acked(), new.bytes_acked());
    }
    assert_ne!(TcpInfo::from_bytes(&[1, 2]), TcpInfo::from_bytes(&[1, 2, 0]));
}

/// An info of the longest length in which one field has these bytes.
fn with(at: usize, field: &[u8]) -> TcpInfo {
    let mut bytes = [0; MAX_LEN];
    bytes[at..at + field.len()].copy_from_slice(field);
    TcpInfo::from_bytes(&bytes)
}

#[test]
fn each_accessor_reads_its_own_field() {
    for (name, at, size) in FIELDS {
        // Not zero, all ones or the infinite threshold, which can mean unknown.
        let value = &[1; 8][..*size];
        let (changed, zero) = (with(*at, value), TcpInfo::from_bytes(&[0; MAX_LEN]));
        let text = |info: &TcpInfo| format!("{info:?}");
        let fields = |info: &TcpInfo| -> Vec<String> { text(info).split(", ").map(str::to_owned).collect() };
        let differs: Vec<String> =
            fields(&changed).into_iter().filter(|field| !fields(&zero).contains(field)).collect();
        assert_eq!(differs.len(), 1, "{name}: {differs:?}");
        assert!(differs[0].trim_start_matches("TcpInfo { ").starts_with(&format!("{name}: ")), "{differs:?}");
    }
}

/// An accessor of a time.
type Time = fn(&TcpInfo) -> Option<Duration>;

#[test]
fn units_are_those_of_the_kernel() {
    let u32_at = |at| with(at, &1_500u32.to_ne_bytes());
    let u64_at = |at| with(at, &1_500u64.to_ne_bytes());
    let (us, ms) = (Some(Duration::from_micros(1_500)), Some(Duration::from_millis(1_500)));
    let microseconds: [(usize, Time); 6] = [
        (8, TcpInfo::rto),
        (12, TcpInfo::ato),
        (68, TcpInfo::rtt),
        (72, TcpInfo::rttvar),
        (92, TcpInfo::rcv_rtt),
        (148, TcpInfo::min_rtt),
    ];
    for (at, field) in microseconds {
        assert_eq!(field(&u32_at(at)), us, "{at}");
    }
    let milliseconds: [(usize, Time); 4] = [
        (44, TcpInfo::last_data_sent),
        (52, TcpInfo::last_data_recv),
        (56, TcpInfo::last_ack_recv),
        (244, TcpInfo::total_rto_time),
    ];
    for (at, field) in milliseconds {
        assert_eq!(field(&u32_at(at)), ms, "{at}");
    }
    assert_eq!((u64_at(168).busy_time(), u64_at(176).rwnd_limited(), u64_at(184).sndbuf_limited()), (us, us, us));
}

#[test]
fn unknown_values_are_none() {
    let ones = |at, size| with(at, &[0xFF; 8][..size]);
    assert_eq!(with(76, &0x7FFF_FFFFu32.to_ne_bytes()).snd_ssthresh(), None);
    assert_eq!(with(76, &0x7FFF_FFFEu32.to_ne_bytes()).snd_ssthresh(), Some(0x7FFF_FFFE));
    assert_eq!(ones(148, 4).min_rtt(), None);
    assert_eq!(
        (ones(104, 8).pacing_rate(), ones(112, 8).max_pacing_rate(), ones(160, 8).delivery_rate()),
        (None, None, None)
    );
    let zero = TcpInfo::from_bytes(&[0; MAX_LEN]);
    assert_eq!((zero.rtt(), zero.rcv_rtt(), zero.ato()), (None, None, None));
    assert_eq!((zero.pmtu(), zero.delivery_rate()), (None, None));
    // Zero is a value of counters and of all other fields.
    assert_eq!((zero.bytes_acked(), zero.total_retrans(), zero.pacing_rate()), (Some(0), Some(0), Some(0)));
}

#[test]
fn bit_fields_are_those_of_c() {
    // As a C compiler for a little-endian machine lays them out.
    #[cfg(target_endian = "little")]
    let (scales, flags, ecn) = ([0x7A], [0b101], 0b0101_1001u32.to_ne_bytes());
    #[cfg(target_endian = "big")]
    let (scales, flags, ecn) = ([0xA7], [0b110_00000], 0b01_10_0101_u32.rotate_right(8).to_ne_bytes());
    let info = with(WSCALE, &[scales[0], flags[0]]);
    assert_eq!((info.snd_wscale(), info.rcv_wscale()), (Some(10), Some(7)));
    assert_eq!((info.delivery_rate_app_limited(), info.fastopen_client_fail()), (Some(true), Some(2)));
    let info = with(ECN, &ecn);
    assert_eq!((info.ecn_mode(), info.accecn_opt_seen(), info.accecn_fail_mode()), (Some(1), Some(2), Some(5)));
    assert_eq!(size_of_val(info.raw()), MAX_LEN);
}

#[test]
fn the_other_byte_order_keeps_incomplete_fields() {
    let bytes: Vec<u8> = (1..=280u16).map(|byte| byte as u8).collect();
    for length in 0..=280 {
        let other = TcpInfo::from_bytes(&bytes[..length]).swap_bytes();
        let ends = FIELDS.iter().map(|(_, at, size)| at + size).filter(|end| *end <= length);
        let complete = ends.max().unwrap_or(0);
        assert_eq!(other.raw()[complete..], bytes[complete..length], "{length} bytes");
        assert_eq!(TcpInfo::from_bytes(other.raw()).swap_bytes().raw(), &bytes[..length]);
    }
}
