//! Datasets opened for analysis: finished runs, their rows in the journal (`runs.csv`) and their events.
//!
//! # Layout
//!
//! - [`dataset`]: a dataset and its finished runs
//! - [`configurations`]: which runs are repetitions of each other
//! - [`choice`]: conditions of option `--where`, which choose runs and machines. They have one of two forms:
//!   - [`filter`]: a comparison with a cell of `runs.csv`, such as `internal>=0.4`
//!   - [`sql`]: SQL, such as `internal < 0.7 and role = 'slowest'`
//! - [`choice_frame`]: the columns that conditions of `--where` can name
//! - [`labels`]: the names of datasets in tables and files
//! - [`roles`]: the slowest and the fastest machine of a run
//! - [`runs`]: the columns of `runs.csv`, and runs as data frames
//! - [`events`]: the columns of the event log, and events as a data frame
//! - [`run_log`]: the events of one run as columns

pub mod choice;
pub mod choice_frame;
pub(crate) mod configurations;
pub mod dataset;
pub mod events;
pub mod filter;
pub(crate) mod labels;
pub mod roles;
pub(crate) mod run_log;
pub mod runs;
pub mod sql;
