//! What can be wrong with a dataset, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::manifest::SCHEMA_VERSION;

/// Why a dataset cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder is missing or holds no dataset.
    #[error("{} is not a dataset: it has no dataset.json; datasets are made by `sim run`", .0.display())]
    NotADataset(PathBuf),
    /// The folder has something in it, but no dataset.
    #[error("{} holds other files and no dataset; name an empty or new folder with --data", .0.display())]
    ForeignFolder(PathBuf),
    /// The folder has a journal, but nothing says what experiment it is of.
    #[error("{} holds a runs.csv but no dataset.json: if it is a dataset, restore that file from a copy; or name another folder with --data", .0.display())]
    NoManifest(PathBuf),
    /// Something is where a new dataset is to be.
    #[error("{} is there already; name a new folder, or delete this one first", .0.display())]
    Occupied(PathBuf),
    /// There is no folder at the path, and none can be made.
    #[error("{} cannot be a dataset's folder: {problem}; name another folder", .path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
        /// What keeps it from being one.
        problem: String,
    },
    /// Another import is making the dataset.
    #[error("{} is being imported by another process; wait for it to end, or name another folder", .0.display())]
    BeingImported(PathBuf),
    /// A file of the dataset cannot be read or written.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// `dataset.json` is not what it should be.
    #[error("{}: {cause}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and what.
        cause: serde_json::Error,
    },
    /// Another version of the contract.
    #[error("{} has schema {found}, this program reads schemas 3 to {SCHEMA_VERSION}; use the version of the program that made it ({made_by}), or move the folder away and sweep again", .path.display())]
    Schema {
        /// The dataset's folder.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The tool version that made it.
        made_by: String,
    },
    /// A row of the journal is not what it should be.
    #[error("{}: {cause}; restore the file from a copy, or delete that line and run again", .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Row and column.
        cause: csv::Error,
    },
    /// The header of the journal is not what it should be.
    #[error("{}: line 1, the header: column {column} {problem}; restore the file from a copy", .path.display())]
    JournalHeader {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A cell of the journal cannot be what it says.
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
    /// A run's parameter has no column in the journal of a dataset that is older than the parameter.
    #[error("{} was begun before there was a parameter {parameter}; name another folder with --data", .path.display())]
    NoColumn {
        /// The journal.
        path: PathBuf,
        /// The parameter.
        parameter: &'static str,
    },
    /// A row of the journal is not what was written.
    #[error("{}: line {line} is not what was written (checksum); restore the file, or delete the line and run again", .path.display())]
    ChangedRow {
        /// The file.
        path: PathBuf,
        /// The row's line.
        line: u64,
    },
    /// `dataset.json` contradicts itself.
    #[error("{}: the experiment in it is not what was written (identity); restore the file, or move the folder away and run again", .path.display())]
    ChangedManifest {
        /// The file.
        path: PathBuf,
    },
    /// The events of a run that the journal counts are missing or changed.
    #[error("{}: the events of run {run}: {problem}", .path.display())]
    Events {
        /// The segment.
        path: PathBuf,
        /// The run.
        run: u64,
        /// What is wrong with them.
        problem: String,
    },
    /// The journal counts events that are not there.
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
    /// The events were copied as text by a program that made line feeds into carriage returns and line feeds.
    #[error(
        "{} has CRLF line ends: its bytes are not what was written (checksum). A program on Windows copied it as text. Copy the dataset again byte for byte (with Git: `git config core.autocrlf false`, then check the files out again)",
        .0.display()
    )]
    CrlfLineEnds(PathBuf),
    /// There are more events that the journal does not count than a sweep leaves that was cut short: the journal was lost.
    #[error(
        "{} {state}, but {bytes} bytes of events lie beside it that it does not count: more than a sweep leaves that was cut short. Restore {} from a copy; or, to do the runs of these events again, remove the events: {discard}",
        .path.display(), .path.display()
    )]
    UncountedEvents {
        /// The journal.
        path: PathBuf,
        /// What has become of it, such as `is missing`.
        state: String,
        /// How many bytes of events it does not count.
        bytes: u64,
        /// The shell commands that remove them.
        discard: String,
    },
    /// A file has another length than this writer gave it.
    #[error(
        "{} has {found} bytes where this sweep has written {written}: another program writes to it. Let one sweep at a time write to a dataset, then run the same command again: the runs in runs.csv stay",
        .path.display()
    )]
    OtherWriter {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// What this writer gave it.
        written: u64,
    },
    /// A file that is being written is not at its path any more.
    #[error(
        "{} {state}: the dataset was deleted or moved while this sweep was writing to it. If it was moved, the runs that had ended are whole in its new place: go on there with --data; if it was deleted, they are lost: run the same command again",
        .path.display()
    )]
    Gone {
        /// The path.
        path: PathBuf,
        /// What is there instead: `is gone` or `is another file than before`.
        state: &'static str,
    },
    /// The journal names the last segment that can be numbered.
    #[error("{}: there can be no more event files; name another folder with --data", .0.display())]
    NoMoreSegments(PathBuf),
    /// A journal row is about a run that the experiment does not have.
    #[error(
        "{}: row of run {run}: `{key}` is not that run of this experiment; was the file edited? Restore it from a copy, or name another folder with --data",
        .path.display()
    )]
    ForeignRun {
        /// The journal.
        path: PathBuf,
        /// The run's place.
        run: u64,
        /// The key that stands there.
        key: String,
    },
    /// The folder holds runs that mean something else.
    #[error(
        "{} holds runs that this experiment would change the meaning of:\n{difference}\nundo the change (values may be added, and repetitions), or name another folder with --data",
        .path.display()
    )]
    OtherExperiment {
        /// The dataset's folder.
        path: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// The folder holds an experiment's shards, and is to be written to as a whole.
    #[error("{} holds shards of 1/{shards} to {shards}/{shards}; go on with --shard K/{shards}, or name another folder with --data", .path.display())]
    Sharded {
        /// The experiment's folder.
        path: PathBuf,
        /// How many shards there are.
        shards: u32,
    },
    /// The folder holds a dataset that is not split, and is to be written to by shards.
    #[error("{} holds a dataset that is not split into shards; go on without --shard, or name another folder with --data", .0.display())]
    NotSharded(PathBuf),
    /// Shards of another number are there: both would have some runs.
    #[error("{} holds shards of {found}, which overlap with those of {wanted}; go on with --shard K/{found}, or name another folder with --data", .path.display())]
    OtherShards {
        /// The experiment's folder.
        path: PathBuf,
        /// How many shards there are.
        found: u32,
        /// How many are wanted.
        wanted: u32,
    },
    /// Shards of different numbers lie side by side: they share runs.
    #[error("{} holds shards of {a} and of {b}, which overlap; move those of one kind away", .path.display())]
    OverlappingShards {
        /// The experiment's folder.
        path: PathBuf,
        /// How many shards there are of the one kind.
        a: u32,
        /// And of the other.
        b: u32,
    },
    /// A shard's folder holds something else than its name says.
    #[error("{} holds {found}, not what its name says; rename it, or move it away", .path.display())]
    MisplacedShard {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// Two shards were made by experiments that do not fit together.
    #[error("{} and {} are no shards of one experiment:\n{difference}\nrun the experiment again for both, or move one away", .a.display(), .b.display())]
    DifferentShards {
        /// The one shard's folder.
        a: PathBuf,
        /// The other's.
        b: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// Another process is writing to the dataset.
    #[error("{} is being written by another sim run{holder}; wait for it to end, or name another folder with --data", .path.display())]
    Locked {
        /// The dataset's folder.
        path: PathBuf,
        /// Its process, if known.
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

    /// The error of a path at which no folder can be found or made. A full disk can be mended: it is an error of the disk.
    pub(super) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        use io::ErrorKind::{AlreadyExists, NotADirectory};
        move |cause| {
            let problem = match cause.kind() {
                AlreadyExists | NotADirectory => {
                    "a file, or a link that leads nowhere, is in the way".to_owned()
                }
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

    /// Whether a disk, or what this user may take of it, is full.
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
