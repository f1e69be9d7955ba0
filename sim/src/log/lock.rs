//! The lock that makes a dataset's writer the only one, and what its holder says of itself.
//!
//! The lock is the system's, on the file `.lock`: it is gone with the process that holds it, however that ends. The words in the
//! file are for whoever wonders who that is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dataset::Paths;
use super::error::DatasetError;
use super::manifest;

/// Whoever looks whether the lock is taken holds it for a moment: it is tried this often before it counts as taken.
const LOOKED_AT: u32 = 20;
const MOMENT: Duration = Duration::from_millis(5);

/// The sweep that is writing to a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
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
}

impl Holder {
    /// This process, just started.
    pub(super) fn this_process(rows_before: u64) -> Self {
        let now_s = jiff::Timestamp::now().as_second();
        Self {
            process: std::process::id(),
            host: manifest::host(),
            since_s: now_s,
            planned_end_s: now_s,
            rows_before,
            to_do: 0,
        }
    }

    /// The last sweep that wrote to the dataset in `root`, and whether it still is; nothing if there are no words of it.
    pub fn last(root: &Path) -> Option<(Self, bool)> {
        let path = Paths::new(root).lock();
        let lock = File::open(&path).ok()?.try_lock_shared();
        let is_writing = matches!(lock, Err(TryLockError::WouldBlock));
        Some((read(&path)?, is_writing))
    }
}

fn read(path: &Path) -> Option<Holder> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// The lock of a dataset, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of a dataset whose folder is there.
    pub(super) fn take(paths: &Paths) -> Result<Self, DatasetError> {
        let path = paths.lock();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(DatasetError::io(&path))?;
        for _ in 0..LOOKED_AT {
            if file.try_lock().is_ok() {
                return Ok(Self(file));
            }
            thread::sleep(MOMENT);
        }
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(DatasetError::Locked {
                path: paths.root.clone(),
                holder: read(&path).map_or(String::new(), |Holder { process, host, .. }| {
                    format!(" (process {process} on {host})")
                }),
            }),
            Err(TryLockError::Error(error)) => Err(DatasetError::io(&path)(error)),
        }
    }

    /// Says who holds it.
    pub(super) fn announce(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_string(holder)?;
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(text.as_bytes())
    }
}
