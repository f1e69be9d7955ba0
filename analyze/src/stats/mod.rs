//! Statistics over runs: measures become estimates, and estimates become tables.
//!
//! # Layout
//!
//! - [`estimate`]: mean, standard deviation and interval; [`ties`]: whether that interval can be trusted
//! - [`intervals`]: how a mean and its interval are shown
//! - [`difference`]: by how much two means differ
//! - [`repetitions`]: measures over the repetitions of a configuration
//! - [`pool`]: measures over all runs that agree in some parameters
//! - [`contrast`]: what difference a parameter makes
//! - [`tables`], [`records`]: which measures a table shows, and what a row of it begins with

pub mod contrast;
pub mod difference;
pub mod estimate;
pub(crate) mod intervals;
pub mod pool;
pub(crate) mod records;
pub mod repetitions;
pub mod tables;
pub mod ties;
