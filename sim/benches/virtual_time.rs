//! Measures the speed of the virtual engine on one core in three cases: without a log; without a log, but with delayed messages; and with
//! a log. To run it: `cargo bench --package sim`.
//!
//! Compare only numbers that one call of this program printed: the speed of a computer changes, even from hour to hour.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use sim::engine::virtual_time;
use sim::experiment::{Experiment, Overrides};
use sim::log::{EventRow, write_row};

/// How long each measurement takes at least.
const MEASURE_FOR: Duration = Duration::from_secs(2);

/// The experiment that is simulated: ten configurations (two values of `internal`, five lists of rates) with ten runs each. In these runs
/// each tick has exactly one event. So the functions below count events to count ticks.
const EXPERIMENT: &str = "seed = 262\nrepetitions = 10\nduration_s = 600\nengine = \"virtual\"
[parameters]\ninternal = [0.4, 0.7]
rates = [[1, 3, 6], [2, 3, 4], [3, 3, 3], [5, 1, 5], [1, 2, 1]]";

fn main() {
    let experiment = |more_parameters: &str| {
        let text = format!("{EXPERIMENT}{more_parameters}");
        Experiment::parse(&text, Path::new("bench.toml"), Overrides::default())
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let (plain, delayed) = (
        experiment(""),
        experiment("\ndelay_s = { exponential = 0.05 }"),
    );
    let bare = measure_speed("without a log", &plain, run_without_log);
    let with_delays = measure_speed("without a log, delayed messages", &delayed, run_without_log);
    let logged = measure_speed("with the full CSV log in memory", &plain, run_with_csv_log);
    // `bare` is the speed without a log and without delays. A ratio of 0.5 means: half as fast as `bare`.
    println!("with a log / without     {:.2}", logged / bare);
    println!("with delays / without    {:.2}", with_delays / bare);
}

/// Calls `run_all` again and again. Each call makes all runs of the experiment once, and returns how many ticks these runs have in all.
/// Prints the speed (simulated ticks per second of real time) beside `name`, and returns it.
fn measure_speed(name: &str, experiment: &Experiment, run_all: impl Fn(&Experiment) -> u64) -> f64 {
    let (started, mut ticks) = (Instant::now(), 0);
    while started.elapsed() < MEASURE_FOR {
        ticks += run_all(experiment);
    }
    let speed = ticks as f64 / started.elapsed().as_secs_f64();
    println!("{:6.2} M ticks/s  {name}", speed / 1e6);
    speed
}

/// Makes all runs, and keeps none of their events. Returns the number of ticks.
fn run_without_log(experiment: &Experiment) -> u64 {
    let mut ticks = 0;
    for run in experiment.runs() {
        virtual_time::observe(&run, experiment.seed, |machine, logged| {
            // Without `black_box`, the compiler could leave out work whose result is not used.
            black_box((machine, logged));
            ticks += 1;
        });
    }
    ticks
}

/// Makes all runs, and writes the events of each run as rows of CSV into memory. Returns the number of ticks.
fn run_with_csv_log(experiment: &Experiment) -> u64 {
    let mut ticks = 0;
    let mut rows = Vec::new();
    for run in experiment.runs() {
        rows.clear();
        let log = virtual_time::run(&run, experiment.seed);
        for (machine, events) in log.machines.iter().enumerate() {
            ticks += events.len() as u64;
            for logged in events {
                write_row(
                    &mut rows,
                    &EventRow {
                        run: run.index,
                        machine: machine as u32,
                        logged: logged.clone(),
                    },
                );
            }
        }
        black_box(&rows);
    }
    ticks
}
