//! The lock that makes a dataset's writer the only one, and what its holder says of itself.
//!
//! The lock is the system's, on the file `.lock`: it is gone with the process that holds it, however that ends. The words in the
//! file are for whoever wonders who that is. Where the file system has no locks, nobody is kept away, and the words are all there is.

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

/// Whoever looks whether the lock is taken holds it for a moment: it is tried this often before it counts as taken.
const LOOKED_AT: u32 = 20;
/// What a sweep says of itself is smaller, in bytes.
const MOST_BYTES: u64 = 64 << 10;
const MOMENT: Duration = Duration::from_millis(5);

/// The sweep that is writing to a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// Its process.
    pub process: u32,
    /// That process's host.
    pub host: String,
    /// When it started, Unix seconds.
    pub since_s: i64,
    /// When it will have ended, as planned at its start, Unix seconds.
    pub planned_end_s: i64,
    /// Rows that the journal had before.
    pub rows_before: u64,
    /// Runs that it set out to do.
    pub to_do: u64,
    /// Whether it holds the lock: it cannot where the file system has no locks.
    #[serde(default = "yes")]
    pub is_locked: bool,
    /// Whether it has ended. Only said where there is no lock that tells.
    #[serde(default)]
    pub has_ended: bool,
}

fn yes() -> bool {
    true
}

impl LockOwner {
    /// This process, just started.
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

    /// The last sweep that wrote to the dataset in `root`, and whether it still does; nothing if there are no words of it.
    pub fn last(root: &Path) -> Option<(Self, Activity)> {
        let path = Paths::new(root).lock();
        let attempt = try_lock_shared(&open_stored(&path).ok()?);
        let holder = read(&path)?;
        let activity = match attempt {
            Ok(LockAttempt::HeldByAnother) => Activity::Writing,
            Ok(LockAttempt::Taken) if holder.is_locked => Activity::RunOutcome,
            _ if holder.has_ended => Activity::RunOutcome,
            _ => Activity::Unknown,
        };
        Some((holder, activity))
    }
}

/// Whether a sweep is writing to its dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It holds the lock.
    Writing,
    /// It does not hold the lock any more, or has said that it ended.
    RunOutcome,
    /// The file system has no locks, and the sweep has not said that it ended: it may be writing, or have been killed.
    Unknown,
}

fn read(path: &Path) -> Option<LockOwner> {
    serde_json::from_str(&read_stored_text(path, MOST_BYTES).ok()?).ok()
}

/// The lock of a dataset, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// Whether it keeps other writers away: not where the file system has no locks.
    pub(super) is_held: bool,
}

impl Lock {
    /// Takes the lock of a dataset whose folder is there.
    pub(super) fn take(disk: &dyn Disk, paths: &Paths) -> Result<Self, DatasetError> {
        let path = paths.lock();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(DatasetError::io(&path))?;
        for tries_left in (0..LOOKED_AT).rev() {
            match disk.try_lock(&file).map_err(DatasetError::io(&path))? {
                LockAttempt::HeldByAnother if tries_left > 0 => thread::sleep(MOMENT),
                LockAttempt::HeldByAnother => break,
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

    /// Says who holds it.
    pub(super) fn announce(&mut self, holder: &LockOwner) -> io::Result<()> {
        let text = serde_json::to_string(holder)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}
