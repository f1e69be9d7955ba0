//! Measures the logs of logical clocks: jumps, drift and queue backlog, as tables and as files for notebooks.
//!
//! A dataset has the events of many runs. The events are read into columns, some runs at a time, and the measures of each machine
//! are computed from these columns. From the values of repeated runs, means and intervals are estimated; tables show the means and
//! intervals. From the simulator, this crate uses mainly the dataset format (`sim::log`), the configuration (`sim::experiment`) and
//! the estimate of how long runs will take (`sim::sweep`).
//!
//! # Layout
//!
//! - [`read`]: datasets, their runs and their events as data frames
//! - [`measures`]: the measures of each machine in a run; each family of related measures has a file of its own
//! - [`stats`]: estimates of measures over the repetitions of one configuration, or over the runs of several configurations together
//!   (pools); estimates of how much measures differ between two values of a parameter (contrasts)
//! - [`summary`]: a row for each configuration; and how many machines are stable (fewer messages arrive than the machine has ticks),
//!   critical (about as many) or overloaded (more)
//! - [`theory`]: predictions, and their comparison with measurements
//! - [`clocks`]: replays logical clocks (vector clocks and others) over the events of runs, and compares them
//! - [`compare`]: the comparison of two datasets, run by run
//! - [`precision`]: how many repetitions make intervals as narrow as wanted
//! - [`claims`]: tests what other authors claimed about the model
//! - [`audit`]: checks that logs follow the rules of machines with Lamport clocks
//! - [`execution`]: one run as events and messages, for everything that shows a single run
//! - [`show`]: one run as a table of events
//! - [`diagram`]: one run as a space-time diagram
//! - [`plot`]: plots of datasets
//! - [`report`]: a page about datasets
//! - [`methods`]: a paragraph for a paper on how datasets were made and evaluated
//! - [`trace`]: one run as a trace for other programs
//! - [`draw`]: drawing as SVG, PNG and PDF
//! - [`import`]: turns logs of other programs into datasets
//! - [`submissions`]: the logs of a class of students: each submission is imported, audited and measured
//! - [`export`]: the files in `processed/` for notebooks, and the data dictionary, which describes every column
//! - [`output`]: tables and paragraphs for people, and records (CSV and JSON) for programs
//! - [`seal`]: checksums in Parquet files
//! - [`remembering`]: keeps the system's error if a file could not be written, because Polars replaces it by a text of its own
//! - [`threads`]: shares work among all cores; starts the threads of Polars
//! - [`error`]: all errors of this crate
//!
//! The subcommands of the `analyze` program are in `commands`, one file each.

pub mod audit;
pub mod claims;
pub mod clocks;
pub mod compare;
pub mod diagram;
pub mod draw;
pub mod error;
pub mod execution;
pub mod export;
pub mod import;
pub mod measures;
pub mod methods;
pub mod output;
pub mod plot;
pub mod precision;
pub mod read;
mod remembering;
pub mod report;
mod seal;
pub mod show;
pub mod stats;
pub mod submissions;
pub mod summary;
pub mod theory;
pub mod threads;
pub mod trace;

pub use error::Error;
pub use read::dataset::{Dataset, open};

/// Compiles the Rust code in the crate's README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
