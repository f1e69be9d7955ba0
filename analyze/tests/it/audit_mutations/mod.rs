//! The audit finds bugs: programs that are wrong in one way each, and logs that were damaged in one way each.
//!
//! # Layout
//!
//! - [`bugs`], [`buggy`]: what can be wrong with a program, and a simulator of its own that is
//! - [`setups`]: what it simulates, and as what it is written down
//! - [`programs`]: every bug in every setup
//! - [`damaged`]: logs of the project's own engine with something changed in their rows
//! - [`timing`]: ticks that are missing or there twice, and times that cannot be
//! - [`cells`]: any cell of a log changed
//! - [`contradicted`]: journals and files that are not those of their events

mod buggy;
mod bugs;
mod cells;
mod contradicted;
mod damaged;
mod programs;
mod setups;
mod timing;
