//! Tests that the audit finds what is wrong: in logs of programs that have one bug each, and in logs that have one kind of damage each.
//!
//! # Layout
//!
//! - [`bugs`], [`buggy`]: the bugs, and a simulator with the bug that a test asks for
//! - [`setups`]: the configurations (*setups*) that are simulated, and three kinds of runs: virtual, TCP as scheduled, and
//!   TCP not as scheduled (*late*)
//! - [`programs`]: tests of every bug in every setup
//! - [`damaged`]: tests that change rows in the logs of correct runs of `sim`
//! - [`timing`]: tests of missing and repeated ticks, and of impossible times
//! - [`cells`]: a test that changes one cell of an event log; the cell is chosen at random
//! - [`contradicted`]: tests of datasets whose files contradict each other: the journal, `dataset.json` and the events

mod buggy;
mod bugs;
mod cells;
mod contradicted;
mod damaged;
mod programs;
mod setups;
mod timing;
