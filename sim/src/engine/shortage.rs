//! When the system has no more of something: files, processes, memory. Such a refusal passes when something else ends.

use std::io;

/// Whether the system refused for want of files, processes or memory.
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
