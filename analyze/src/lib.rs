//! Answers from the logs of logical clocks: jumps, drift and queue backlog, as tables and tidy data.
//!
//! A dataset's events become a data frame, batch by batch; measures are expressions over it; repetitions are folded into
//! estimates; and these are shown as tables. Of the simulator it knows only the dataset contract (`sim::log`) and what a
//! configuration is (`sim::experiment`).
//!
//! # Layout
//!
//! - [`datasets`], [`batches`]: datasets opened, and their events as data frames, whole runs at a time
//! - [`events`], [`journal`]: the two kinds of row as data frames, with their columns
//! - [`measures`]: what is measured of a machine in a run, a file a family
//! - [`run`]: one run's events, machine by machine and along its timeline
//! - [`observed`], [`replayed`]: what measures look at: every event, and what takes a run as a whole to tell
//! - [`kept`]: measures kept from one reading to the next
//! - [`repetitions`]: measures folded over the repetitions of a configuration
//! - [`pooled`]: measures folded over all runs that agree in some parameters
//! - [`statistics`]: mean, standard deviation and interval
//! - [`contrasts`]: what difference a parameter makes
//! - [`claims`]: what others claimed, and whether it is so
//! - [`condition`]: which runs an answer is about
//! - [`tables`], [`records`], [`render`]: which measures a table shows, what its records begin with, and how it is written
//! - [`compare`]: two datasets, run by run
//! - [`theory`]: what is to be expected, and the measurements beside it
//! - [`audit`]: are the logs a Lamport execution?
//! - [`import`]: logs of other implementations, made into a dataset
//! - [`export`]: `processed/`, tidy files for notebooks
//! - [`dictionary`]: every column of every file
//! - [`words`]: words that several answers share
//!
//! The verbs of the `analyze` binary stand in `commands`, one file each.

pub mod audit;
pub mod batches;
pub mod claims;
pub mod column;
pub mod compare;
pub mod condition;
pub mod contrasts;
pub mod datasets;
pub mod dictionary;
pub mod error;
pub mod events;
pub mod export;
pub mod import;
pub mod journal;
mod kept;
pub mod measures;
mod observed;
pub mod pooled;
mod records;
pub mod render;
pub mod repetitions;
mod replayed;
mod run;
pub mod statistics;
pub mod tables;
pub mod theory;
pub mod value;
pub mod words;

pub use datasets::{Dataset, open};
pub use error::Error;

/// The Rust of the crate's README, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
