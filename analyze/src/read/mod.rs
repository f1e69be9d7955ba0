//! Datasets opened for analysis: finished runs, their journal rows and their events.
//!
//! # Layout
//!
//! - [`dataset`]: a dataset and its finished runs
//! - [`configurations`]: which runs are repetitions of each other
//! - [`filter`]: conditions that choose runs
//! - [`runs`]: the columns of `runs.csv`, and runs as data frames
//! - [`events`]: the columns of the event log, and events as a data frame
//! - [`run_log`]: the events of one run as columns

pub(crate) mod configurations;
pub mod dataset;
pub mod events;
pub mod filter;
pub(crate) mod run_log;
pub mod runs;
