//! How many repetitions make the 95 % intervals of a measure as narrow as wanted. This number is called a need.
//!
//! # Layout
//!
//! - [`half_width`]: the wanted half-width, absolute or relative to the mean
//! - [`need`]: the need, computed from the standard deviation of the repetitions that are done
//! - [`machines`]: the need of each machine; a configuration needs as many repetitions as the machine that needs most
//! - [`extension`]: how to make the missing runs (the lines for the experiment file, and the commands), and how long they take
//! - [`tables`]: the needs as a table to read, and as records in full precision

pub mod extension;
pub mod half_width;
pub mod machines;
pub mod need;
mod tables;

pub use extension::Extension;
pub use half_width::HalfWidth;
pub use machines::{MachineNeed, Needs, needs};
pub use tables::{left_out, records, table};
