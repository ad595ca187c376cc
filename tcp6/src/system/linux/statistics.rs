//! Reads the counters of the TCP stack from `/proc/net/snmp` and `/proc/net/netstat`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use super::namespace::{NamespaceId, ProcessDir};
use super::net_file;
use crate::error::{Error, Result};
use crate::stats::counter::Width;
use crate::stats::proc_text::{self, NETSTAT, SNMP};
use crate::stats::statistics::{Moment, Statistics};

/// The width of the kernel's counters, which are of the type `unsigned long`.
const WIDTH: Width = if cfg!(target_pointer_width = "64") { Width::Bits64 } else { Width::Unknown };

/// Reads the counters of one network namespace.
#[derive(Debug)]
pub(super) struct StatisticsReader {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The first call opens the files, because that takes 20 times as long as to read them.
    ///
    /// The namespace of the thread that created the reader, or `None` if `/proc` does not show it.
    Unopened(Option<NamespaceId>),
    Open(Files),
    /// The files of another namespace could not be opened.
    Failed(Errno),
}

/// The files and their texts of the last call.
#[derive(Debug)]
struct Files {
    snmp: KeptFile,
    /// `None` if the system has no such file, or does not let this process read it.
    netstat: Option<KeptFile>,
}

impl StatisticsReader {
    /// A reader for the calling thread's namespace.
    pub(super) fn new() -> StatisticsReader {
        StatisticsReader { source: Source::Unopened(NamespaceId::of_this_thread()) }
    }

    /// Opens the files in the calling thread, which leaves the namespace before the first call.
    ///
    /// # Errors
    ///
    /// EMFILE and ENFILE. The error of a missing file is returned by the first call.
    pub(super) fn open() -> Result<StatisticsReader> {
        StatisticsReader::of(Files::open(net_file::open))
    }

    /// Opens the files of a process.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub(super) fn open_in(process: &ProcessDir) -> Result<StatisticsReader> {
        StatisticsReader::of(Files::open(|name| process.open_net(name)))
    }

    fn of(files: Result<Files>) -> Result<StatisticsReader> {
        let errno = |error: &Error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error);
        let source = match files {
            Ok(files) => Source::Open(files),
            Err(error) if matches!(errno(&error), Errno::MFILE | Errno::NFILE) => return Err(error),
            Err(error) => Source::Failed(errno(&error)),
        };
        Ok(StatisticsReader { source })
    }

    /// Reads both files.
    ///
    /// # Errors
    ///
    /// [`Error::Os`], also if the first call comes from another network namespace, [`Error::Malformed`] and
    /// [`Error::OutOfMemory`].
    pub(super) fn read(&mut self) -> Result<Statistics> {
        match &mut self.source {
            Source::Open(files) => files.read(),
            Source::Failed(errno) => Err(Error::os(SNMP, *errno)),
            Source::Unopened(namespace) => {
                if namespace.zip(NamespaceId::of_this_thread()).is_some_and(|(own, current)| own != current) {
                    let reason = "the calling thread is in another network namespace than the `System`";
                    return Err(Error::os(SNMP, io::Error::other(reason)));
                }
                let mut files = Files::open(net_file::open)?;
                let statistics = files.read();
                self.source = Source::Open(files);
                statistics
            }
        }
    }

    /// The names and values of `TcpExt` in the last text of `netstat`.
    pub(super) fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        let netstat = if let Source::Open(files) = &self.source { files.netstat.as_ref() } else { None };
        proc_text::tcp_ext_counters(netstat.map_or(&[], KeptFile::text))
    }
}

impl Files {
    /// Opens the files; `open` opens one by its name.
    fn open(open: impl Fn(&str) -> io::Result<File>) -> Result<Files> {
        let snmp = KeptFile::of(open("snmp"), SNMP)?;
        let netstat = match KeptFile::of(open("netstat"), NETSTAT) {
            Err(Error::Os { source, .. }) if is_absent(&source) => None,
            opened => Some(opened?),
        };
        Ok(Files { snmp, netstat })
    }

    fn read(&mut self) -> Result<Statistics> {
        let netstat = self.netstat.as_mut().map(KeptFile::read).transpose()?;
        let snmp = self.snmp.read()?;
        Ok(proc_text::statistics(snmp, netstat, WIDTH, Moment::now())?)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
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
    fn of(file: io::Result<File>, path: &'static str) -> Result<KeptFile> {
        let file = file.map_err(|error| Error::os(path, error))?;
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
