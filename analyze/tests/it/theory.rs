//! What theory predicts: against figures worked out from the fluid model alone, and against the virtual engine.

use std::path::Path;

use analyze::theory::{Prediction, Regime, System, predict};
use analyze::{Dataset, render, repetitions, theory};
use sim::engine::virtual_time;
use sim::machine::EventKind;

use crate::command_line::analyze;
use crate::fixture;

const T: f64 = 60.0;

/// The slowest machine of a system over 60 s, by the long-run rates alone.
struct Cell {
    rates: &'static [f64],
    internal: f64,
    slowest: usize,
    growth: f64,
    backlog_final: f64,
    sd: f64,
    logical_rate: f64,
    receive_share: f64,
}

#[rustfmt::skip]
const CELLS: [Cell; 10] = [
    cell(&[1.0, 3.0, 6.0], 0.7, 0, 0.50, 30.0, 8.0, 4.00, 1.0),
    cell(&[1.0, 3.0, 6.0], 0.4, 0, 1.57, 94.0, 10.0, 2.33, 1.0),
    cell(&[1.0, 3.0, 6.0], 0.25, 0, 2.00, 120.0, 10.0, 2.00, 1.0),
    cell(&[2.0, 3.0, 4.0], 0.7, 0, 0.0, 0.2, 0.5, 4.00, 0.554),
    cell(&[2.0, 3.0, 4.0], 0.4, 0, 0.0, 7.3, 5.0, 4.00, 1.0),
    cell(&[3.0, 3.0, 3.0], 0.7, 0, 0.0, 0.0, 0.2, 3.52, 0.286),
    cell(&[5.0, 1.0, 5.0], 0.7, 1, 0.67, 40.0, 8.0, 3.22, 1.0),
    cell(&[5.0, 1.0, 5.0], 0.25, 1, 2.33, 140.0, 10.0, 1.67, 1.0),
    cell(&[1.0, 6.0, 6.0], 0.7, 0, 1.00, 60.0, 9.0, 3.22, 1.0),
    cell(&[1.0, 6.0, 6.0], 0.25, 0, 3.00, 180.0, 12.0, 1.67, 1.0),
];

#[expect(clippy::too_many_arguments)]
const fn cell(
    rates: &'static [f64],
    internal: f64,
    slowest: usize,
    growth: f64,
    backlog_final: f64,
    sd: f64,
    logical_rate: f64,
    receive_share: f64,
) -> Cell {
    Cell {
        rates,
        internal,
        slowest,
        growth,
        backlog_final,
        sd,
        logical_rate,
        receive_share,
    }
}

impl Cell {
    fn after(&self, duration_s: f64) -> Prediction {
        predict(&System::new(self.rates, self.internal, duration_s)).swap_remove(self.slowest)
    }
}

#[track_caller]
fn close(name: &str, value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{name}: {value}, not {expected} within {tolerance}"
    );
}

/// In the long run nothing is left but the fluid; the figures are rounded to two digits. The logical rate of three equal machines is
/// crude in both.
#[test]
fn long_runs_are_the_fluid_models() {
    for cell in CELLS {
        let (name, predicted) = (
            format!("{:?}, {}", cell.rates, cell.internal),
            cell.after(1e8),
        );
        close(&name, predicted.backlog_growth, cell.growth, 0.006);
        close(&name, predicted.receive_share, cell.receive_share, 0.005);
        let crude = if predicted.crude.is_empty() {
            0.006
        } else {
            0.15
        };
        close(&name, predicted.logical_rate, cell.logical_rate, crude);
    }
}

/// After 60 s the diffusion adds to the final backlog, and what arrived since the last tick is taken from it: up to a message each,
/// and up to 1 % of what waits for the idle ticks of a critical peer.
#[test]
fn a_minute_adds_a_message_or_two() {
    for cell in CELLS {
        let (name, predicted) = (
            format!("{:?}, {}", cell.rates, cell.internal),
            cell.after(T),
        );
        let tolerance = 1.2 + 0.005 * cell.backlog_final;
        close(
            &name,
            predicted.backlog_final,
            cell.backlog_final,
            tolerance,
        );
        close(&name, predicted.backlog_final_sd, cell.sd, 0.6);
    }
}

#[test]
fn regimes_are_told_apart() {
    let regime = |cell: &Cell| cell.after(T).regime;
    assert_eq!(regime(&CELLS[0]), Regime::Overloaded);
    assert_eq!(regime(&CELLS[3]), Regime::Stable);
    assert_eq!(regime(&CELLS[4]), Regime::Critical);
    // A second is too short to tell; an hour tells also what is near.
    assert_eq!(CELLS[0].after(1.0).regime, Regime::Critical);
    let near = System::new(&[2.0, 3.0, 4.0], 0.39, 3_600_000.0);
    assert_eq!(predict(&near)[0].regime, Regime::Overloaded);
}

#[test]
fn every_prediction_is_a_number() {
    let many: Vec<f64> = (1..=100).map(f64::from).collect();
    for rates in [&[1.0, 1000.0][..], &[3.0, 3.0], &[1.0, 1.0, 1000.0], &many] {
        for internal in [0.0, 1e-6, 0.3, 0.999, 1.0] {
            for duration_s in [0.5, 60.0, 1e6] {
                for machine in predict(&System::new(rates, internal, duration_s)) {
                    let numbers = [
                        machine.idle_rate,
                        machine.arrival_rate,
                        machine.backlog_growth,
                        machine.backlog_final,
                        machine.backlog_final_sd,
                        machine.receive_share,
                        machine.logical_rate,
                        machine.lag_slope,
                        machine.lag_final,
                        machine.jump_mean,
                    ];
                    assert!(
                        numbers.iter().all(|x| x.is_finite() && *x >= -1e-9),
                        "{internal} {duration_s}: {machine:?}"
                    );
                }
            }
        }
    }
}

/// Mean and standard error of the final backlog, the receive share and the logical rate of each machine.
fn simulated(rates: &str, internal: f64) -> Vec<[(f64, f64); 3]> {
    let experiment = fixture::experiment(&format!(
        "seed = 262\nrepetitions = 100\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nrates = [[{rates}]]\ninternal = {internal}\n"
    ));
    let machines = rates.split(',').count();
    let mut values = vec![[const { vec![] }; 3]; machines];
    for run in experiment.runs() {
        // Ticks, receives, and queue and clock after the last tick.
        let mut seen = vec![(0.0, 0.0, 0.0, 0.0); machines];
        virtual_time::observe(&run, experiment.seed, |machine, logged| {
            let event = logged.event;
            let received = matches!(event.kind, EventKind::Receive(_));
            let (ticks, receives, queue, clock) = &mut seen[machine];
            *ticks += 1.0;
            *receives += f64::from(u8::from(received));
            *queue = event.queue_length as f64;
            *clock = event.logical_clock as f64;
        });
        for (values, (ticks, receives, queue, clock)) in values.iter_mut().zip(seen) {
            values[0].push(queue);
            values[1].push(receives / ticks);
            values[2].push(clock / T);
        }
    }
    values
        .iter()
        .map(|of_machine| [0, 1, 2].map(|what| estimate(&of_machine[what])))
        .collect()
}

fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    (mean, (square / (n - 1.0) / n).sqrt())
}

/// Five standard errors, and what the theory is known to be off by: half a message, 0.01 of the ticks - the idle ticks of the start -
/// and of the logical rate 0.2 %, or 3 % where that is crude.
#[test]
fn the_virtual_engine_agrees() {
    for (rates, internal) in [
        ("1, 3, 6", 0.7),
        ("1, 3, 6", 0.25),
        ("2, 3, 4", 0.4),
        ("3, 3, 3", 0.7),
        ("5, 1, 5", 0.7),
        ("1, 6", 0.5),
        ("1, 2, 3, 4, 5", 0.5),
    ] {
        let numbers: Vec<f64> = rates
            .split(", ")
            .map(|rate| rate.parse().unwrap())
            .collect();
        let predicted = predict(&System::new(&numbers, internal, T));
        for (machine, [queue, share, clock]) in simulated(rates, internal).into_iter().enumerate() {
            let (name, predicted) = (
                format!("{rates}, {internal}: {machine}"),
                &predicted[machine],
            );
            let off = if predicted.crude.is_empty() {
                0.002
            } else {
                0.03
            };
            let off = off * predicted.logical_rate;
            close(&name, predicted.backlog_final, queue.0, 0.5 + 5.0 * queue.1);
            close(
                &name,
                predicted.receive_share,
                share.0,
                0.01 + 5.0 * share.1,
            );
            close(&name, predicted.logical_rate, clock.0, off + 5.0 * clock.1);
        }
    }
}

fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

fn table_of(root: &Path, width: u16) -> String {
    let groups = repetitions::groups(&[Dataset::open(root).unwrap()]).unwrap();
    render::terminal(&theory::table(&theory::beside(&groups)), width)
}

#[test]
fn table_on_a_terminal() {
    insta::assert_snapshot!(table_of(&small().path().join("small"), 120), @"
    Theory

    rates  internal  machine                       growth  final backlog  its sd      receive      logical    final lag
                                                    (1/s)                               share   rate (1/s)
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    1,3,6  0.4       0 at 1/s    mean of 3    1.63 ± 0.38     31.3 ± 8.7     3.5  0.98 ± 0.07  2.25 ± 0.22   75.0 ± 4.3
                     overloaded  predicted           1.59           31.0     5.5         0.97         2.32         73.5
                                 difference        +0.038          +0.38    -2.0       +0.015       -0.073        +1.46
                                 z                   +0.4           +0.2                 +0.9         -1.5         +1.5
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.4       1 at 3/s    mean of 3    0.02 ± 0.11      0.7 ± 1.4     0.6  0.62 ± 0.17  5.88 ± 0.19    2.3 ± 3.8
                     stable      predicted           0.02            0.8     1.1         0.74         5.86          2.8
                                 difference        -0.002          -0.10    -0.6       -0.126       +0.025        -0.51
                                 z                   -0.1           -0.3                 -3.3         +0.6         -0.6
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.4       2 at 6/s    mean of 3    0.00 ± 0.00      0.0 ± 0.0     0.0  0.08 ± 0.05  6.00 ± 0.00    0.0 ± 0.0
                     stable      predicted           0.00            0.0     0.0         0.05         6.00          0.0
                                 difference         0.000           0.00     0.0       +0.027        0.000         0.00
                                 z                   none           none                 +2.4         none         none
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       0 at 1/s    mean of 3    0.60 ± 0.65     10.3 ± 7.6     3.1  0.93 ± 0.29  3.75 ± 2.07  45.7 ± 42.6
                     overloaded  predicted           0.52           10.4     4.3         0.94         3.83         43.4
                                 difference        +0.073          -0.03    -1.2       -0.009       -0.080        +2.27
                                 z                   +0.5            0.0                 -0.1         -0.2         +0.2
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       1 at 3/s    mean of 3    0.00 ± 0.02      0.0 ± 0.0     0.0  0.34 ± 0.28  5.90 ± 0.45    2.7 ± 7.6
                     stable      predicted           0.00            0.1     0.3         0.37         5.88          2.5
                                 difference        +0.001          -0.06    -0.3       -0.035       +0.025        +0.17
                                 z                   +0.4           none                 -0.5         +0.2         +0.1
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       2 at 6/s    mean of 3    0.00 ± 0.00      0.0 ± 0.0     0.0  0.06 ± 0.02  6.02 ± 0.07    0.3 ± 1.4
                     stable      predicted           0.00            0.0     0.0         0.06         6.00          0.0
                                 difference         0.000           0.00     0.0       -0.006       +0.017        +0.33
                                 z                   none           none                 -1.2         +1.0         +1.0

    Measured: mean over the repetitions ± half the width of its 95 % interval (Student's t), and the standard deviation (sd)
    of the final backlog. Predicted: what a fluid model of the queues, with chance as a diffusion, expects of the
    configuration; it knows no measurement. Difference: measured - predicted. z: the difference in standard errors of the
    mean.
    With ten repetitions or more a z between -2 and 2 is what chance brings. A great z with a small difference only says
    that there are enough repetitions to see that the theory is an approximation; how good it is, the difference tells.
    Every run: phase spread, stamp after, delay 0 s, duration 20 s, engine virtual, time scale 1.
    - stable, overloaded: the machine has more ticks, or fewer, than messages arrive. critical: too near to tell; the queue
      drifts by less than one standard deviation over T.
    - growth: least-squares slope of the queue length after ticks on their time, in messages/s.
    - final backlog: queue length after the last tick, in messages.
    - receive share: receives / ticks.
    - logical rate: final clock / T, in 1/s.
    - final lag: lag at the end; the lag is the run's greatest clock - the machine's own, at an instant.
    ");
}

#[test]
fn crude_predictions_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let crude = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3, 3]]\nphase = \"aligned\"");
    fixture::simulated(folder.path(), &crude);
    let text = table_of(folder.path(), 120);
    assert!(text.contains("crude: a, c "), "{text}");
    for line in [
        "- crude: a: three or more",
        "- crude: c: phases are aligned",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{text}");
    }
    assert!(!text.contains("- crude: b"), "{text}");
}

#[test]
fn it_fits_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let crude = fixture::SMALL.replace("[[1, 3, 6]]", "[[5, 1, 5], [2, 3, 4], [6, 6, 6]]");
    let long = crude.replace("duration_s = 20", "duration_s = 600");
    fixture::simulated(folder.path(), &long);
    let text = table_of(folder.path(), 120);
    assert!(
        text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
}

#[test]
fn records_have_all_in_full_precision() {
    let folder = small();
    let (code, json, err) = analyze(&["theory", "small", "--format", "json"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    let records: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(records.len(), 6);
    let slowest = &records[0];
    assert_eq!(
        (&slowest["regime"], &slowest["crude"], &slowest["n"]),
        (&"overloaded".into(), &"".into(), &3.into())
    );
    let number = |name: &str| slowest[name].as_f64().unwrap();
    for measure in [
        "backlog_growth",
        "backlog_final",
        "receive_share",
        "logical_rate",
        "lag_slope",
        "lag_final",
        "jump_mean",
    ] {
        let of = |what: &str| number(&format!("{measure}_{what}"));
        assert!(of("low") <= of("mean") && of("mean") <= of("high"));
        close(
            measure,
            of("difference"),
            of("mean") - of("predicted"),
            1e-12,
        );
        if of("sd") > 0.0 {
            close(
                measure,
                of("z"),
                of("difference") / (of("sd") / 3f64.sqrt()),
                1e-9,
            );
        }
    }
    assert!(number("backlog_final_sd_predicted") > 0.0);
    assert!(number("arrival_rate_predicted") > 1.0 && number("idle_rate_predicted") < 1.0);
}

/// A cell of several lines stays one cell of one row.
#[test]
fn markdown_has_a_row_a_machine() {
    let folder = small();
    let (_, out, _) = analyze(&["theory", "small", "--format", "markdown"], folder.path());
    let rows: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("| 1,3,6"))
        .collect();
    assert_eq!(rows.len(), 6, "{out}");
    let columns = |line: &str| line.matches(" | ").count();
    assert!(
        rows.iter().all(|row| columns(row) == columns(rows[0])),
        "{out}"
    );
    let slowest = "| 0 at 1/s<br>overloaded | mean of 3<br>predicted<br>difference<br>z |";
    assert_eq!(
        rows.iter()
            .filter(|row| row.replace('\u{a0}', " ").contains(slowest))
            .count(),
        2
    );
}

#[test]
fn one_repetition_has_no_z() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let groups = repetitions::groups(&[Dataset::open(folder.path()).unwrap()]).unwrap();
    for machine in theory::beside(&groups) {
        for compared in machine.compared() {
            assert!(compared.difference().is_some() && compared.z().is_none());
        }
    }
}
