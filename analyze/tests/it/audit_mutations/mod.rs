//! The audit finds bugs: programs with one bug each, and logs with one kind of damage each.
//!
//! # Layout
//!
//! - [`bugs`], [`buggy`]: the bugs, and a simulator that has them
//! - [`setups`]: the configurations that are simulated, and the kinds of datasets that are written
//! - [`programs`]: tests of every bug in every setup
//! - [`damaged`]: tests of logs of the project's own engine whose rows were changed
//! - [`timing`]: tests of missing and repeated ticks, and of impossible times
//! - [`cells`]: tests of a change of any cell
//! - [`contradicted`]: tests of journals and files that contradict the events

mod buggy;
mod bugs;
mod cells;
mod contradicted;
mod damaged;
mod programs;
mod setups;
mod timing;
