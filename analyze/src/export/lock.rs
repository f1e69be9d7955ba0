//! The lock that keeps two exports from writing to `processed/` at the same time.
//!
//! It is a lock of the operating system on the file `processed/.lock`, so it ends when the process ends. The file is never removed. If
//! it were, one export could hold the lock of the removed file while another export locks a new file with the same name.

use std::fs::File;
use std::io;
use std::path::Path;

use sim::console::tell;
use sim::log::{LockAttempt, try_lock};

use crate::error::Error;

/// The lock of a folder `processed`. Dropping it releases the lock. If the file system has no locks, nothing is locked.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the folder `processed` of the dataset in `root`. If the file system has no locks, prints a warning on stderr, and the
    /// export continues without a lock.
    ///
    /// # Errors
    ///
    /// [`Error::Exporting`] if another export has the lock, [`Error::Io`] if the file cannot be opened or locked.
    pub(super) fn take(root: &Path, processed: &Path) -> Result<Self, Error> {
        let path = processed.join(".lock");
        let open_and_try = || -> io::Result<(File, LockAttempt)> {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            let attempt = try_lock(&file)?;
            Ok((file, attempt))
        };
        let (file, attempt) = open_and_try().map_err(Error::io(&path))?;
        match attempt {
            LockAttempt::Taken => {}
            LockAttempt::HeldByAnother => {
                return Err(Error::Exporting {
                    path: root.to_owned(),
                });
            }
            LockAttempt::NotSupported => tell(format_args!(
                "{}: the file system has no locks, so do not run two exports of this dataset at the same time",
                processed.display()
            )),
        }
        Ok(Self { _file: file })
    }
}
