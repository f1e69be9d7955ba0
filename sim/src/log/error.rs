//! The errors of datasets. Each message says what the user can do.

use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::manifest::SCHEMA_VERSION;
use crate::experiment::ExperimentError;

/// Why a dataset cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder is missing or is not a dataset.
    #[error("{}", why_not_a_dataset(.0))]
    NotADataset(PathBuf),
    /// The experiment file in the dataset's folder cannot be used.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The folder contains files, but no dataset.
    #[error("{} contains other files and no dataset; choose an empty or new folder with --data", .0.display())]
    ForeignFolder(PathBuf),
    /// The folder has a journal (`runs.csv`) but no manifest (`dataset.json`), so the experiment is not known.
    #[error("{} contains a runs.csv but no dataset.json: if it is a dataset, restore dataset.json from a copy; or choose another folder with --data", .0.display())]
    NoManifest(PathBuf),
    /// The path of the new dataset leads to a file, to a folder that is not empty, or to the current folder.
    #[error("{} cannot be replaced: it is a file, a folder that is not empty, or the current folder; choose a new folder", .0.display())]
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
    /// The dataset has a schema (version of the format of datasets) that this program cannot read.
    #[error("{} has schema {found}, but this program reads schemas 3 to {SCHEMA_VERSION}; use the version of the program that made it ({made_by}), or move the folder away and run the experiment again", .path.display())]
    Schema {
        /// The dataset's folder.
        path: PathBuf,
        /// The version of the dataset's format.
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
        /// The number of the row's line in the file, from 1.
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
        /// The number of the row's line in the file, from 1.
        line: u64,
    },
    /// `dataset.json` has changed since it was written: the checksum of its contents differs from its field `identity`.
    #[error("{}: the experiment in this file has changed since it was written: it does not fit the checksum `identity`; restore the file, or move the folder away and run again", .path.display())]
    ChangedManifest {
        /// The file.
        path: PathBuf,
    },
    /// Events of a finished run are missing or have changed.
    #[error("{}: the events of run {run}: {problem}", .path.display())]
    Events {
        /// The events file.
        path: PathBuf,
        /// The number of the run.
        run: u64,
        /// What is wrong with the events.
        problem: String,
    },
    /// An events file is shorter than the rows of the journal say.
    #[error(
        "{}: the file has {found} bytes, but by the rows of runs.csv it must have at least {counted} bytes; restore it from a copy, or move the folder away and run again",
        .path.display()
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The length in bytes that it must have at least, by the rows of the journal.
        counted: u64,
    },
    /// The events were copied as text, and each line feed became carriage return and line feed.
    #[error(
        "{} has CRLF line ends: its bytes have changed since they were written (checksum). A program on Windows copied it as text. Copy the dataset again byte for byte (with Git: `git config core.autocrlf false`, then check the files out again)",
        .0.display()
    )]
    CrlfLineEnds(PathBuf),
    /// Rows of the journal were probably lost: the events files have events of runs without a row, and these events have more
    /// bytes than an interrupted `sim run` leaves.
    #[error(
        "{} {state}, but {bytes} bytes of the event files belong to runs without a row in runs.csv. An \
         interrupted `sim run` leaves fewer such bytes, so rows of runs.csv were probably lost. Restore {} from a copy. If \
         there is no copy, delete these events, then repeat `sim run` to make their runs again. To delete them, \
         copy these commands into a shell: {discard}",
        .path.display(), .path.display()
    )]
    UncountedEvents {
        /// The journal.
        path: PathBuf,
        /// The state of the journal, such as `is missing`.
        state: String,
        /// Number of bytes of the events without a row.
        bytes: u64,
        /// The shell commands that delete these events.
        discard: String,
    },
    /// A file is longer or shorter than this process has made it, so another process writes to the file too.
    #[error(
        "{} has {found} bytes instead of {written}: another program writes to this file. Only one `sim run` at a time may write to a dataset. End the other program, then run the same command again: the runs in runs.csv are kept",
        .path.display()
    )]
    OtherWriter {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The length in bytes that this process has given it.
        written: u64,
    },
    /// A file that is being written is not at its path any more.
    #[error(
        "{} {state}: the dataset was deleted or moved while `sim run` was writing to it. If the dataset was moved, its new folder has all runs that had ended: continue there with --data. If the dataset was deleted, these runs are lost: run the same command again",
        .path.display()
    )]
    Gone {
        /// The path.
        path: PathBuf,
        /// What is at the path: `is gone` or `is another file than before`.
        state: &'static str,
    },
    /// The last events file (segment) has the largest possible number.
    #[error("{}: the last events file has the largest possible number, so no new one can be created; choose another folder with --data", .0.display())]
    NoMoreSegments(PathBuf),
    /// A journal row is about a run that the experiment does not have.
    #[error(
        "{}: the row of run {run} has the key `{key}`, but in this experiment run {run} has another key or other parameters, or does not exist. Perhaps the file was edited. Restore it from a copy, or choose another folder with --data",
        .path.display()
    )]
    ForeignRun {
        /// The journal.
        path: PathBuf,
        /// The number of the run.
        run: u64,
        /// The key in the row: the parameters and the repetition as one text.
        key: String,
    },
    /// The folder contains runs of another experiment, or of this experiment before some of its values were changed.
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
    /// The folder contains shards (parts of an experiment's runs), but the user wants to write the whole experiment to it.
    #[error("{} is divided into {shards} shards; continue with --shard 1/{shards} (or another of the {shards} shards), or choose another folder with --data", .path.display())]
    Sharded {
        /// The experiment's folder.
        path: PathBuf,
        /// The number of shards: N in their names K/N.
        shards: u32,
    },
    /// The folder contains a dataset that is not split, but the user wants to write a shard to it.
    #[error("{} contains a dataset that is not split into shards; continue without --shard, or choose another folder with --data", .0.display())]
    NotSharded(PathBuf),
    /// The user wants to write a shard, but the folder contains shards K/N with another N. Shards with different N have runs in common.
    #[error("{} is divided into {found} shards, so it cannot be divided into {wanted} shards too; continue with --shard 1/{found} (or another of the {found} shards), or choose another folder with --data", .path.display())]
    OtherShards {
        /// The experiment's folder.
        path: PathBuf,
        /// N of the shards K/N in the folder.
        found: u32,
        /// N of the shard that the user wants to write.
        wanted: u32,
    },
    /// The folder contains shards K/N with two different N. Shards with different N have runs in common.
    #[error("{} is divided both into {a} and into {b} shards, so some runs would count twice; move all shards with the number {a} (shard-1-of-{a} and so on), or all with the number {b}, to another folder", .path.display())]
    OverlappingShards {
        /// The experiment's folder.
        path: PathBuf,
        /// N of one group of shards.
        a: u32,
        /// N of the other group of shards.
        b: u32,
    },
    /// A folder has the name of a shard, but it contains a different shard, or a dataset that is not a shard.
    #[error("{} contains {found}, but the folder has the name of another shard; rename the folder, or move \
             it away", .path.display())]
    MisplacedShard {
        /// The folder.
        path: PathBuf,
        /// What the folder contains.
        found: String,
    },
    /// Two shards are not parts of the same experiment.
    #[error("{} and {} are not shards of the same experiment:\n{difference}\nrun the same experiment again for both shards, or move one of them away", .a.display(), .b.display())]
    DifferentShards {
        /// The folder of the first shard.
        a: PathBuf,
        /// The folder of the second shard.
        b: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// Another process is writing to the dataset.
    #[error("another `sim run`{holder} is writing to {}; wait for it to end, or choose another folder with --data", .path.display())]
    Locked {
        /// The dataset's folder.
        path: PathBuf,
        /// Which process writes, as words for the message, such as ` (process 812 on node3)`. Empty if it is not known.
        holder: String,
    },
}

/// Says why the path of a dataset has no dataset.
fn why_not_a_dataset(path: &Path) -> String {
    let path_in_words = path.display();
    match path.exists() {
        true => format!(
            "{path_in_words} is not a dataset: it has no dataset.json; datasets are made by `sim run`"
        ),
        false => format!("{path_in_words} does not exist: there is no such file or folder"),
    }
}

impl DatasetError {
    /// Returns a function that converts an error of the operating system. The error is about the file at `path`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }

    /// Returns a function for the case that the folder `path` cannot be found or created. The function converts the error of the operating
    /// system. Most errors become [`DatasetError::NoFolder`], which advises the user to choose another folder. This advice would not help if
    /// the disk is full, so a full disk becomes [`DatasetError::Io`].
    pub(super) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        use io::ErrorKind::{AlreadyExists, NotADirectory};
        move |cause| {
            let problem = match cause.kind() {
                AlreadyExists | NotADirectory => "a file or a broken link has this path".to_owned(),
                _ => cause.to_string(),
            };
            let io_error = Self::io(path)(cause);
            if io_error.is_full_disk() {
                io_error
            } else {
                Self::NoFolder {
                    path: path.to_owned(),
                    problem,
                }
            }
        }
    }

    /// Returns a function that converts an error in a row of the journal at `path`.
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

    /// Returns a function that converts an error in the manifest at `path`.
    pub(super) fn manifest(path: &Path) -> impl FnOnce(serde_json::Error) -> Self + '_ {
        move |cause| Self::Manifest {
            path: path.to_owned(),
            cause,
        }
    }
}
