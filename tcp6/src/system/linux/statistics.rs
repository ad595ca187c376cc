//! Reads the counters of the TCP stack from `/proc/net/snmp` and `/proc/net/netstat`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::net_file;
use crate::error::{Error, Result};
use crate::stats::counter::Width;
use crate::stats::proc_text::{self, NETSTAT, SNMP};
use crate::stats::statistics::{Moment, Statistics};

/// The width of the kernel's counters, which are of the type `unsigned long`.
const WIDTH: Width = if cfg!(target_pointer_width = "64") { Width::Bits64 } else { Width::Unknown };

/// Reads the counters of the network namespace in which it was created.
#[derive(Debug)]
pub(super) struct StatisticsReader {
    /// The namespace of the thread that created it, or `None` if `/proc` does not show it.
    namespace: Option<NamespaceId>,
    /// Opened by the first call, because that takes 20 times as long as to read them.
    files: Option<Files>,
}

/// Device and inode of a network namespace.
type NamespaceId = (u64, u64);

/// The files and their texts of the last call.
#[derive(Debug)]
struct Files {
    snmp: KeptFile,
    /// `None` if the system has no such file, or does not let this process read it.
    netstat: Option<KeptFile>,
}

impl StatisticsReader {
    pub(super) fn new() -> StatisticsReader {
        StatisticsReader { namespace: namespace(), files: None }
    }

    /// Reads both files.
    ///
    /// # Errors
    ///
    /// [`Error::Os`], also if the first call comes from another network namespace, [`Error::Malformed`] and
    /// [`Error::OutOfMemory`].
    pub(super) fn read(&mut self) -> Result<Statistics> {
        let files = match &mut self.files {
            Some(files) => files,
            None => {
                if self.namespace.zip(namespace()).is_some_and(|(own, current)| own != current) {
                    let reason = "the calling thread is in another network namespace than the `System`";
                    return Err(Error::os(SNMP, io::Error::other(reason)));
                }
                self.files.insert(Files::open()?)
            }
        };
        let Files { snmp, netstat } = files;
        let netstat = netstat.as_mut().map(KeptFile::read).transpose()?;
        let snmp = snmp.read()?;
        Ok(proc_text::statistics(snmp, netstat, WIDTH, Moment::now())?)
    }

    /// The names and values of `TcpExt` in the last text of `netstat`.
    pub(super) fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        let netstat = self.files.as_ref().and_then(|files| files.netstat.as_ref());
        proc_text::tcp_ext_counters(netstat.map_or(&[], KeptFile::text))
    }
}

impl Files {
    /// Opens the files of the calling thread's network namespace.
    fn open() -> Result<Files> {
        let snmp = KeptFile::open("snmp", SNMP)?;
        let netstat = match KeptFile::open("netstat", NETSTAT) {
            Err(Error::Os { source, .. }) if is_absent(&source) => None,
            opened => Some(opened?),
        };
        Ok(Files { snmp, netstat })
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}

/// The network namespace of the calling thread.
fn namespace() -> Option<NamespaceId> {
    let file = rustix::fs::stat("/proc/thread-self/ns/net").ok()?;
    Some((file.st_dev as u64, file.st_ino as u64))
}

/// An open file and its text.
#[derive(Debug)]
struct KeptFile {
    path: &'static str,
    file: File,
    buffer: Vec<u8>,
    length: usize,
}

impl KeptFile {
    fn open(name: &str, path: &'static str) -> Result<KeptFile> {
        let file = net_file::open(name).map_err(|error| Error::os(path, error))?;
        Ok(KeptFile { path, file, buffer: Vec::new(), length: 0 })
    }

    /// Reads the file again.
    fn read(&mut self) -> Result<&[u8]> {
        self.length = 0;
        let text = net_file::read_whole(self.path, &mut self.buffer, |bytes| self.file.read_at(bytes, 0))?;
        self.length = text.len();
        Ok(text)
    }

    /// The text of the last read, or none if it failed.
    fn text(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}
