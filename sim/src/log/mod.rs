//! The format of datasets: which files and columns there are, and which runs have finished.
//!
//! A dataset is a folder:
//!
//! ```text
//! experiment.toml    a copy of the experiment file
//! dataset.json       schema version, the complete experiment, where and by which program it was run
//! runs.csv           the journal: one row for each attempted run, appended when the run ends
//! events-0000.csv    the logs: one row for each event, the rows of a run together; when the file is large, events-0001.csv follows
//! processed/         written by `analyze export`
//! sources.csv        only if logs were imported: the file and line from which each event was read
//! ```
//!
//! The runs of an experiment can be divided into shards, for example to use several computers. Then the dataset is a folder that contains
//! a folder for each shard, such as `shard-1-of-4`. Each of these inner folders is a dataset with the files above.
//!
//! A run has finished only if it has a row in the journal with the outcome `ok`. Its events are written to the disk before its row.
//! So if an events file has bytes after the events of the last run in the journal, a crash left them there, and the next writer cuts
//! them off. The header of the journal is written before any event. So if there are events but the journal has no header, the journal
//! was lost, and writers refuse to continue the dataset.
//!
//! # Layout
//!
//! - [`events`]: one row of the event log
//! - [`timestamp_cell`]: the last cell of a row, in logs with timestamps of vector clocks or hybrid logical clocks
//! - [`event_columns`]: the events of a run as columns
//! - [`event_reader`]: reads the events of many runs
//! - [`journal_row`]: one row of `runs.csv`
//! - [`journal`]: writes rows of `runs.csv`, and reads them back with a check of every cell
//! - [`journal_columns`]: for each column of `runs.csv`, what it means, and how its cells are written and read
//! - [`checksum`]: shows whether bytes have changed since they were written
//! - [`manifest`]: `dataset.json`: how the dataset was made
//! - [`parts`]: the paths of a dataset's files, in all shards
//! - [`dataset`]: a dataset opened for reading
//! - [`writer`]: appends runs to a dataset when they have ended, failed runs too
//! - [`imported`]: facts about logs that another program wrote
//! - [`import_writer`]: makes a dataset from logs that another program wrote
//! - [`sources`]: the files and lines from which imported events were read
//! - [`segment`]: the events file to which rows are appended
//! - [`segment_header`]: the header of an events file, and the size at which an events file is full
//! - [`appended`]: a file to which bytes are only appended
//! - [`reserve`]: a spare file. When the disk is full, it is removed to make room for the last rows of the journal
//! - [`uncounted`]: events of runs that have no row in the journal
//! - [`resume_state`]: what a writer finds in the folder of its dataset
//! - [`difference`]: compares two experiments, and says why one of them cannot add runs to the dataset of the other
//! - [`attempts`]: which runs of the experiment were attempted
//! - [`lock`]: allows only one writer at a time
//! - [`disk`]: the operations on the disk that writers use; tests replace the real disk by one that fails
//! - [`file_system`]: operations that not every file system supports: to lock a file, and to sync a folder (fsync), so that the names of its files are on the disk
//! - [`schema_3`]: what was different in schema 3, an earlier version of the format (`schema` in `dataset.json`)
//! - [`error`]: errors of datasets
//! - [`status`]: how many runs of a dataset are done, failed or still to do
//! - [`follower`]: reads the rows that running sweeps (processes `sim run`) append to the journals, for `sim status --watch`
//! - [`tally`]: counts the runs in journals by how they ended, for [`status`]

mod appended;
mod attempts;
mod checksum;
mod dataset;
mod difference;
mod disk;
mod error;
mod event_columns;
mod event_reader;
mod events;
mod file_system;
mod follower;
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
mod timestamp_cell;
mod uncounted;
mod writer;

pub use attempts::Attempts;
pub use checksum::checksum;
pub use dataset::Dataset;
pub use difference::{Difference, set_options};
pub use disk::{Disk, DiskFile, FileIdentity, RealDisk};
pub use error::DatasetError;
pub use event_columns::{ALL_PEERS, Action, EventColumns, SEVERAL_PEERS};
pub use event_reader::EventReader;
pub use events::{
    EVENT_COLUMNS, EventRow, LoggedEvent, MissingFields, RowError, UNKNOWN, UNKNOWN_MACHINE,
    event_header, parse_rows, parse_rows_in, write_machine_rows, write_row,
};
pub use file_system::{LockAttempt, sync_folder, try_lock, try_lock_shared};
pub use follower::Follower;
pub use import_writer::ImportWriter;
pub use imported::{Assumed, IMPORTED, Imported, ImportedFile, Unmeasured, UnmeasuredPart};
pub use journal::{journal_cell, seal_journal};
pub use journal_columns::{Cell, CellKind, JournalColumn, journal_columns};
pub use journal_row::{JournalRow, Outcome};
pub use lock::{Activity, LockOwner};
pub use manifest::{
    Manifest, Provenance, ResolvedExperiment, SCHEMA_OF_TRUE_MARGINS, SCHEMA_VERSION,
};
pub use schema_3::current_name as renamed_column;
pub use segment::EndedRun;
pub use sources::{SourceLine, SourceRange, Sources};
pub use status::{Reason, Status, Sweep};
pub(crate) use tally::{Change, Tally};
pub use timestamp_cell::{RowFormat, TIMESTAMP_COLUMN, TimestampCells};
pub use writer::{DatasetWriter, Recovered};
