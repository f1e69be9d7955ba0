//! Operations that not every file system supports: locks on files, and forcing a folder (the names of its files) to the disk. Network
//! file systems and file systems in user space (FUSE) often do not support these operations.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The result of trying to lock a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockAttempt {
    /// This process holds the lock until the file is closed.
    Taken,
    /// Another process holds the lock. Or this process has opened the file twice, and holds the lock through the other [`File`].
    HeldByAnother,
    /// The file system has no locks, so other writers cannot be kept away.
    NotSupported,
}

/// Tries to lock `file` for this process alone, without waiting.
///
/// # Errors
///
/// Returns the system's error, unless the file system has no locks.
pub fn try_lock(file: &File) -> io::Result<LockAttempt> {
    attempt_from_result(file.try_lock())
}

/// Tries to take a shared lock of `file`, without waiting. Several processes can hold a shared lock at the same time. Nobody can take a
/// shared lock while a process holds the lock that [`try_lock`] takes.
///
/// # Errors
///
/// Returns the same errors as [`try_lock`].
pub fn try_lock_shared(file: &File) -> io::Result<LockAttempt> {
    attempt_from_result(file.try_lock_shared())
}

fn attempt_from_result(result: Result<(), TryLockError>) -> io::Result<LockAttempt> {
    match result {
        Ok(()) => Ok(LockAttempt::Taken),
        Err(TryLockError::WouldBlock) => Ok(LockAttempt::HeldByAnother),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(LockAttempt::NotSupported),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Forces the names of a folder's files to the disk (`fsync` of the folder), after files were created, renamed or removed. If the
/// file system does not support this, nothing is done.
///
/// # Errors
///
/// Returns the system's error, such as a full or broken disk.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if cannot_sync_folders(&error) => Ok(()),
        synced => synced,
    }
}

/// Does nothing. Systems other than Unix do not open folders as files, so a program cannot force the names of a folder's files to the
/// disk. The system writes these names at some later time.
///
/// # Errors
///
/// Never fails.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether an attempt to lock a file failed with `error` because the file system has no locks. Examples of such file systems are
/// NFS without its lock service, Lustre without `flock`, and some FUSE systems.
#[cfg(unix)]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let no_locks = [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
    is_one_of(error, &no_locks)
}

#[cfg(not(unix))]
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Returns whether an error means that the file system cannot force folders to the disk. This is so on SMB, on 9p, and on some FUSE
/// systems.
#[cfg(unix)]
fn cannot_sync_folders(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let not_supported = [
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::OPNOTSUPP,
        Errno::NOSYS,
        Errno::BADF,
    ];
    is_one_of(error, &not_supported)
}

#[cfg(unix)]
fn is_one_of(error: &io::Error, errors: &[rustix::io::Errno]) -> bool {
    let found = rustix::io::Errno::from_io_error(error);
    found.is_some_and(|found| errors.contains(&found))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::io::Errno;

    fn attempt_from_errno(errno: Errno) -> io::Result<LockAttempt> {
        attempt_from_result(Err(TryLockError::Error(errno.into())))
    }

    #[test]
    fn unsupported_locks_are_no_error_but_a_broken_disk_is() {
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP] {
            let attempt = attempt_from_errno(errno).expect("no error");
            assert_eq!(attempt, LockAttempt::NotSupported, "{errno:?}");
        }
        // `BADF` is an error here, although it means "not supported" if it is the result of syncing a folder (see `cannot_sync_folders`).
        for errno in [Errno::IO, Errno::NOSPC, Errno::BADF] {
            assert!(attempt_from_errno(errno).is_err(), "{errno:?}");
        }
    }

    #[test]
    fn a_locked_file_cannot_be_locked_again_until_it_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = File::create(&path).expect("a file");
        assert_eq!(try_lock(&first).expect("a lock"), LockAttempt::Taken);
        // The lock belongs to the `File` `first`, not to the process. So `second` cannot be locked, although it is in the same process.
        let second = File::open(&path).expect("a file");
        let attempt = try_lock_shared(&second).expect("an answer");
        assert_eq!(attempt, LockAttempt::HeldByAnother);
        drop(first);
        let attempt = try_lock_shared(&second).expect("an answer");
        assert_eq!(attempt, LockAttempt::Taken);
    }

    #[test]
    fn unsupported_folder_syncs_are_no_error_but_a_broken_disk_is() {
        for errno in [
            Errno::INVAL,
            Errno::NOTSUP,
            Errno::OPNOTSUPP,
            Errno::NOSYS,
            Errno::BADF,
        ] {
            assert!(cannot_sync_folders(&errno.into()), "{errno:?}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::NOENT] {
            assert!(!cannot_sync_folders(&errno.into()), "{errno:?}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        sync_folder(folder.path()).expect("synced");
        assert!(sync_folder(&folder.path().join("missing")).is_err());
    }
}
