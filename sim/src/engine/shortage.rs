//! Recognises errors that say that the operating system has no more files, processes or memory. The same call may succeed later,
//! when another run or program has ended.

use std::io;

/// Returns whether `error` says that the system has no more files, processes or memory.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    // `AGAIN` (on other systems `WouldBlock`) also says that no more processes or threads can be started.
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
