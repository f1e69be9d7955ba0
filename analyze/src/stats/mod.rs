//! Statistics over runs: estimates of measures, and tables of estimates.
//!
//! # Layout
//!
//! - [`estimate`]: mean, standard deviation and interval of a measure
//! - [`ties`]: counts equal values; if there are many, the interval of an estimate cannot be trusted
//! - [`intervals`]: formats a mean and its interval
//! - [`difference`]: the difference of two means
//! - [`repetitions`]: measures over the repetitions of a configuration
//! - [`pool`]: measures over all runs that have the same values of some parameters
//! - [`contrast`]: how measures differ between two values of a parameter
//! - [`row_query`]: chooses and sorts the rows of a table by the columns of [`row_columns`]
//! - [`sides`], [`side_tables`]: how measures differ between two datasets or two conditions
//! - [`tables`], [`records`]: the tables of measures, and the columns that all records share

pub mod contrast;
pub mod difference;
pub mod estimate;
pub(crate) mod intervals;
pub mod pool;
pub(crate) mod records;
pub mod repetitions;
pub mod row_columns;
pub mod row_query;
pub mod side_tables;
pub mod sides;
pub mod tables;
pub mod ties;
