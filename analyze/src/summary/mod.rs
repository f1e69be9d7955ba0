//! The summary of datasets: how many machines are in each *regime*, and a row for each configuration. The regime says how many messages
//! arrive at a machine: fewer than it has ticks (stable), about as many (critical), or more (overloaded).
//!
//! # Layout
//!
//! - [`overview`]: the number of machines in each regime, and the configurations with their slowest machine and their fastest clock
//! - [`tables`]: the overview as paragraphs and as a table

mod overview;
mod tables;

pub use overview::{Overview, Row, measures};
pub use tables::{regimes, table};
