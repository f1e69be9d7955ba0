//! Datasets opened for analysis: finished runs, their journal rows and their events.
//!
//! # Layout
//!
//! - [`dataset`]: a dataset and its finished runs
//! - [`filter`]: conditions that choose runs
//! - [`runs`]: the columns of `runs.csv`, and runs as data frames
//! - [`events`]: the columns of the event log, and events as a data frame
//! - [`run_log`]: the events of one run, by machine or by time

pub mod dataset;
pub mod events;
pub mod filter;
pub(crate) mod run_log;
pub mod runs;
