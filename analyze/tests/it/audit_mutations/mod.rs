//! The audit finds bugs: programs that are wrong in one way each, and logs that were damaged in one way each.
//!
//! # Layout
//!
//! - [`buggy`]: a simulator of its own, that can be wrong
//! - [`setups`]: what it simulates, and as what it is written down
//! - [`programs`]: every bug in every setup
//! - [`damaged`]: logs of the project's own engine with something changed in their rows
//! - [`cells`]: any cell of a log changed
//! - [`contradicted`]: journals and files that are not those of their events

mod buggy;
mod cells;
mod contradicted;
mod damaged;
mod programs;
mod setups;
