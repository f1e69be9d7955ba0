//! The lock of a dataset: only the process that holds the lock may write to the dataset. The process is usually a *sweep*: one `sim run`
//! that makes runs. An import of logs takes the lock too.
//!
//! The operating system locks the file `.lock` in the dataset, so the lock ends with the process that holds it. A sweep also writes a text
//! about itself into this file, for example its process id. So users can see which sweep holds the lock. (An import writes no such text.)
//! If the file system has no locks, a second writer cannot be prevented, and the text is the only information about the first writer.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::error::DatasetError;
use super::file_system::{LockAttempt, try_lock_shared};
use super::manifest;
use super::parts::Paths;
use crate::input::{open_stored, read_stored_text};

/// How many times to try to take the lock. If all attempts fail, the lock belongs to another writer. One attempt is not enough, because
/// a process that only checks the lock (`sim status`) holds it for a moment.
const MAX_ATTEMPTS: u32 = 20;
/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(5);
/// The largest size of a file `.lock` that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// The sweep that writes to a dataset, as described in the file `.lock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// The id of the sweep's process.
    pub process: u32,
    /// The name of the computer on which the process runs.
    pub host: String,
    /// When the sweep started, in Unix seconds.
    pub since_s: i64,
    /// When the sweep will end according to its plan, in Unix seconds.
    pub planned_end_s: i64,
    /// Number of rows in the journal (`runs.csv`) when the sweep started.
    pub rows_before: u64,
    /// Number of runs that the sweep makes in all, according to its plan.
    pub to_do: u64,
    /// Whether the sweep has taken the lock. It is false if the file system has no locks. Files without this field are from earlier
    /// versions, which always took the lock.
    #[serde(default = "default_true")]
    pub is_locked: bool,
    /// Whether the sweep has ended. This is written only if the file system has no locks.
    #[serde(default)]
    pub has_ended: bool,
}

fn default_true() -> bool {
    true
}

impl LockOwner {
    /// Describes this process, whose sweep starts now. Its number of runs and its planned end are not known yet: 0 and the present
    /// time stand for them.
    pub(super) fn this_process(rows_before: u64, is_locked: bool) -> Self {
        let now_s = jiff::Timestamp::now().as_second();
        Self {
            process: std::process::id(),
            host: manifest::host(),
            since_s: now_s,
            planned_end_s: now_s,
            rows_before,
            to_do: 0,
            is_locked,
            has_ended: false,
        }
    }

    /// Returns the last sweep that wrote to the dataset in `root`, and whether the sweep still writes. `None` if the lock file
    /// does not describe a sweep.
    pub fn last(root: &Path) -> Option<(Self, Activity)> {
        let path = Paths::new(root).lock();
        let file = open_stored(&path).ok()?;
        let attempt = try_lock_shared(&file);
        free(&file);
        let owner = read(&path)?;
        let activity = match attempt {
            Ok(LockAttempt::HeldByAnother) => Activity::Writing,
            // The owner had taken the lock, and now the lock is free again.
            Ok(LockAttempt::Taken) if owner.is_locked => Activity::Ended,
            // The owner could not take the lock, because the file system has no locks. But it has written into the file that it has ended.
            _ if owner.has_ended => Activity::Ended,
            _ => Activity::Unknown,
        };
        Some((owner, activity))
    }
}

/// Whether a sweep writes to its dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The sweep holds the lock.
    Writing,
    /// The sweep does not hold the lock any more, or has written that it ended.
    Ended,
    /// The file system has no locks, and the sweep has not written that it has ended. The sweep may still write, or it was
    /// killed.
    Unknown,
}

fn read(path: &Path) -> Option<LockOwner> {
    serde_json::from_str(&read_stored_text(path, MAX_BYTES).ok()?).ok()
}

/// The lock of a dataset. Dropping it frees the lock.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// Whether this process holds the lock. It is false if the file system has no locks: then other writers are not prevented.
    pub(super) is_held: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        free(&self.file);
    }
}

/// Frees the lock of `file`, if the file has one. Closing the file is not always enough: if another thread is starting a child process, the
/// child has a copy of the open file for a moment (between fork and exec). As long as the copy is open, the file stays locked, even if this
/// process has closed it. Errors are ignored, because the file is closed next.
fn free(file: &File) {
    let _ = file.unlock();
}

impl Lock {
    /// Locks a dataset whose folder exists. If the file system has no locks, returns a lock in which `is_held` is false.
    pub(super) fn take(disk: &dyn Disk, paths: &Paths) -> Result<Self, DatasetError> {
        let path = paths.lock();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(DatasetError::io(&path))?;
        for tries_left in (0..MAX_ATTEMPTS).rev() {
            match disk.try_lock(&file).map_err(DatasetError::io(&path))? {
                LockAttempt::HeldByAnother if tries_left > 0 => thread::sleep(PAUSE),
                LockAttempt::HeldByAnother => break,
                // The lock is taken, or the file system has no locks.
                attempt => {
                    let is_held = attempt == LockAttempt::Taken;
                    return Ok(Self { file, is_held });
                }
            }
        }
        Err(DatasetError::Locked {
            path: paths.root.clone(),
            holder: read(&path).map_or(String::new(), |LockOwner { process, host, .. }| {
                format!(" (process {process} on {host})")
            }),
        })
    }

    /// Writes the facts about the owner into the file.
    pub(super) fn announce(&mut self, owner: &LockOwner) -> io::Result<()> {
        let text = serde_json::to_string(owner)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::RealDisk;

    /// Between fork and exec, a child process has a copy of the open file. A cloned file stands for this copy here.
    #[test]
    fn a_dropped_lock_is_free_although_a_copy_of_its_file_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::new(folder.path());
        let mut lock = Lock::take(&RealDisk, &paths).expect("a lock");
        let owner = LockOwner::this_process(0, lock.is_held);
        lock.announce(&owner).expect("written");
        let copy = lock.file.try_clone().expect("a copy");
        let activity = || LockOwner::last(folder.path()).map(|(_, activity)| activity);
        assert_eq!(activity(), Some(Activity::Writing));
        drop(lock);
        assert_eq!(activity(), Some(Activity::Ended));
        drop(copy);
    }
}
