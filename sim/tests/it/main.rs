//! What the simulator promises, tested from outside.

// Tests may print: nobody loses work when they cannot.
#![allow(clippy::print_stdout)]

mod cli;
mod conformance;
mod cut_short;
mod dataset;
mod experiment_files;
mod extension;
mod failures;
mod faults;
mod golden;
mod limits;
mod loopback;
mod processes;
mod shards;
mod slurm;
mod strangers;
mod support;
mod wire_fuzz;
