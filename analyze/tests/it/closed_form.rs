//! Tests the measures of a run that is small enough to calculate them by hand.

use std::f64::consts::FRAC_1_SQRT_2;

use polars::prelude::*;

use crate::fixture;

/// The name of each measure, its value for machine 0 and its value for machine 1. The events are in the table at
/// [`fixture::by_hand`].
const WORKED_OUT: [(&str, f64, f64); 37] = [
    ("ticks", 4.0, 8.0),
    ("internal_events", 0.0, 4.0),
    ("send_events", 1.0, 3.0),
    ("receive_events", 3.0, 1.0),
    ("internal_share", 0.0, 4.0 / 7.0),
    ("broadcast_share", 0.0, 1.0 / 3.0),
    ("tick_rate", 1.0, 2.0),
    ("clock_final", 6.0, 9.0),
    // The jumps are 1, 3, 1, 1 and 2, 1, 1, 1, 1, 1, 1, 1.
    ("jump_mean", 1.5, 1.125),
    ("jump_sd", 1.0, FRAC_1_SQRT_2 / 2.0),
    ("jump_p50", 1.0, 1.0),
    ("jump_p95", 2.7, 1.65),
    ("jump_max", 3.0, 2.0),
    ("jump_share_above_1", 0.25, 0.125),
    ("logical_rate", 1.5, 2.25),
    ("own_drift", 2.0, 1.0),
    ("lag_final", 3.0, 0.0),
    // The integral of the largest clock is 20.25. The integrals of the two clocks are 16 and 19.75.
    ("lag_mean", 4.25 / 4.0, 0.5 / 4.0),
    ("lag_slope", 0.3, 0.0),
    // The spread after each event: 1, 1, 2, 1, 0, 1, 0, 1, 2, 1, 2, 3.
    ("spread_mean", 4.75 / 4.0, 4.75 / 4.0),
    ("spread_max", 3.0, 3.0),
    ("spread_final", 3.0, 3.0),
    // The messages to machine 0 wait 0.25 s, 0.75 s and 1.25 s.
    ("backlog_mean", 2.25 / 4.0, 0.25 / 4.0),
    ("backlog_tick_mean", 0.25, 0.0),
    ("backlog_p95", 0.85, 0.0),
    ("backlog_max", 1.0, 0.0),
    ("backlog_share_above_1", 0.0, 0.0),
    ("backlog_final", 0.0, 0.0),
    ("backlog_growth", 0.1, 0.0),
    ("arrivals", 3.0, 1.0),
    ("receive_share", 0.75, 0.125),
    ("offered_load", 0.75, 0.125),
    ("message_age_mean_s", 0.75, 0.25),
    ("message_age_mean_ticks", 0.75, 0.5),
    ("logical_age_mean", 1.0, 1.0),
    // Of 4 x 8 pairs, 8 are ordered through the message to machine 1 and 2 + 3 + 4 through the messages to machine 0. 3 pairs have
    // equal clocks.
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
