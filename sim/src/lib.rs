//! A laboratory for logical clocks: grids of small asynchronous distributed systems, swept over real TCP or in virtual time.
//!
//! Each run is N virtual machines, every one ticking at its own rate, exchanging messages and keeping a Lamport clock. The
//! machine is pure ([`machine`]); two engines interpret it ([`engine`]): `tcp` with real sockets and the wall clock, `virtual`
//! with discrete events. A seed settles a run, so both make the same events.
//!
//! # Layout
//!
//! - [`clock`]: Lamport's rules
//! - [`machine`]: one virtual machine: its state, and what one tick does to it
//! - [`random`]: seeded, portable streams of randomness
//! - [`experiment`]: a TOML file becomes configurations and an ordered plan of runs
//! - [`engine`]: two interpreters of the same machine
//! - [`wire`]: what goes over a connection: frames and the handshake
//! - [`log`]: the dataset contract: columns, journal, segments
//! - [`sweep`]: keeps an engine fed, journals its results, reports progress
//! - [`files`]: files that appear whole or not at all
//! - [`input`]: files that people hand to the programs, read with a bound
//! - [`table`]: tables for people on the terminal
//! - [`toml_reader`]: TOML that people write, read with every mistake noted
//! - [`console`]: what the programs say to people
//!
//! The `sim` binary's verbs stand in `commands`, one file each.
//!
//! # Example
//!
//! ```
//! use sim::experiment::{Experiment, Overrides};
//!
//! let text = "seed = 1\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.4, 0.7]";
//! let experiment = Experiment::parse(text, "example.toml".as_ref(), Overrides::default())?;
//! let run = experiment.runs().next().expect("two runs are planned");
//! let log = sim::engine::virtual_time::run(&run, experiment.seed);
//! assert_eq!(log.machines.iter().map(Vec::len).sum::<usize>(), 5 * (1 + 3 + 6));
//! # Ok::<(), sim::experiment::ExperimentError>(())
//! ```

pub mod clock;
pub mod console;
pub mod engine;
pub mod experiment;
pub mod files;
pub mod input;
pub mod log;
pub mod machine;
pub mod random;
pub mod sweep;
pub mod table;
pub mod toml_reader;
pub mod wire;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
