//! All integration tests of the crate `sim`, as one program. Each module has the tests of one topic, except `support`, which has functions
//! for the tests.

// This project avoids `println!`, because it panics if stdout is closed. Tests may use it: a panic does no damage there.
#![allow(clippy::print_stdout)]

mod cli;
mod cluster_scripts;
mod conformance;
mod cut_short;
mod dataset;
mod delays;
mod deleted;
mod disks;
mod events_without_a_journal_row;
mod experiment_files;
mod extension;
mod failures;
mod faults;
mod golden;
mod help;
mod limits;
mod line_ends;
mod loopback;
mod margin;
#[cfg(unix)]
mod odd_arguments_and_paths;
mod other_programs;
mod processes;
mod provenance;
mod shards;
mod sizes;
mod slurm;
#[cfg(target_os = "linux")]
mod streams;
mod support;
mod timestamps;
mod watch;
mod wire_fuzz;
