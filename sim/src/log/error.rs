//! Errors of datasets, with advice for each.

use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::manifest::SCHEMA_VERSION;

/// Why a dataset cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder is missing or is not a dataset.
    #[error("{} is not a dataset: it has no dataset.json; datasets are made by `sim run`", .0.display())]
    NotADataset(PathBuf),
    /// The folder contains files, but no dataset.
    #[error("{} contains other files and no dataset; choose an empty or new folder with --data", .0.display())]
    ForeignFolder(PathBuf),
    /// The folder has a journal but no manifest, so the experiment is not known.
    #[error("{} contains a runs.csv but no dataset.json: if it is a dataset, restore dataset.json from a copy; or choose another folder with --data", .0.display())]
    NoManifest(PathBuf),
    /// There is already a file or folder at the path of the new dataset.
    #[error("{} already exists; choose a new folder, or delete this one first", .0.display())]
    Occupied(PathBuf),
    /// There is no folder at the path, and no folder can be created there.
    #[error("{} cannot be a dataset's folder: {problem}; choose another folder", .path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
        /// Why no folder can be created.
        problem: String,
    },
    /// Another import is making the dataset.
    #[error("{} is being imported by another process; wait for it to end, or choose another folder", .0.display())]
    BeingImported(PathBuf),
    /// A file of the dataset cannot be read or written.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// `dataset.json` cannot be read as a manifest.
    #[error("{}: {cause}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Position and kind of the error.
        cause: serde_json::Error,
    },
    /// The dataset has another version of the format.
    #[error("{} has schema {found}, but this program reads schemas 3 to {SCHEMA_VERSION}; use the version of the program that made it ({made_by}), or move the folder away and run the experiment again", .path.display())]
    Schema {
        /// The dataset's folder.
        path: PathBuf,
        /// The dataset's version.
        found: u32,
        /// The version of the program that made it.
        made_by: String,
    },
    /// A row of the journal cannot be read.
    #[error("{}: {cause}; restore the file from a copy, or delete this line and run again", .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Row, column and kind of the error.
        cause: csv::Error,
    },
    /// The header of the journal is wrong.
    #[error("{}: line 1, the header: column {column} {problem}; restore the file from a copy", .path.display())]
    JournalHeader {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A cell of the journal has an impossible value.
    #[error("{}: line {line}, column {column}: {problem}; restore the file, or delete the line and run again", .path.display())]
    JournalCell {
        /// The file.
        path: PathBuf,
        /// The row's line.
        line: u64,
        /// The column.
        column: String,
        /// What is wrong with the cell.
        problem: String,
    },
    /// A run has a parameter that the journal has no column for, because the dataset is older than the parameter.
    #[error("{} was started before the parameter {parameter} existed; choose another folder with --data", .path.display())]
    NoColumn {
        /// The journal.
        path: PathBuf,
        /// The parameter.
        parameter: &'static str,
    },
    /// A row of the journal has changed since it was written.
    #[error("{}: line {line} has changed since it was written (checksum); restore the file, or delete the line and run again", .path.display())]
    ChangedRow {
        /// The file.
        path: PathBuf,
        /// The row's line.
        line: u64,
    },
    /// `dataset.json` contradicts itself: it has changed since it was written.
    #[error("{}: the experiment in this file has changed since it was written (identity); restore the file, or move the folder away and run again", .path.display())]
    ChangedManifest {
        /// The file.
        path: PathBuf,
    },
    /// The events of a run that counts are missing or changed.
    #[error("{}: the events of run {run}: {problem}", .path.display())]
    Events {
        /// The segment.
        path: PathBuf,
        /// The run.
        run: u64,
        /// What is wrong with them.
        problem: String,
    },
    /// The journal counts events that do not exist.
    #[error(
        "{}: the file ends at byte {found}, but the journal counts {counted}; restore it from a copy, or move the folder away and run again",
        .path.display()
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// The length that the journal counts.
        counted: u64,
    },
    /// The events were copied as text, and each line feed became carriage return and line feed.
    #[error(
        "{} has CRLF line ends: its bytes have changed since they were written (checksum). A program on Windows copied it as text. Copy the dataset again byte for byte (with Git: `git config core.autocrlf false`, then check the files out again)",
        .0.display()
    )]
    CrlfLineEnds(PathBuf),
    /// The journal was lost: there are more uncounted events than an interrupted sweep leaves.
    #[error(
        "{} {state}, but there are {bytes} bytes of events of runs that are not in it, more than an \
         interrupted sweep leaves. Restore {} from a copy. Or remove these events, and their runs will be \
         made again: {discard}",
        .path.display(), .path.display()
    )]
    UncountedEvents {
        /// The journal.
        path: PathBuf,
        /// The state of the journal, such as `is missing`.
        state: String,
        /// Number of bytes of uncounted events.
        bytes: u64,
        /// The shell commands that remove these events.
        discard: String,
    },
    /// A file does not have the length that this writer has written.
    #[error(
        "{} has {found} bytes, but this sweep has written {written}: another program writes to it. Let one sweep at a time write to a dataset, then run the same command again: the runs in runs.csv are kept",
        .path.display()
    )]
    OtherWriter {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// The length that this writer has written.
        written: u64,
    },
    /// A file that is being written is not at its path any more.
    #[error(
        "{} {state}: the dataset was deleted or moved while this sweep was writing to it. If it was moved, the runs that had ended are complete in its new folder: continue there with --data. If it was deleted, they are lost: run the same command again",
        .path.display()
    )]
    Gone {
        /// The path.
        path: PathBuf,
        /// What is at the path: `is gone` or `is another file than before`.
        state: &'static str,
    },
    /// The journal contains the last possible segment number.
    #[error("{}: there can be no more event files; choose another folder with --data", .0.display())]
    NoMoreSegments(PathBuf),
    /// A journal row is about a run that the experiment does not have.
    #[error(
        "{}: row of run {run}: in this experiment, this run is not `{key}`; was the file edited? Restore it from a copy, or choose another folder with --data",
        .path.display()
    )]
    ForeignRun {
        /// The journal.
        path: PathBuf,
        /// The number of the run.
        run: u64,
        /// The key in the row.
        key: String,
    },
    /// The folder contains runs that would have another meaning in this experiment.
    #[error(
        "{} contains runs of an experiment that has been changed:\n{difference}\nundo the change (you may add values and repetitions), or choose another folder with --data",
        .path.display()
    )]
    OtherExperiment {
        /// The dataset's folder.
        path: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// The folder contains shards, but the whole experiment was to be written to it.
    #[error("{} contains shards 1/{shards} to {shards}/{shards}; continue with --shard K/{shards}, or choose another folder with --data", .path.display())]
    Sharded {
        /// The experiment's folder.
        path: PathBuf,
        /// How many shards there are.
        shards: u32,
    },
    /// The folder contains a dataset that is not split, but a shard was to be written to it.
    #[error("{} contains a dataset that is not split into shards; continue without --shard, or choose another folder with --data", .0.display())]
    NotSharded(PathBuf),
    /// The folder contains shards of another number, which share runs with this one.
    #[error("{} contains shards K/{found}, which overlap with shards K/{wanted}; continue with --shard K/{found}, or choose another folder with --data", .path.display())]
    OtherShards {
        /// The experiment's folder.
        path: PathBuf,
        /// The number of shards that the folder contains.
        found: u32,
        /// The number of shards of this sweep.
        wanted: u32,
    },
    /// The folder contains shards of two different numbers, which share runs.
    #[error("{} contains shards K/{a} and shards K/{b}, which overlap; move the shards of one kind away", .path.display())]
    OverlappingShards {
        /// The experiment's folder.
        path: PathBuf,
        /// The first number of shards.
        a: u32,
        /// The other number of shards.
        b: u32,
    },
    /// The folder of a shard contains another shard, or a dataset that is not a shard.
    #[error("{} contains {found}, but the folder has the name of another shard; rename the folder, or move \
             it away", .path.display())]
    MisplacedShard {
        /// The folder.
        path: PathBuf,
        /// What the folder contains.
        found: String,
    },
    /// Two shards were made by experiments that do not fit together.
    #[error("{} and {} are not shards of one experiment:\n{difference}\nrun the experiment again for both, or move one away", .a.display(), .b.display())]
    DifferentShards {
        /// The folder of the one shard.
        a: PathBuf,
        /// The folder of the other shard.
        b: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// Another process is writing to the dataset.
    #[error("another sim run{holder} is writing to {}; wait for it to end, or choose another folder with --data", .path.display())]
    Locked {
        /// The dataset's folder.
        path: PathBuf,
        /// The process that writes, if known.
        holder: String,
    },
}

impl DatasetError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }

    /// Converts an error of finding or creating a folder. A full disk becomes an error of the disk, because it is not the fault
    /// of the path.
    pub(super) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        use io::ErrorKind::{AlreadyExists, NotADirectory};
        move |cause| {
            let problem = match cause.kind() {
                AlreadyExists | NotADirectory => "a file or a broken link has this path".to_owned(),
                _ => cause.to_string(),
            };
            match Self::io(path)(cause) {
                full if full.is_full_disk() => full,
                _ => Self::NoFolder {
                    path: path.to_owned(),
                    problem,
                },
            }
        }
    }

    pub(super) fn journal(path: &Path) -> impl FnOnce(csv::Error) -> Self + '_ {
        move |cause| Self::Journal {
            path: path.to_owned(),
            cause,
        }
    }

    /// Returns whether the disk, or the user's quota, is full.
    pub(super) fn is_full_disk(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { cause, .. } if matches!(cause.kind(), StorageFull | QuotaExceeded))
    }

    pub(super) fn manifest(path: &Path) -> impl FnOnce(serde_json::Error) -> Self + '_ {
        move |cause| Self::Manifest {
            path: path.to_owned(),
            cause,
        }
    }
}
