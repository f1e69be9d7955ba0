//! All errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

use polars::error::PolarsError;
use sim::log::{DatasetError, RowError};
use sim::toml_reader::{Mistake, MistakeList};

use crate::read::sql::NotSql;
use crate::stats::sides::NothingToCompare;

/// Why a result could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read as a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The dataset has no finished run.
    #[error("{} has no finished run ({failed} failed); `sim run` makes runs", .path.display())]
    NoFinishedRun {
        /// The dataset's folder.
        path: PathBuf,
        /// Number of attempted runs that failed.
        failed: usize,
    },
    /// The dataset has finished runs, but none of them is punctual (all delays too short to change the order of events).
    #[error("{} has no punctual run ({finished} finished); {advice}", .path.display())]
    NoPunctualRun {
        /// The dataset's folder.
        path: PathBuf,
        /// Number of finished runs.
        finished: usize,
        /// Why there is no punctual run, and what would help.
        advice: &'static str,
    },
    /// No finished run meets the conditions.
    #[error("{} has no finished run with {conditions}{values}", .path.display())]
    NoSuchRun {
        /// The dataset's folder.
        path: PathBuf,
        /// The conditions as given on the command line. If the user asked for one run by its number or key, this field is the number or key
        /// with a hint, such as `number 9; its only finished run is 0`.
        conditions: String,
        /// The values that runs have in the columns that the conditions name, such as `; internal is 0.4 | 0.7`. This text can be empty.
        values: String,
    },
    /// What the user chose cannot be shown: for example, the run has no such machine, event or time, or its log contradicts itself.
    #[error("{dataset}, run {run}: {problem}")]
    Choice {
        /// The dataset's name.
        dataset: String,
        /// The run's number.
        run: u64,
        /// A description of the problem, and what to do.
        problem: String,
    },
    /// No row of a table meets a condition.
    #[error("no row has {condition}{values}")]
    NoSuchRow {
        /// The condition, as given on the command line.
        condition: String,
        /// The values that rows have in the columns of the condition, such as `; internal is 0.4 | 0.7`.
        values: String,
    },
    /// Two groups of runs, A and B, should be compared. But no configuration of A can be compared with a configuration of B.
    #[error(transparent)]
    NothingToCompare(#[from] NothingToCompare),
    /// The user wants to choose or sort the rows of a table by a column that the table does not have. With option `--by`, each row is a pool:
    /// the runs of several configurations together. A table of pools has fewer columns.
    #[error(
        "rows of --by have no {}",
        match .column {
            Some(column) => format!("{column}; add the column to --by, or leave out --by"),
            None => "predictions and regimes; leave out --by".to_owned(),
        }
    )]
    NotPooled {
        /// The missing column. `None` if it is a prediction of `analyze theory` or a regime: a table of pools has neither.
        column: Option<&'static str>,
    },
    /// A condition, as in `--where`, is not valid.
    #[error(transparent)]
    Condition(#[from] NotSql),
    /// The warm-up (the time at the start of each run that is ignored) is at least as long as the shortest run.
    #[error("a warm-up of {warm_up_s} s is too long: the shortest run of {} lasts {shortest_s} s", .path.display())]
    WarmUp {
        /// The dataset's folder.
        path: PathBuf,
        /// Model seconds to ignore at the start of every run.
        warm_up_s: f64,
        /// Model seconds of the shortest run.
        shortest_s: f64,
    },
    /// No run of one dataset has the same key (parameters and repetition) as a run of the other dataset.
    #[error(
        "A ({}) and B ({}) have no finished run in common: {why}; runs match if all their parameters and the \
         repetition are the same, for example in a dataset and its copy in virtual time, made by `sim run \
         EXPERIMENT --engine virtual --data DIR`",
        .a.display(),
        .b.display()
    )]
    NothingInCommon {
        /// Folder of dataset A.
        a: PathBuf,
        /// Folder of dataset B.
        b: PathBuf,
        /// Why no runs match.
        why: String,
    },
    /// A row of the journal (`runs.csv`) contradicts itself, another row or the event log.
    #[error("{}: run {run}: {problem}", .path.display())]
    Journal {
        /// The journal's file.
        path: PathBuf,
        /// The run's number.
        run: u64,
        /// A description of the problem.
        problem: String,
    },
    /// A row of the event log cannot be read.
    #[error("{}: run {run}: {cause}", .path.display())]
    Row {
        /// The file of the event log.
        path: PathBuf,
        /// The run's number.
        run: u64,
        /// The row (counted within the run, from 1), the column and the mistake.
        cause: RowError,
    },
    /// A value in the event log is impossible, although it can be read: for example, the number of a machine that does not exist.
    #[error("{}: run {run}: row {row}, column {column}: {problem}", .path.display())]
    Value {
        /// The file of the event log.
        path: PathBuf,
        /// The run's number.
        run: u64,
        /// The row, counted within the run from 1.
        row: usize,
        /// The column.
        column: &'static str,
        /// A description of the problem.
        problem: &'static str,
    },
    /// The mapping (the TOML file that describes logs of another program) has mistakes.
    #[error("{}", MistakeList { path, mistakes })]
    Mapping {
        /// The file.
        path: PathBuf,
        /// The mistakes; at least one.
        mistakes: Vec<Mistake>,
    },
    /// A log of another program, or its mapping, cannot be used.
    #[error("{}{}: {problem}", .path.display(), line_words(*.line))]
    Import {
        /// What has the problem. Usually this is a file or a folder, but it can also be the name of a run, or a few words such as
        /// `the pattern of lines`.
        path: PathBuf,
        /// The number of the line, from 1. `None` if the problem is not in a single line.
        line: Option<u64>,
        /// A description of the problem, and what to do.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// Another export is writing to the same dataset. Two exports at once would mix their files.
    #[error("another export is writing to {}; wait until it has ended, then repeat the command", .path.display())]
    Exporting {
        /// The dataset's folder.
        path: PathBuf,
    },
    /// The cache of measures cannot be written.
    #[error("{}: {cause}; option --no-cache works without this file", .path.display())]
    NotCached {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// Polars, the table library, cannot read back a Parquet file that this program wrote.
    #[error("{}: {cause}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The error of Polars.
        cause: PolarsError,
    },
    /// A query of Polars failed.
    #[error("cannot compute the measures")]
    Query(#[from] PolarsError),
}

/// A line as part of a message: ` line 3`, or nothing.
fn line_words(line: Option<u64>) -> String {
    line.map_or(String::new(), |line| format!(" line {line}"))
}

impl Error {
    /// Makes an [`Error::Import`].
    pub(crate) fn import(path: &Path, line: Option<u64>, problem: String) -> Self {
        Self::Import {
            path: path.to_owned(),
            line,
            problem,
        }
    }

    /// Turns an error of Polars at `path` into an [`Error::Parquet`], for `map_err`.
    pub(crate) fn parquet(path: &Path) -> impl FnOnce(PolarsError) -> Self + '_ {
        move |cause| Self::Parquet {
            path: path.to_owned(),
            cause,
        }
    }

    /// Turns an error of the system at `path` into an [`Error::Io`], for `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }
}
