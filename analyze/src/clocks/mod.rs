//! Replays logical clocks over the events of runs, and compares the clocks: how many bytes their timestamps take, and which pairs of
//! events they order.
//!
//! Clocks have no influence on what machines do. So each clock can be replayed over the events of a log, and all clocks are compared on the
//! same executions.
//!
//! # Layout
//!
//! - [`kinds`]: the kinds of clocks: their names, their parameters, and the publications that described them
//! - [`history`]: a run's events in an order in which each receive comes after its send, with the times that the machines' physical clocks
//!   show
//! - [`replay`]: replays one clock over a history
//! - [`sample`]: the pairs of events whose timestamps are compared
//! - [`truth`]: which of two events happened before the other, and for how many pairs a clock's timestamps give the right answer
//! - [`figures`]: the figures (numbers) that are measured of a clock in a run, such as the bytes of a timestamp
//! - [`estimates`]: the mean of each figure, with an interval, for each configuration and clock
//! - [`order`]: sorts the rows that `analyze clocks` prints, by the columns that the user names
//! - [`tables`]: the table that `analyze clocks` prints, and the records for CSV and JSON

pub mod estimates;
pub mod figures;
mod history;
pub mod kinds;
mod order;
mod replay;
mod sample;
pub mod tables;
mod truth;

pub(crate) use estimates::figures_of_runs;
pub use estimates::{ClockGroup, ClockGroups, clock_groups};
pub use figures::FIGURES;
pub use kinds::{CLOCKS, ClockKind, ClockSpec};
pub use order::ClockOrder;
