//! The summary of datasets: how many machines are in each *regime*, and a row for each configuration. The regime says how many messages
//! arrive at a machine: fewer than it has ticks (stable), about as many (critical), or more (overloaded).
//!
//! # Layout
//!
//! - [`overview`]: the number of machines in each regime, and a row for each configuration. The row shows the slowest machine of the
//!   configuration. It also shows how far the fastest clock of the configuration advances per second.
//! - [`tables`]: the overview as text. It has paragraphs about the regimes, and a table of the configurations.

mod overview;
mod tables;

pub use overview::{Overview, Row, measures};
pub use tables::{regimes, table};
