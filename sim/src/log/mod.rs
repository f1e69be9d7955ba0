//! The dataset contract: what lies where, which columns there are, and what counts.
//!
//! A dataset is a folder:
//!
//! ```text
//! experiment.toml    the experiment file, as given
//! dataset.json       schema version, the experiment resolved, where and by what it was run
//! runs.csv           the journal: a row for every attempted run, appended when it ends
//! events-0000.csv    every machine's log, a row for every event; runs contiguous; rolled at a size limit
//! processed/         written by `analyze export`
//! ```
//!
//! A run counts only if its row stands in the journal and says ok. Its events are on disk before its row is: whatever lies in
//! the segments behind the last journal row is what a crash left, and is cut off by the next writer.
//!
//! # Layout
//!
//! - [`events`]: a row of the event log, written and read
//! - [`journal`]: a row of `runs.csv`
//! - [`manifest`]: what made the dataset, `dataset.json`
//! - [`dataset`]: a dataset opened for reading
//! - [`writer`]: the one that appends
//! - [`status`]: how far a dataset has come

mod dataset;
mod events;
mod journal;
mod manifest;
mod status;
mod writer;

pub use dataset::{Dataset, DatasetError};
pub use events::{EVENT_COLUMNS, EventRow, LoggedEvent, RowError, parse_rows, write_row};
pub use journal::{JournalRow, Outcome, checksum};
pub use manifest::{Manifest, Provenance, SCHEMA_VERSION};
pub use status::Status;
pub use writer::{DatasetWriter, FinishedRun, Recovered};
