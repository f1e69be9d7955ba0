//! Statistics over runs: estimates of measures, and tables of estimates. A measure is a number for each machine of each run, such as the
//! mean jump of its clock. The intervals are 95 % confidence intervals.
//!
//! # Layout
//!
//! - [`estimate`]: mean, standard deviation and interval of a measure
//! - [`ties`]: counts equal values; if there are many, the interval of an estimate cannot be trusted
//! - [`intervals`]: formats a mean and its interval
//! - [`difference`]: the difference of two means
//! - [`repetitions`]: measures over the repetitions of a configuration
//! - [`pool`]: measures over all runs that have the same values of some parameters
//! - [`contrast`]: how measures differ between two values of a parameter if all other parameters are equal
//! - [`row_query`]: chooses and sorts the rows of a table (options `--having` and `--sort`) by columns that [`row_columns`] defines
//! - [`sides`], [`side_tables`]: how measures differ between two sides: two datasets, or the runs that meet one condition and those that
//!   meet another
//! - [`tables`]: the tables of measures
//! - [`records`]: the first columns of records (rows of CSV or JSON), such as the dataset and the machine

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
