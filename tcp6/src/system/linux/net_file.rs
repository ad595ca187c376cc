//! Files of `/proc/net`: opens those of the calling thread's network namespace, and reads them again.

#[cfg(target_os = "linux")]
use std::fs::{self, File};
use std::io;

use crate::error::{Error, Result};

/// Opens a file of `/proc/net` in the network namespace of the calling thread.
///
/// It stays with this namespace.
///
/// # Errors
///
/// See [`open_first`].
#[cfg(target_os = "linux")]
pub(super) fn open(name: &str) -> io::Result<File> {
    let tid = rustix::thread::gettid().as_raw_pid();
    open_first(name, tid, || shares_namespace(tid), |path| File::open(path))
}

/// Whether the calling thread is in the network namespace of the main thread; `tid` is its id.
#[cfg(target_os = "linux")]
fn shares_namespace(tid: i32) -> bool {
    // `ns/net` is a link that identifies the namespace since Linux 3.8.
    let own = || fs::read_link(format!("/proc/self/task/{tid}/ns/net"));
    let is_main = i32::try_from(std::process::id()) == Ok(tid);
    is_main || fs::read_link("/proc/self/ns/net").is_ok_and(|main| own().is_ok_and(|own| own == main))
}

/// Opens a file of the calling thread's network namespace; `tid` is the id of the thread.
///
/// `/proc/thread-self` and `/proc/self/task/TID/net` exist since Linux 3.17. Earlier kernels have only the file of the
/// main thread's namespace, which is opened if `shares_namespace` returns true.
///
/// # Errors
///
/// Returns the first error of `open` other than "not found", or else that of opening the file in `/proc/thread-self`.
fn open_first<F>(
    name: &str,
    tid: i32,
    shares_namespace: impl FnOnce() -> bool,
    mut open: impl FnMut(&str) -> io::Result<F>,
) -> io::Result<F> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let missing = match open(&format!("/proc/thread-self/net/{name}")) {
        Err(error) if is_missing(&error) => error,
        done => return done,
    };
    match open(&format!("/proc/self/task/{tid}/net/{name}")) {
        Err(error) if is_missing(&error) => {}
        done => return done,
    }
    if !shares_namespace() {
        return Err(missing);
    }
    match open(&format!("/proc/self/net/{name}")) {
        Err(error) if is_missing(&error) => Err(missing),
        done => done,
    }
}

/// The first size of a buffer for a whole file, in bytes. `netstat` has 4 KB on Linux 6.18.
const FIRST_BYTES: usize = 16 << 10;

/// The largest size of such a buffer. A longer text is cut.
const MAX_BYTES: usize = 1 << 20;

/// Reads a whole file from its beginning into `buffer`, which grows if the file does, and returns
/// the text.
///
/// `read` reads from the beginning of the file. The kernel writes the text anew for each call, so a text that does not
/// fit is read again as a whole: two parts would have values of two moments.
///
/// # Errors
///
/// Those of `read`, for which `path` is named, and [`Error::OutOfMemory`].
pub(super) fn read_whole<'b>(
    path: &'static str,
    buffer: &'b mut Vec<u8>,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Result<&'b [u8]> {
    if buffer.is_empty() {
        resize(buffer, FIRST_BYTES)?;
    }
    loop {
        match read(buffer) {
            Ok(length) if length == buffer.len() && length < MAX_BYTES => resize(buffer, length * 2)?,
            Ok(length) => return Ok(&buffer[..length.min(buffer.len())]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::os(path, error)),
        }
    }
}

fn resize(buffer: &mut Vec<u8>, bytes: usize) -> Result<()> {
    buffer.try_reserve_exact(bytes - buffer.len()).map_err(|_| Error::OutOfMemory { bytes })?;
    buffer.resize(bytes, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path that [`open_first`] opens if only `files` exist.
    fn opened(files: &[&str], shares_namespace: bool) -> io::Result<String> {
        open_first(
            "tcp6",
            17,
            || shares_namespace,
            |path| {
                let path = files.contains(&path).then(|| path.to_owned());
                path.ok_or_else(|| io::ErrorKind::NotFound.into())
            },
        )
    }

    const OWN: &str = "/proc/thread-self/net/tcp6";

    #[test]
    fn opens_the_file_of_the_callers_namespace() {
        let [task, main] = ["/proc/self/task/17/net/tcp6", "/proc/self/net/tcp6"];
        for shares_namespace in [true, false] {
            assert_eq!(opened(&[OWN, task, main], shares_namespace).unwrap(), OWN);
            assert_eq!(opened(&[task, main], shares_namespace).unwrap(), task);
        }
        // Linux 3.16 and earlier.
        assert_eq!(opened(&[main], true).unwrap(), main);
        assert_eq!(opened(&[main], false).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(opened(&[], true).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn does_not_try_other_paths_after_a_permission_error() {
        let mut paths = Vec::new();
        let refused = open_first(
            "tcp6",
            17,
            || true,
            |path| {
                paths.push(path.to_owned());
                Err::<(), _>(io::ErrorKind::PermissionDenied.into())
            },
        );
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(paths, [OWN]);
    }

    /// Reads a file of this length.
    ///
    /// Returns the lengths of the text and of the buffer, and the number of reads.
    fn read(length: usize, buffer: &mut Vec<u8>) -> (usize, usize, u32) {
        let mut reads = 0;
        let text = read_whole("file", buffer, |bytes| {
            reads += 1;
            if reads == 1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = length.min(bytes.len());
            bytes[..length].fill(reads as u8);
            Ok(length)
        });
        let text = text.unwrap();
        assert!(text.windows(2).all(|bytes| bytes[0] == bytes[1]), "the text is that of one read");
        (text.len(), buffer.len(), reads - 1)
    }

    #[test]
    fn a_buffer_grows_to_the_file_and_keeps_its_size() {
        let mut buffer = Vec::new();
        assert_eq!(read(100, &mut buffer), (100, FIRST_BYTES, 1));
        assert_eq!(read(FIRST_BYTES - 1, &mut buffer), (FIRST_BYTES - 1, FIRST_BYTES, 1));
        assert_eq!(read(FIRST_BYTES, &mut buffer), (FIRST_BYTES, 2 * FIRST_BYTES, 2));
        assert_eq!(read(5 * FIRST_BYTES, &mut buffer), (5 * FIRST_BYTES, 8 * FIRST_BYTES, 3));
        assert_eq!(read(0, &mut buffer), (0, 8 * FIRST_BYTES, 1));
    }

    #[test]
    fn a_file_without_an_end_is_cut() {
        assert_eq!(read(usize::MAX, &mut Vec::new()), (MAX_BYTES, MAX_BYTES, 7));
    }

    #[test]
    fn an_error_names_the_file() {
        let error = read_whole("file", &mut Vec::new(), |_| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        assert!(error.to_string().starts_with("file: "), "{error}");
    }
}
