//! The summary of datasets: how many machines are stable, critical or overloaded, and a row for each configuration.
//!
//! # Layout
//!
//! - [`overview`]: counts of regimes, and the configurations with their slowest machine and their fastest clock
//! - [`tables`]: the overview as paragraphs and as a table

mod overview;
mod tables;

pub use overview::{Overview, Row, measures};
pub use tables::{regimes, table};
