//! Tests of the tables of `analyze drift`, `jumps` and `backlog`: on narrow and wide terminals, and as Markdown.

use analyze::output::table::Table;
use analyze::stats::repetitions;
use analyze::stats::tables::{self, TableSpec};
use analyze::{Dataset, output};

use crate::fixture;

/// The table with the measures of `spec`, for the dataset that `write` writes into a folder.
fn table_of(spec: &TableSpec, write: impl Fn(&std::path::Path)) -> Table {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let groups = repetitions::groups(&[Dataset::open(folder.path()).unwrap()]).unwrap();
    tables::table(
        spec.title,
        &spec.measures(),
        &groups,
        // No columns with standard deviations.
        tables::Deviations::Hidden,
    )
}

/// The table with the measures of `spec`, for the runs of the experiment [`fixture::SMALL`].
fn table_of_small(spec: &TableSpec) -> Table {
    table_of(spec, |root| fixture::simulated(root, fixture::SMALL))
}

#[test]
fn drift_on_a_wide_terminal() {
    insta::assert_snapshot!(output::terminal(&table_of_small(&tables::DRIFT), 200), @"
    Drift

    rates  internal  machine    logical rate (1/s)  clock - own ticks     final lag         mean lag  lag slope (1/s)  n
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    1,3,6  0.4       0 at 1/s          2.25 ±~0.22         25.0 ±~4.4    75.0 ±~4.4       36.8 ± 4.1    3.645 ± 0.379  3
    1,3,6  0.4       1 at 3/s          5.88 ± 0.20         57.7 ± 3.9     2.3 ± 3.9        2.2 ± 1.8    0.017 ± 0.172  3
    1,3,6  0.4       2 at 6/s         6, all equal       0, all equal  0, all equal  0.0463 ±~0.0080     0, all equal  3
    1,3,6  0.7       0 at 1/s          3.75 ± 2.08        55.0 ± 41.5   45.7 ± 42.7      21.4 ± 17.4    2.116 ± 2.699  3
    1,3,6  0.7       1 at 3/s          5.90 ± 0.45         58.0 ± 9.0     2.7 ± 7.7        3.0 ± 2.5   -0.048 ± 0.433  3
    1,3,6  0.7       2 at 6/s        6.017 ±~0.073          0.3 ±~1.5     0.3 ±~1.5    0.039 ± 0.037     0, all equal  3

    Mean over n repetitions ± half the width of its 95 % interval (Student's t).
    ±~: a rough interval, because many runs have the same value, or there are few different values. Of 100 such intervals, more than 5 may miss the true mean.
    all equal: every repetition has this value, so there is no interval. More repetitions may have other values.
    With fewer than 5 repetitions the intervals are unreliable: they assume a normal distribution, and rare values can be missing in so few runs. With 5 instead of 3 repetitions the intervals would be
    about half as wide.
    Every run: phase spread, stamp after, duration 20 s, engine virtual, time scale 1.
    - logical rate: (final clock - clock at the start) / observed time, in 1/s.
    - clock - own ticks: final clock - clock at the start - ticks: how far the clock ran ahead of the number of the machine's own ticks.
    - final lag: lag at the end; the lag at a time is the run's largest clock minus the machine's own clock.
    - mean lag: time-weighted mean of the lag.
    - lag slope: slope of the least-squares line through these points: the time of each tick of the machine, and the lag directly after it, in 1/s.
    ");
}

#[test]
fn drift_on_a_narrow_terminal() {
    insta::assert_snapshot!(output::terminal(&table_of_small(&tables::DRIFT), 80), @"
    Drift

    rates  internal  machine     logical rate  clock - own ticks     final lag  n
                                        (1/s)
    ─────────────────────────────────────────────────────────────────────────────
    1,3,6  0.4       0 at 1/s     2.25 ±~0.22         25.0 ±~4.4    75.0 ±~4.4  3
    1,3,6  0.4       1 at 3/s     5.88 ± 0.20         57.7 ± 3.9     2.3 ± 3.9  3
    1,3,6  0.4       2 at 6/s    6, all equal       0, all equal  0, all equal  3
    1,3,6  0.7       0 at 1/s     3.75 ± 2.08        55.0 ± 41.5   45.7 ± 42.7  3
    1,3,6  0.7       1 at 3/s     5.90 ± 0.45         58.0 ± 9.0     2.7 ± 7.7  3
    1,3,6  0.7       2 at 6/s   6.017 ±~0.073          0.3 ±~1.5     0.3 ±~1.5  3

    Not shown in 80 columns: mean lag, lag slope (1/s) (--format csv has all).
    Mean over n repetitions ± half the width of its 95 % interval (Student's t).
    ±~: a rough interval, because many runs have the same value, or there are few
    different values. Of 100 such intervals, more than 5 may miss the true mean.
    all equal: every repetition has this value, so there is no interval. More
    repetitions may have other values.
    With fewer than 5 repetitions the intervals are unreliable: they assume a normal
    distribution, and rare values can be missing in so few runs. With 5 instead of 3
    repetitions the intervals would be about half as wide.
    Every run: phase spread, stamp after, duration 20 s, engine virtual,
    time scale 1.
    - logical rate: (final clock - clock at the start) / observed time, in 1/s.
    - clock - own ticks: final clock - clock at the start - ticks: how far the clock
      ran ahead of the number of the machine's own ticks.
    - final lag: lag at the end; the lag at a time is the run's largest clock minus
      the machine's own clock.
    - mean lag: time-weighted mean of the lag.
    - lag slope: slope of the least-squares line through these points: the time of
      each tick of the machine, and the lag directly after it, in 1/s.
    ");
}

#[test]
fn jumps_as_markdown() {
    insta::assert_snapshot!(output::markdown(&table_of_small(&tables::JUMPS)), @"
    ## Jumps

    | rates | internal | machine | mean jump | p50 | p95 | max | share > 1 | n |
    | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | 1,3,6 | 0.4 | 0 at 1/s | 2.25 ±~0.22 | 1.5 ± 1.3 | 6.0 ± 2.5 | 6.7 ±~1.5 | 0.50 ± 0.25 | 3 |
    | 1,3,6 | 0.4 | 1 at 3/s | 1.961 ± 0.064 | 1, all equal | 4.7 ± 1.3 | 8.3 ±~5.8 | 0.394 ± 0.087 | 3 |
    | 1,3,6 | 0.4 | 2 at 6/s | 1, all equal | 1, all equal | 1, all equal | 1, all equal | 0, all equal | 3 |
    | 1,3,6 | 0.7 | 0 at 1/s | 3.75 ± 2.08 | 2.8 ± 3.2 | 9.0 ± 1.2 | 15.3 ± 9.5 | 0.68 ± 0.44 | 3 |
    | 1,3,6 | 0.7 | 1 at 3/s | 1.97 ± 0.16 | 1, all equal | 5.4 ± 1.4 | 12.7 ± 16.6 | 0.28 ± 0.20 | 3 |
    | 1,3,6 | 0.7 | 2 at 6/s | 1.003 ±~0.013 | 1, all equal | 1, all equal | 1.3 ±~1.5 | 0.003 ±~0.013 | 3 |

    Mean over n repetitions ± half the width of its 95 % interval (Student's t).
    ±~: a rough interval, because many runs have the same value, or there are few different values. Of 100 such intervals, more than 5 may miss the true mean.
    all equal: every repetition has this value, so there is no interval. More repetitions may have other values.
    With fewer than 5 repetitions the intervals are unreliable: they assume a normal distribution, and rare values can be missing in so few runs. With 5 instead of 3 repetitions the intervals would be about half as wide.
    Every run: phase spread, stamp after, duration 20 s, engine virtual, time scale 1.

    - mean jump: mean jump over the machine's events; a jump is the clock after an event minus the clock after the event before it.
    - p50: median jump.
    - p95: 95th percentile of the jumps.
    - max: largest jump.
    - share > 1: share of the jumps that are greater than 1.
    ");
}

/// Machine 0 has four ticks. The queue lengths after them are 0, 0, 1 and 0. Sorted, they are 0, 0, 0 and 1, at the positions 0 to 3. The
/// 95th percentile is at position 0.95 · 3 = 2.85, between the last 0 and the 1, so it is 0.85. It is shown as 0.8 and not as 0.9, because
/// the computed floating-point number is slightly smaller than 0.85.
#[test]
fn backlog_of_a_single_repetition_has_no_intervals() {
    insta::assert_snapshot!(output::terminal(&table_of(&tables::BACKLOG, fixture::write_by_hand), 120), @"
    Backlog

    rates  internal  machine    mean backlog  p95  max  final  growth (1/s)  receive share  n
    ─────────────────────────────────────────────────────────────────────────────────────────
    1,2    0.5       0 at 1/s            0.6  0.8    1      0          0.10           0.75  1
    1,2    0.5       1 at 2/s            0.1    0    0      0             0           0.12  1

    Mean over n repetitions ± half the width of its 95 % interval (Student's t).
    If n is 1, there is no interval.
    Every run: phase spread, stamp after, duration 4 s, engine virtual, time scale 1.
    - mean backlog: time-weighted mean queue length, in messages.
    - p95: 95th percentile of the queue length after ticks, in messages.
    - max: largest queue length after a tick, in messages.
    - final: queue length after the last tick, in messages.
    - growth: slope of the least-squares line through these points: the time of each tick, and the queue length directly
      after it, in messages/s.
    - receive share: ticks with a receive / ticks.
    ");
}

#[test]
fn every_table_fits_eighty_columns() {
    for spec in tables::SUMMARY {
        let text = output::terminal(&table_of_small(&spec), 80);
        // The table has rows: each begins with the rates.
        assert!(text.contains("1,3,6"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

/// In some runs each machine has its own probability of internal events. Tables show these probabilities in the column `internal`. So the
/// sentence `Every run: ...` must not list them: they are the probabilities of some runs only.
#[test]
fn the_sentence_about_every_run_has_no_probabilities_of_single_machines() {
    let experiment = "
        seed = 3
        repetitions = 2
        duration_s = 4
        engine = \"virtual\"
        [parameters]
        rates = [[1, 2, 3]]
        internal = [[0.9, 0.5, 0.2], 0.7]
    ";
    let table = table_of(&tables::DRIFT, |root| {
        fixture::simulated(root, experiment);
    });
    let caption = table.caption.join("\n").replace('\u{a0}', " ");
    assert!(caption.contains("Every run: phase spread"), "{caption}");
}
