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
//! sources.csv        only of imported logs: where each event stands in the files that were imported
//! ```
//!
//! Split into shards, it is a folder of folders `shard-1-of-4` and so on, each of them such a dataset.
//!
//! A run counts only if its row stands in the journal and says ok. Its events are on disk before its row is: whatever lies in
//! the segments behind the last journal row is what a crash left, and is cut off by the next writer. The header of the journal is on
//! disk before any event: where events lie beside a journal without it, the journal was lost, and no writer goes on.
//!
//! # Layout
//!
//! - [`events`]: a row of the event log, written and read
//! - [`journal_row`]: a row of `runs.csv`
//! - [`journal`]: rows written, and read back with every cell checked
//! - [`journal_columns`]: the table of its columns
//! - [`checksum`]: what tells whether bytes are those that were written
//! - [`manifest`]: what made the dataset, `dataset.json`
//! - [`parts`]: where its files lie, those of all shards
//! - [`dataset`]: a dataset opened for reading
//! - [`writer`]: the one that appends
//! - [`imported`]: what is known of logs that another implementation wrote
//! - [`import_writer`]: the one that makes a dataset of them
//! - [`sources`]: where their events stand in the files that were imported
//! - [`segment`]: the file that events are appended to
//! - [`segment_header`]: how it begins, and how large it gets
//! - [`appended`]: a file that is only ever appended to
//! - [`reserve`]: room on the disk that is kept for the journal
//! - [`uncounted`]: events that no journal row counts
//! - [`resume_state`]: what a writer finds where its dataset is to be
//! - [`difference`]: what keeps an experiment from going on with it
//! - [`attempts`]: what the journal says of the plan's runs
//! - [`lock`]: what makes the writer the only one
//! - [`disk`]: what the writer asks of the disk
//! - [`file_system`]: what not every file system can do: locks, syncs of folders
//! - [`schema_3`]: what datasets of the schema before call things
//! - [`error`]: what can be wrong with a dataset
//! - [`status`]: how far a dataset has come
//! - [`tally`]: what it counts in the journals

mod appended;
mod attempts;
mod checksum;
mod dataset;
mod difference;
mod disk;
mod error;
mod events;
mod file_system;
mod import_writer;
mod imported;
mod journal;
mod journal_columns;
mod journal_row;
mod lock;
mod manifest;
mod parts;
mod reserve;
mod resume_state;
mod schema_3;
mod segment;
mod segment_header;
mod sources;
mod status;
mod tally;
mod uncounted;
mod writer;

pub use attempts::Attempts;
pub use checksum::checksum;
pub use dataset::Dataset;
pub use difference::Difference;
pub use disk::{Disk, DiskFile, FileIdentity, RealDisk};
pub use error::DatasetError;
pub use events::{
    EVENT_COLUMNS, EventRow, LoggedEvent, MissingFields, RowError, UNKNOWN, UNKNOWN_MACHINE,
    parse_rows, parse_rows_with_missing, write_row,
};
pub use file_system::{LockAttempt, sync_folder, try_lock, try_lock_shared};
pub use import_writer::ImportWriter;
pub use imported::{Assumed, IMPORTED, Imported, ImportedFile, Unmeasured, UnmeasuredPart};
pub use journal::{journal_cell, seal_journal};
pub use journal_columns::{Cell, CellKind, JournalColumn, journal_columns};
pub use journal_row::{JournalRow, Outcome};
pub use lock::{Activity, LockOwner};
pub use manifest::{Manifest, Provenance, ResolvedExperiment, SCHEMA_VERSION};
pub use schema_3::renamed as renamed_column;
pub use segment::FinishedRun;
pub use sources::{SourceLine, SourceRange, Sources};
pub use status::{Reason, Status, Sweep};
pub use writer::{DatasetWriter, Recovered};
