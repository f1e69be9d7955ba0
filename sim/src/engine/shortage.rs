//! Shortages of the system: files, processes or memory. Such an error passes when another run or program ends.

use std::io;

/// Returns whether the system refused because it has no more files, processes or memory.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    if let Some(code) = rustix::io::Errno::from_io_error(error) {
        use rustix::io::Errno;
        return matches!(
            code,
            Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS
        );
    }
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory
    )
}
