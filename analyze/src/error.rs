//! What can go wrong between a dataset and an answer.

use std::io;
use std::path::{Path, PathBuf};

use polars::error::PolarsError;
use sim::log::{DatasetError, RowError};
use sim::toml_reader::{Mistake, MistakeList};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read as a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Nothing in the dataset counts.
    #[error("{} has no finished run ({failed} failed); `sim run` makes some", .path.display())]
    NoFinishedRun {
        /// The dataset's folder.
        path: PathBuf,
        /// Attempted runs that failed.
        failed: usize,
    },
    /// All that counts in the dataset was late.
    #[error("{} has no punctual run ({finished} finished); {advice}", .path.display())]
    NoPunctualRun {
        /// The dataset's folder.
        path: PathBuf,
        /// Finished runs, none of them punctual.
        finished: usize,
        /// Why, and what would help.
        advice: &'static str,
    },
    /// No run is as wanted.
    #[error("{} has no finished run with {conditions}", .path.display())]
    NoSuchRun {
        /// The dataset's folder.
        path: PathBuf,
        /// What was wanted.
        conditions: String,
    },
    /// The warm-up is as long as a run.
    #[error("a warm-up of {warm_up_s} s: {} has runs of {shortest_s} s, nothing of which would be left", .path.display())]
    WarmUp {
        /// The dataset's folder.
        path: PathBuf,
        /// Model seconds to be cut off.
        warm_up_s: f64,
        /// Model seconds of the shortest run.
        shortest_s: f64,
    },
    /// No run of one dataset has its counterpart in another.
    #[error(
        "A ({}) and B ({}) have no finished run in common: {why}; runs match if all their parameters and the repetition are the \
         same, as in a sweep and its twin by `sim run EXPERIMENT --engine virtual --data DIR`",
        .a.display(),
        .b.display()
    )]
    NothingInCommon {
        /// The one dataset's folder.
        a: PathBuf,
        /// The other's.
        b: PathBuf,
        /// Why none match.
        why: String,
    },
    /// A journal row contradicts itself or another.
    #[error("{}: run {run}: {problem}", .path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The run.
        run: u64,
        /// What is wrong.
        problem: String,
    },
    /// A row of the event log cannot be read.
    #[error("{}: run {run}: {cause}", .path.display())]
    Row {
        /// The segment.
        path: PathBuf,
        /// The run.
        run: u64,
        /// Row (of the run, from 1) and column.
        cause: RowError,
    },
    /// A row of the event log cannot be true.
    #[error("{}: run {run}: row {row}, column {column}: {problem}", .path.display())]
    Value {
        /// The segment.
        path: PathBuf,
        /// The run.
        run: u64,
        /// Row of the run, from 1.
        row: usize,
        /// The column.
        column: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file that says how logs are to be read has mistakes.
    #[error("{}", MistakeList { path, mistakes })]
    Mapping {
        /// The file.
        path: PathBuf,
        /// At least one.
        mistakes: Vec<Mistake>,
    },
    /// A log of another implementation, or the mapping that says how to read it, cannot be used.
    #[error("{}{}: {problem}", .path.display(), line_words(*.line))]
    Import {
        /// The file, or the run.
        path: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Two exports would mix their files.
    #[error("another export is writing to {}; once it has ended, the same command works", .path.display())]
    Exporting {
        /// The dataset's folder.
        path: PathBuf,
    },
    /// Measures cannot be kept for the next time.
    #[error("{}: {cause}; with --no-cache it is not used", .path.display())]
    NotCached {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A Parquet file cannot be written, or not be read back.
    #[error("{}: {cause}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What Polars says.
        cause: PolarsError,
    },
    /// A query failed.
    #[error("cannot compute the measures")]
    Query(#[from] PolarsError),
}

fn line_words(line: Option<u64>) -> String {
    line.map_or(String::new(), |line| format!(" line {line}"))
}

impl Error {
    pub(crate) fn import(path: &Path, line: Option<u64>, problem: String) -> Self {
        Self::Import {
            path: path.to_owned(),
            line,
            problem,
        }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(PolarsError) -> Self + '_ {
        move |cause| Self::Parquet {
            path: path.to_owned(),
            cause,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }
}
