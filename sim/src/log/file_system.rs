//! What not every file system can do: locks, and syncs of folders. Network file systems and those in user space often lack them.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockAttempt {
    /// It is held until the file is closed.
    Taken,
    /// Another process holds it.
    HeldByAnother,
    /// The file system has no locks: nobody can be kept away.
    NotSupported,
}

/// Tries to take the lock of `file` for this process alone. Does not wait.
///
/// # Errors
///
/// What the system says, unless it says that the file system has no locks.
pub fn try_lock(file: &File) -> io::Result<LockAttempt> {
    attempt(file.try_lock())
}

/// Tries to take the lock of `file` together with others that only want to know whether one process has it alone. Does not wait.
///
/// # Errors
///
/// As [`try_lock`].
pub fn try_lock_shared(file: &File) -> io::Result<LockAttempt> {
    attempt(file.try_lock_shared())
}

fn attempt(tried: Result<(), TryLockError>) -> io::Result<LockAttempt> {
    match tried {
        Ok(()) => Ok(LockAttempt::Taken),
        Err(TryLockError::WouldBlock) => Ok(LockAttempt::HeldByAnother),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(LockAttempt::NotSupported),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Brings the names in a folder to the disk: what was created, renamed or removed in it last. Where the file system cannot do that
/// for folders, it has to do it by itself, and nothing is done here.
///
/// # Errors
///
/// What the system says, such as that the disk is full or broken.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if cannot_sync_folders(&error) => Ok(()),
        synced => synced,
    }
}

/// Brings the names in a folder to the disk. Where folders cannot be opened as files are, the system does it by itself.
///
/// # Errors
///
/// None here.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether an error of a lock says that the file system has none: NFS without its lock service, Lustre without `flock`, some of FUSE.
#[cfg(unix)]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let without = [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
    is_one_of(error, &without)
}

#[cfg(not(unix))]
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Whether an error of a folder's sync says that the file system does not sync folders: SMB, 9p, some of FUSE.
#[cfg(unix)]
fn cannot_sync_folders(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let without = [
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::OPNOTSUPP,
        Errno::NOSYS,
        Errno::BADF,
    ];
    is_one_of(error, &without)
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

    fn lock_fails_with(errno: Errno) -> io::Result<LockAttempt> {
        attempt(Err(TryLockError::Error(errno.into())))
    }

    #[test]
    fn a_file_system_without_locks_is_no_error_and_a_broken_one_is() {
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP] {
            let attempt = lock_fails_with(errno).expect("no error");
            assert_eq!(attempt, LockAttempt::NotSupported, "{errno:?}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::BADF] {
            assert!(lock_fails_with(errno).is_err(), "{errno:?}");
        }
    }

    #[test]
    fn a_lock_is_taken_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = File::create(&path).expect("a file");
        assert_eq!(try_lock(&first).expect("a lock"), LockAttempt::Taken);
        let second = File::open(&path).expect("a file");
        let attempt = try_lock_shared(&second).expect("an answer");
        assert_eq!(attempt, LockAttempt::HeldByAnother);
        drop(first);
        let attempt = try_lock_shared(&second).expect("an answer");
        assert_eq!(attempt, LockAttempt::Taken);
    }

    #[test]
    fn a_folder_that_cannot_be_synced_is_no_error_and_a_broken_disk_is() {
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
