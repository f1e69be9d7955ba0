//! What the simulator promises, tested from outside.

// Tests may print: nobody loses work when they cannot.
#![allow(clippy::print_stdout)]

mod cli;
mod conformance;
mod cut_short;
mod dataset;
mod delays;
mod deleted;
mod disks;
mod experiment_files;
mod extension;
mod failures;
mod faults;
mod golden;
mod limits;
mod line_ends;
mod loopback;
mod margin;
#[cfg(unix)]
mod odd_words;
mod processes;
mod provenance;
mod shards;
mod sizes;
mod slurm;
mod strangers;
#[cfg(target_os = "linux")]
mod streams;
mod support;
mod uncounted;
mod wire_fuzz;
