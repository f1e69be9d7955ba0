//! Datasets opened for analysis: which runs count, their journal rows and their events.
//!
//! # Layout
//!
//! - [`dataset`]: a dataset and the runs of it that count
//! - [`filter`]: conditions on a run's parameters
//! - [`runs`]: the columns of `runs.csv`, and finished runs as data frames
//! - [`events`]: the columns of the event log, and events as a data frame
//! - [`run_log`]: one run's events, machine by machine and along its timeline

pub mod dataset;
pub mod events;
pub mod filter;
pub(crate) mod run_log;
pub mod runs;
