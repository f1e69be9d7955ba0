//! Recognises errors that say that the operating system allows no more open files, processes or threads, or has no more memory. The
//! same call may succeed later, when another run or program has ended.

use std::io;

/// Returns whether `error` says that the system allows no more open files, processes or threads, or has no more memory.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    // `AGAIN` usually means that a call would have to wait. But when a process or a thread is started, `AGAIN` means that the system
    // allows no more of them. (`ErrorKind::WouldBlock` at the end of this function is the same error.)
    #[cfg(unix)]
    if let Some(code) = rustix::io::Errno::from_io_error(error) {
        use rustix::io::Errno;
        return matches!(
            code,
            Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS
        );
    }
    // On Unix, only errors without an error number of the system come here. On other systems, all errors come here.
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory
    )
}
