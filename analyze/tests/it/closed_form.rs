//! Tests all measures of a run of 4 s with two machines and 12 events. This run is so small that the measures were calculated by hand.
//!
//! `data/README.md` has the definition of each measure. Percentiles are interpolated between neighbouring values. A measure
//! `..._growth` or `..._slope` is the slope of a least-squares line. The line is fitted to the queue lengths or lags after the machine's
//! ticks.

use std::f64::consts::FRAC_1_SQRT_2;

use polars::prelude::*;
use sim::engine::virtual_time;
use sim::machine::EventKind;

use crate::fixture;

/// The name of each measure, its value for machine 0, and its value for machine 1. The table at [`fixture::by_hand`] has the events
/// and the messages A to D.
const WORKED_OUT: [(&str, f64, f64); 37] = [
    ("ticks", 4.0, 8.0),
    ("internal_events", 0.0, 4.0),
    ("send_events", 1.0, 3.0),
    ("receive_events", 3.0, 1.0),
    ("internal_share", 0.0, 4.0 / 7.0),
    ("broadcast_share", 0.0, 1.0 / 3.0),
    ("tick_rate", 1.0, 2.0),
    ("clock_final", 6.0, 9.0),
    // The jumps of machine 0 are 1, 3, 1, 1. Those of machine 1 are 2, 1, 1, 1, 1, 1, 1, 1.
    ("jump_mean", 1.5, 1.125),
    // For machine 1: the squared deviations from 1.125 add up to 7/8. Divided by 8 - 1 this is 1/8, and its root is 1 / (2 * sqrt(2)).
    ("jump_sd", 1.0, FRAC_1_SQRT_2 / 2.0),
    ("jump_p50", 1.0, 1.0),
    // The sorted jumps of machine 0 are 1, 1, 1, 3, at the positions 0 to 3. The 95th percentile is at position 0.95 x 3 = 2.85, so it is
    // 1 + 0.85 x (3 - 1). For machine 1 the position is 0.95 x 7 = 6.65, so the percentile is 1 + 0.65 x (2 - 1).
    ("jump_p95", 2.7, 1.65),
    ("jump_max", 3.0, 2.0),
    ("jump_share_above_1", 0.25, 0.125),
    ("logical_rate", 1.5, 2.25),
    ("own_drift", 2.0, 1.0),
    ("lag_final", 3.0, 0.0),
    // The clock of machine 0 is 1, 4, 5 and 6, for 1 s each. Its integral over the 4 s is 16.
    // The clock of machine 1 is 0 for 0.25 s, then 2, 3, 4, 5, 6, 7 and 8 for 0.5 s each, then 9 for 0.25 s. Its integral is 19.75.
    // The larger of the two clocks is 1 for 0.25 s, 2 for 0.5 s, 3 for 0.25 s, 4 for 0.75 s, then 5, 6, 7 and 8 for 0.5 s each, then 9 for
    // 0.25 s. Its integral is 20.25. The mean lags are (20.25 - 16) / 4 and (20.25 - 19.75) / 4.
    ("lag_mean", 4.25 / 4.0, 0.5 / 4.0),
    // After its ticks at 0, 1, 2 and 3 s, machine 0 has the lags 0, 0, 0 and 1. The mean of these times is 1.5 s, so the
    // distances from the mean are -1.5, -0.5, 0.5 and 1.5 s. The slope is the sum of distance x lag, divided by the sum of the squared
    // distances: (1.5 x 1) / 5. Machine 1 always has the lag 0.
    ("lag_slope", 0.3, 0.0),
    // The spread is the larger clock minus the smaller one. After each event: 1, 1, 2, 1, 0, 1, 0, 1, 2, 1, 2, 3.
    // The integrals of the two clocks are 16 and 19.75 (see `lag_mean`), together 35.75. The integral of the larger clock is 20.25. So the
    // integral of the smaller clock is 35.75 - 20.25 = 15.5, and the integral of the spread is 20.25 - 15.5 = 4.75.
    ("spread_mean", 4.75 / 4.0, 4.75 / 4.0),
    ("spread_max", 3.0, 3.0),
    ("spread_final", 3.0, 3.0),
    // The messages to machine 0 wait 0.25 s, 0.75 s and 1.25 s, together 2.25 s. This sum is the integral of the queue length of machine 0,
    // so the mean backlog of machine 0 in 4 s is 2.25 / 4.
    ("backlog_mean", 2.25 / 4.0, 0.25 / 4.0),
    // After its four ticks, machine 0 has the queue lengths 0, 0, 1 and 0. Machine 1 always has 0. The next six measures use only
    // these lengths.
    ("backlog_tick_mean", 0.25, 0.0),
    // The sorted lengths are 0, 0, 0, 1, and the position is 2.85 as for `jump_p95`.
    ("backlog_p95", 0.85, 0.0),
    ("backlog_max", 1.0, 0.0),
    ("backlog_share_above_1", 0.0, 0.0),
    ("backlog_final", 0.0, 0.0),
    // Calculated like `lag_slope`. The length 1 is at the distance 0.5 s: (0.5 x 1) / 5.
    ("backlog_growth", 0.1, 0.0),
    ("arrivals", 3.0, 1.0),
    ("receive_share", 0.75, 0.125),
    ("offered_load", 0.75, 0.125),
    // Machine 0: the sum 2.25 s from above, divided by 3 messages.
    ("message_age_mean_s", 0.75, 0.25),
    ("message_age_mean_ticks", 0.75, 0.5),
    // At the receipt of each message, the clock becomes the message's timestamp plus 1. So each logical age is 1.
    ("logical_age_mean", 1.0, 1.0),
    // There are 4 x 8 = 32 pairs of events of different machines. Message A orders 8 pairs: the first event of machine 0 happened before all
    // events of machine 1. Message B orders 2 pairs: the first 2 events of machine 1 happened before the second event of machine 0. In the
    // same way, C orders 3 pairs (with the third event of machine 0), and D orders 4 (with the last event of machine 0). The other
    // 32 - 8 - 2 - 3 - 4 = 15 pairs are concurrent. In 3 of the 15 pairs both clocks are equal: both are 4, both are 5, or both are 6. In
    // all other pairs (32 - 3 = 29) the clocks differ, and 15 - 3 = 12 of these 29 pairs are concurrent.
    ("concurrency", 15.0 / 32.0, 15.0 / 32.0),
    ("false_order", 12.0 / 29.0, 12.0 / 29.0),
];

#[test]
fn every_measure_agrees_with_a_calculation_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let machines = analyze::Dataset::open(folder.path())
        .unwrap()
        .machines()
        .unwrap();
    assert_eq!(
        analyze::measures::all().count(),
        WORKED_OUT.len(),
        "a measure is not worked out here"
    );
    for (name, first, second) in WORKED_OUT {
        let column = machines
            .column(name)
            .unwrap()
            .cast(&DataType::Float64)
            .unwrap();
        let values: Vec<f64> = column.f64().unwrap().into_no_null_iter().collect();
        assert!(
            (values[0] - first).abs() < 1e-12 && (values[1] - second).abs() < 1e-12,
            "{name}: {values:?}"
        );
    }
}

/// The expected measures of the same run without its first second. The receive of machine 0 at exactly 1 s counts. The events of machine 1
/// before 1 s do not count.
const FROM_SECOND_1: [(&str, f64, f64); 16] = [
    ("observed_s", 3.0, 3.0),
    ("ticks", 3.0, 6.0),
    ("receive_events", 3.0, 0.0),
    ("jump_mean", 5.0 / 3.0, 1.0),
    ("jump_max", 3.0, 1.0),
    // In 3 s, the clocks rise from 1 to 6 and from 3 to 9.
    ("logical_rate", 5.0 / 3.0, 2.0),
    ("own_drift", 2.0, 0.0),
    // At 1, 2 and 3 s, machine 0 has the lags 0, 0 and 1. The distances from the mean time are -1, 0 and 1 s: (1 x 1) / 2.
    ("lag_slope", 0.5, 0.0),
    // The integral of the spread is 4.75 over the 4 s, and 1.25 over the first second.
    ("spread_mean", 3.5 / 3.0, 3.5 / 3.0),
    // The queue lengths of machine 0 are 0, 1 and 0.
    ("backlog_tick_mean", 1.0 / 3.0, 0.0),
    ("backlog_growth", 0.0, 0.0),
    // Messages C and D count as arrivals. Message B does not, because it was sent before 1 s. But its receive is one of the
    // `receive_events`.
    ("arrivals", 2.0, 0.0),
    ("receive_share", 1.0, 0.0),
    // `NAN`: machine 1 received no message, so there is no mean age.
    ("message_age_mean_s", 0.75, f64::NAN),
    // There are 3 x 6 pairs. 1 pair is ordered by message C, and 2 pairs are ordered by message D. The other 15 are concurrent.
    ("concurrency", 15.0 / 18.0, 15.0 / 18.0),
    ("tick_rate", 1.0, 2.0),
];

/// The expected measures of the same run without its first 0.75 s. A send of machine 1 is exactly at 0.75 s, and counts.
const FROM_THREE_QUARTERS: [(&str, f64, f64); 3] = [
    ("arrivals", 3.0, 0.0),
    ("send_events", 0.0, 3.0),
    ("ticks", 3.0, 7.0),
];

#[test]
fn an_event_exactly_at_the_end_of_a_warm_up_counts_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    for (warm_up_s, worked_out) in [(1.0, &FROM_SECOND_1[..]), (0.75, &FROM_THREE_QUARTERS)] {
        let mut dataset = analyze::Dataset::open(folder.path()).unwrap();
        dataset.cut_warm_up(warm_up_s).unwrap();
        let machines = dataset.machines().unwrap();
        for &(name, first, second) in worked_out {
            let column = machines.column(name).unwrap();
            let column = column.cast(&DataType::Float64).unwrap();
            let values = column.f64().unwrap();
            for (machine, expected) in [first, second].into_iter().enumerate() {
                // A measure without a value is written as `NAN` above.
                let is_right = match values.get(machine) {
                    Some(value) => (value - expected).abs() < 1e-12,
                    None => expected.is_nan(),
                };
                assert!(
                    is_right,
                    "from {warm_up_s} s, {name} of {machine}: {:?}",
                    values.get(machine)
                );
            }
        }
    }
}

/// `internal_share` is the share of internal events among a machine's idle ticks (ticks without a message to receive) in a run. The
/// measure's description warns that the mean of the runs' shares can be too high: for `internal = 0.4` and about 8 idle ticks in each run
/// this mean is 0.415 instead of 0.4. The reason: if a machine has more internal events than usual, it sends less. Then the other machines
/// receive less and send more, so the machine has fewer idle ticks. In this way, runs with high shares tend to have few idle ticks, but
/// they count as much in the mean as the other runs. The pooled share (the internal events of all runs, divided by the idle ticks of all
/// runs) does not have this error. The test looks at machine 0 of 6000 runs.
#[test]
fn the_mean_of_internal_shares_is_too_high_and_the_pooled_share_is_not() {
    let experiment = fixture::experiment(
        "seed = 1\nrepetitions = 6000\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nrates = [[2, 3, 4]]\ninternal = 0.4\nphase = \"uniform\"",
    );
    let (mut shares, mut internal, mut idle) = (vec![], 0, 0);
    for run in experiment.runs() {
        let (mut internal_of_run, mut idle_of_run) = (0, 0);
        virtual_time::observe(&run, experiment.seed, |machine, logged| {
            let is_idle = !matches!(logged.event.kind, EventKind::Receive(_));
            idle_of_run += u32::from(machine == 0 && is_idle);
            let is_internal = logged.event.kind == EventKind::Internal;
            internal_of_run += u32::from(machine == 0 && is_internal);
        });
        if idle_of_run > 0 {
            shares.push(f64::from(internal_of_run) / f64::from(idle_of_run));
        }
        (internal, idle) = (internal + internal_of_run, idle + idle_of_run);
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let pooled = f64::from(internal) / f64::from(idle);
    // The tolerance 0.006 is small enough to tell 0.415 from 0.4.
    assert!((mean - 0.415).abs() < 0.006, "{mean}");
    assert!((pooled - 0.4).abs() < 0.006, "{pooled}");
    // The mean number of idle ticks of machine 0 in a run, rounded down.
    assert_eq!(idle / 6000, 8);
}
