//! Entry points for the fuzz targets: the parsers of bytes from the kernel.

use core::time::Duration;

use super::netlink::events::{self, Merger, Poll};
use super::netlink::inet_diag::{self, Attributes, Dump, Extensions, InetDiagMsg, LookUps, MAX_BATCH, Progress, Reply};
use super::netlink::reconcile::Reconciler;
use super::proc_net::TextReader;
use super::socket::mask;
use crate::error::Result;
use crate::events::brief::Brief;
use crate::events::report::Events;
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::state::StateSet;
use crate::stats::kinds::StatsKinds;
use crate::stats::table::Stats;

/// The result of a dump, apart from its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// Whether the dump ended with NLMSG_DONE; false if the datagrams ended before it.
    pub done: bool,
    /// Whether the kernel reported that rows may be missing.
    pub interrupted: bool,
}

pub(crate) fn request(sequence: u32, kinds: StatsKinds) -> Vec<u8> {
    let extensions = Extensions::of(kinds);
    inet_diag::dump_request(sequence, mask(StateSet::all()), &inet_diag::SockId::ANY, extensions).to_vec()
}

/// The payloads of INFO, CONG and SKMEMINFO.
pub(crate) fn attributes(bytes: &[u8]) -> Result<[Option<&[u8]>; 3]> {
    let Attributes { info, algorithm, memory } = Attributes::parse(bytes)?;
    Ok([info, algorithm, memory])
}

pub(crate) fn stats<'a>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<OwnerModuleRow>, Stats)> {
    let mut dump = Dump::new(sequence, port);
    let mut reconciler = Reconciler::new();
    let (mut rows, mut stats) = (Vec::new(), Stats::new());
    for datagram in datagrams {
        let progress = dump.read(datagram, |message| {
            if reconciler.record(message)? {
                let (row, attributes) = (message.socket().to_row(), Attributes::parse(message.attributes())?);
                stats.push_reported(&row, &attributes.reported(&message.socket()))?;
                rows.push(row);
            }
            Ok(())
        })?;
        if progress == Progress::Done {
            break;
        }
    }
    stats.index_entries()?;
    Ok((rows, stats))
}

pub(crate) fn dump<'a, R: Row>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, Dumped)> {
    let mut dump = Dump::new(sequence, port);
    let mut reconciler = Reconciler::new();
    let mut rows = Vec::new();
    let mut done = false;
    for datagram in datagrams {
        let progress = dump.read(datagram, |message| {
            if reconciler.record(message)? {
                rows.push(message.socket().to_row());
            }
            Ok(())
        })?;
        if progress == Progress::Done {
            done = true;
            break;
        }
    }
    Ok((rows, Dumped { done, interrupted: dump.was_interrupted() }))
}

pub(crate) fn look_ups<'a>(
    first_sequence: u32,
    port: u32,
    awaited: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(usize, usize, bool)> {
    let mut message = [0; 72];
    message[0] = 10;
    let id = InetDiagMsg::new(&message)?.map(|message| message.id());
    let ids: Vec<_> = id.into_iter().cycle().take((awaited as usize).min(MAX_BATCH)).collect();
    let mut look_ups = LookUps::new(first_sequence, port, &ids);
    let (mut found, mut gone) = (0, 0);
    let mut progress = Progress::More;
    for datagram in datagrams {
        progress = look_ups.read(datagram, |reply| {
            *match reply {
                Reply::Found(_) => &mut found,
                Reply::Gone(_) => &mut gone,
            } += 1;
            Ok(())
        })?;
    }
    Ok((found, gone, progress == Progress::Done))
}

pub(crate) fn events<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Brief>, u64, u64) {
    let (mut merger, mut reports) = (Merger::default(), Events::default());
    let mut malformed = 0;
    let mut received = Vec::new();
    for datagram in datagrams {
        let read = events::read(datagram, |event| {
            received.push(event);
            Ok(())
        });
        malformed += u64::from(read.is_err());
    }
    // The first table is empty, and so is the second one.
    for events in [Vec::new(), received] {
        merger.begin(|pending| pending.extend(events));
        reports.clear();
        let poll = Poll { now: Duration::ZERO, has_identity: true, has_lost: false, reports: |_: &Brief| true };
        merger.merge(poll, &mut reports).expect("memory for the events of an input");
        merger.commit();
    }
    (reports.brief().to_vec(), reports.ignored(), malformed)
}

#[cfg(target_os = "linux")]
pub(crate) fn refreshes(history: &[u8]) -> core::result::Result<usize, String> {
    super::netlink::sock_diag::history::run(history)
}

pub(crate) fn text<R: Row>(text: &[u8]) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    TextReader::default().read(text, |socket| {
        rows.push(socket.to_row());
        Ok(())
    })?;
    Ok(rows)
}
