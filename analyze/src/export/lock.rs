//! The lock that makes an export the only one that writes to `processed/`.
//!
//! The lock is the system's, on the file `processed/.lock`: it is gone with the process that holds it, however that ends. The file
//! stays: if it were removed, a second export could lock the removed one and a third a new one.

use std::fs::File;
use std::io;
use std::path::Path;

use sim::console::tell;
use sim::log::{LockAttempt, try_lock};

use crate::error::Error;

/// The lock of a folder `processed`, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the folder `processed` of the dataset in `root`. Where the file system has no locks, nobody is kept away:
    /// that is said on stderr.
    ///
    /// # Errors
    ///
    /// [`Error::Exporting`] if another export holds it, [`Error::Io`] if the file cannot be opened or locked.
    pub(super) fn take(root: &Path, processed: &Path) -> Result<Self, Error> {
        let path = processed.join(".lock");
        let attempt = || -> io::Result<(File, LockAttempt)> {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            let attempt = try_lock(&file)?;
            Ok((file, attempt))
        };
        let (file, attempt) = attempt().map_err(Error::io(&path))?;
        match attempt {
            LockAttempt::Taken => {}
            LockAttempt::HeldByAnother => {
                return Err(Error::Exporting {
                    path: root.to_owned(),
                });
            }
            LockAttempt::NotSupported => tell(format_args!(
                "{}: the file system has no locks: do not export the same dataset twice at once",
                processed.display()
            )),
        }
        Ok(Self { _file: file })
    }
}
