//! Statistics in the notation of `ss -tieo`, from `ss` and from this crate.

use std::collections::BTreeMap;
use std::net::SocketAddrV6;
use std::process::Command;
use std::time::Duration;

use tcp6::SocketStats;
use tcp6::os::linux::{SocketStatsExt, TcpInfo, Timer};

/// Values by the names that `ss` prints.
pub type Values = BTreeMap<String, String>;

/// The names of the values that are compared. `ss` 6.1 does not print the newer ones.
const NAMES: &[&str] = &[
    "Recv-Q",
    "Send-Q",
    "sk",
    "skmem",
    "timer",
    "algorithm",
    "wscale",
    "rto",
    "backoff",
    "rtt",
    "ato",
    "mss",
    "pmtu",
    "rcvmss",
    "advmss",
    "cwnd",
    "ssthresh",
    "bytes_sent",
    "bytes_retrans",
    "bytes_acked",
    "bytes_received",
    "segs_out",
    "segs_in",
    "data_segs_out",
    "data_segs_in",
    "delivered",
    "unacked",
    "retrans",
    "lost",
    "sacked",
    "dsack_dups",
    "reord_seen",
    "rcv_rtt",
    "rcv_space",
    "rcv_ssthresh",
    "notsent",
    "minrtt",
    "rcv_ooopack",
    "snd_wnd",
    "pacing_rate",
    "delivery_rate",
];

/// What `ss` prints for the socket with these ends, or `None` if it is not installed.
pub fn theirs((local, remote): &(SocketAddrV6, Option<SocketAddrV6>)) -> Option<Values> {
    let output = Command::new("ss").arg("-6tanieomOH").output().ok()?;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let remote = remote.map_or_else(|| "[::]:*".to_owned(), |remote| remote.to_string());
    let is_wanted = |line: &&str| {
        let mut ends = line.split_ascii_whitespace().skip(3);
        ends.next() == Some(&local.to_string()) && ends.next() == Some(&remote)
    };
    let line = text.lines().find(is_wanted).expect("a line of ss");
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let mut values =
        Values::from([("Recv-Q".to_owned(), words[1].to_owned()), ("Send-Q".to_owned(), words[2].to_owned())]);
    for (at, word) in words.iter().enumerate().skip(5) {
        match word.split_once(':') {
            Some((name, value)) => drop(values.insert(name.to_owned(), value.to_owned())),
            // The options and the name of the algorithm precede the scales of windows.
            None if words.get(at + 1).is_some_and(|next| next.starts_with("wscale:")) => {
                values.insert("algorithm".to_owned(), (*word).to_owned());
            }
            None if word.ends_with("bps") => {
                drop(values.insert(words[at - 1].to_owned(), word.trim_end_matches("bps").to_owned()))
            }
            None => {}
        }
    }
    // The time of a timer passes between two readings.
    if let Some(timer) = values.get_mut("timer") {
        let fields: Vec<&str> = timer.trim_matches(['(', ')']).split(',').collect();
        *timer = format!("{},{}", fields[0], fields[2]);
    }
    values.retain(|name, _| NAMES.contains(&name.as_str()));
    Some(values)
}

/// What `ss` would print for these statistics.
pub fn ours(socket: &SocketStats<'_>) -> Values {
    let connection = socket.connection().unwrap();
    let info = socket.tcp_info().unwrap();
    let mut values = Values::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    };
    put("Recv-Q", connection.unread_bytes.map(|bytes| bytes.to_string()));
    put("Send-Q", connection.send_queue_bytes.map(|bytes| bytes.to_string()));
    put("sk", socket.cookie().map(|cookie| format!("{cookie:x}")));
    put("skmem", memory(socket));
    put("timer", timer(socket));
    put("algorithm", socket.algorithm().map(str::to_owned));
    put("wscale", info.options().filter(|options| options & 4 != 0).and_then(|_| scales(info)));
    for (name, time) in
        [("rto", info.rto()), ("ato", info.ato()), ("rcv_rtt", info.rcv_rtt()), ("minrtt", info.min_rtt())]
    {
        put(name, time.map(milliseconds));
    }
    put("rtt", info.rtt().zip(info.rttvar()).map(|(rtt, var)| format!("{}/{}", milliseconds(rtt), milliseconds(var))));
    let retransmissions = info.retrans().zip(info.total_retrans()).filter(|(now, total)| now + total > 0);
    put("retrans", retransmissions.map(|(now, total)| format!("{now}/{total}")));
    let rate = |rate: Option<u64>| rate.filter(|rate| *rate > 0).map(|rate| (8 * rate).to_string());
    put("pacing_rate", rate(info.pacing_rate()));
    put("delivery_rate", rate(info.delivery_rate()));
    // `ss` omits zeros.
    let numbers = [
        ("backoff", info.backoff().map(u64::from)),
        ("mss", info.snd_mss().map(u64::from)),
        ("pmtu", info.pmtu().map(u64::from)),
        ("rcvmss", info.rcv_mss().map(u64::from)),
        ("advmss", info.advmss().map(u64::from)),
        ("cwnd", info.snd_cwnd().map(u64::from)),
        ("ssthresh", info.snd_ssthresh().map(u64::from)),
        ("bytes_sent", info.bytes_sent()),
        ("bytes_retrans", info.bytes_retrans()),
        ("bytes_acked", info.bytes_acked()),
        ("bytes_received", info.bytes_received()),
        ("segs_out", info.segs_out().map(u64::from)),
        ("segs_in", info.segs_in().map(u64::from)),
        ("data_segs_out", info.data_segs_out().map(u64::from)),
        ("data_segs_in", info.data_segs_in().map(u64::from)),
        ("delivered", info.delivered().map(u64::from)),
        ("unacked", info.unacked().map(u64::from)),
        ("lost", info.lost().map(u64::from)),
        ("sacked", info.sacked().map(u64::from)),
        ("dsack_dups", info.dsack_dups().map(u64::from)),
        ("reord_seen", info.reord_seen().map(u64::from)),
        ("rcv_space", info.rcv_space().map(u64::from)),
        ("rcv_ssthresh", info.rcv_ssthresh().map(u64::from)),
        ("notsent", info.notsent_bytes().map(u64::from)),
        ("rcv_ooopack", info.rcv_ooopack().map(u64::from)),
        ("snd_wnd", info.snd_wnd().map(u64::from)),
    ];
    for (name, number) in numbers {
        put(name, number.filter(|number| *number > 0).map(|number| number.to_string()));
    }
    values
}

fn milliseconds(time: Duration) -> String {
    (time.as_micros() as f64 / 1000.0).to_string()
}

fn scales(info: &TcpInfo) -> Option<String> {
    Some(format!("{},{}", info.snd_wscale()?, info.rcv_wscale()?))
}

fn timer(socket: &SocketStats<'_>) -> Option<String> {
    Some(match socket.timer()? {
        Timer::Retransmission { retransmissions, .. } => format!("on,{retransmissions}"),
        Timer::KeepAlive { probes, .. } => format!("keepalive,{probes}"),
        Timer::ZeroWindowProbe { probes, .. } => format!("persist,{probes}"),
        other => format!("{other:?}"),
    })
}

fn memory(socket: &SocketStats<'_>) -> Option<String> {
    let memory = socket.memory()?;
    Some(format!(
        "(r{},rb{},t{},tb{},f{},w{},o{},bl{},d{})",
        memory.receive_allocated?,
        memory.receive_buffer?,
        memory.send_allocated?,
        memory.send_buffer?,
        memory.forward_allocated?,
        memory.send_queued?,
        memory.options?,
        memory.backlog?,
        memory.drops?,
    ))
}
