//! Answers from the logs of logical clocks: jumps, drift and queue backlog, as tables and tidy data.
//!
//! A dataset's events become a data frame, batch by batch; measures are expressions over it; repetitions are folded into
//! estimates; and these are shown as tables. Of the simulator it knows only the dataset contract (`sim::log`) and what a
//! configuration is (`sim::experiment`).
//!
//! # Layout
//!
//! In the order in which data flows:
//!
//! - [`read`]: datasets, their runs and their events as data frames
//! - [`measures`]: what is measured of a machine in a run, a file a family
//! - [`stats`]: measures become estimates over repetitions, pools and contrasts
//! - [`theory`]: what is to be expected, and the measurements beside it
//! - [`compare`]: two datasets, run by run
//! - [`claims`]: what others claimed, and whether it is so
//! - [`audit`]: are the logs a Lamport execution?
//! - [`import`]: logs of other implementations, made into a dataset
//! - [`class`]: many submissions imported, audited and measured at once
//! - [`export`]: `processed/`, tidy files for notebooks, and the dictionary of all columns
//! - [`output`]: tables, records and words as text
//! - [`seal`]: Parquet files that tell whether they are what was written
//! - [`remembering`]: why a file could not be written
//! - [`threads`]: work on all cores, or on as many threads as there are
//! - [`error`]: what can go wrong
//!
//! The verbs of the `analyze` binary stand in `commands`, one file each.

pub mod audit;
pub mod claims;
pub mod class;
pub mod compare;
pub mod error;
pub mod export;
pub mod import;
pub mod measures;
pub mod output;
pub mod read;
mod remembering;
mod seal;
pub mod stats;
pub mod theory;
pub mod threads;

pub use error::Error;
pub use read::dataset::{Dataset, open};

/// The Rust of the crate's README, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
