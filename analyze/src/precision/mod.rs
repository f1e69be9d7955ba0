//! How many repetitions make the intervals of a measure as narrow as wanted.
//!
//! # Layout
//!
//! - [`half_width`]: the wanted half-width, absolute or relative to the mean
//! - [`need`]: the number of repetitions that a standard deviation needs
//! - [`machines`]: the need of each machine, and of each configuration
//! - [`extension`]: the lines of the experiment file that make the missing runs, and the time that the runs take
//! - [`tables`]: the needs as a table and as records

pub mod extension;
pub mod half_width;
pub mod machines;
pub mod need;
mod tables;

pub use extension::Extension;
pub use half_width::HalfWidth;
pub use machines::{MachineNeed, Needs, needs};
pub use tables::{left_out, records, table};
