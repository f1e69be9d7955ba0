//! A laboratory for logical clocks: runs many small distributed systems over real TCP or in virtual time.
//!
//! Each run has N machines. Every machine ticks at its own rate, exchanges messages and keeps a Lamport clock. The code of a
//! machine uses no socket and no real clock ([`machine`]). Two engines run this code ([`engine`]): `tcp` with real sockets and
//! real time, and `virtual` with simulated time. The seed determines all random draws. If all messages of a run over TCP arrive
//! as scheduled, both engines make the same events.
//!
//! # Layout
//!
//! - [`clock`]: Lamport clocks, vector clocks and other logical clocks
//! - [`machine`]: one machine: its state, and what one tick does
//! - [`random`]: random streams from a seed, the same on every platform
//! - [`experiment`]: turns a TOML file into configurations and an ordered plan of runs
//! - [`engine`]: two engines that run the same machine
//! - [`watch`]: the live view of sweeps in a terminal
//! - [`wire`]: bytes on a connection: frames and the handshake
//! - [`log`]: the format of datasets: columns, the journal (`runs.csv`), event files
//! - [`sweep`]: chooses and starts runs, writes their results, reports progress
//! - [`files`]: writes files that appear complete or not at all
//! - [`input`]: reads files from users, but no file above a size limit
//! - [`table`]: prints tables on a terminal
//! - [`toml_reader`]: reads TOML files from users, and reports every mistake
//! - [`console`]: prints messages to users
//! - [`value_completions`]: the values that a shell offers for an option when the user presses the tab key
//!
//! The commands of the program `sim` are in `commands`, each in its own file.
//!
//! # Example
//!
//! ```
//! use sim::experiment::{Experiment, Overrides};
//!
//! let text = "seed = 1\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.4, 0.7]";
//! let experiment = Experiment::parse(text, "example.toml".as_ref(), Overrides::default())?;
//! // There are two configurations (one for each value of `internal`) with one run each. This is the first run.
//! let run = experiment.runs().next().expect("two runs are planned");
//! let log = sim::engine::virtual_time::run(&run, experiment.seed);
//! // In 5 seconds the machines tick 5, 15 and 30 times, and each tick is one event.
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
pub mod negative_numbers;
pub mod random;
pub mod sweep;
pub mod table;
pub mod toml_reader;
pub mod value_completions;
pub mod watch;
pub mod wire;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
