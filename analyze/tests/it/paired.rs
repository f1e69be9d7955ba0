//! Tests of `analyze compare`: the differences between the measures of matched runs. A run of dataset A and a run of dataset B
//! are matched if they have the same configuration and repetition.

use analyze::compare::{self, Paired};
use analyze::output;
use sim::log::EndedRun;

use crate::command_line::analyze;
use crate::compare::{open, twins};
use crate::fixture;

/// A folder with the datasets `a` and `b`. Each has three runs. All runs have the same events, except for the last clock of machine 1: it
/// is 9 in A, and 10, 11 and 15 in B.
fn with_larger_clocks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiment =
        fixture::experiment(&fixture::BY_HAND.replace("seed = 1", "seed = 1\nrepetitions = 3"));
    let runs = || -> Vec<EndedRun> {
        let finished = |run| fixture::finished(&experiment, &run, &fixture::by_hand());
        experiment.runs().map(finished).collect()
    };
    fixture::write(&folder.path().join("a"), &experiment, runs());
    let mut changed = runs();
    for (run, clock) in changed.iter_mut().zip(["10", "11", "15"]) {
        let (machine, last_tick) = (1, 7);
        fixture::set(run, machine, last_tick, "logical_clock", clock);
    }
    fixture::write(&folder.path().join("b"), &experiment, changed);
    folder
}

/// The comparison of the measure `name`.
fn named<'a>(measures: &'a [Paired], name: &str) -> &'a Paired {
    let mut measures = measures.iter();
    measures.find(|paired| paired.measure.name == name).unwrap()
}

/// For machine 1 the differences B - A of the final clock are 1, 2 and 6. Their mean is 3, and their variance is (4 + 1 + 9) / 2 = 7. Half
/// the width of the interval is t * sqrt(7) / sqrt(3). Here t = 4.3027 is the 0.975 quantile of Student's t with two degrees of freedom.
/// For machine 0 the differences are 0. The pooled value of a run is the mean over both machines, so the pooled differences are half of
/// those of machine 1: 0.5, 1 and 3.
#[test]
fn the_paired_interval_agrees_with_a_calculation_by_hand() {
    let comparison = open(with_larger_clocks().path());
    let half_width = 4.3027 * 7f64.sqrt() / 3f64.sqrt();
    // `means` are those of A and B. `equal` is the share of values that are the same in A and B.
    let expect = |paired: &Paired, means: (f64, f64), half_width: Option<f64>, equal: f64| {
        let difference = paired.difference.unwrap();
        assert_eq!((paired.mean_a.unwrap(), paired.mean_b.unwrap()), means);
        assert_eq!((difference.n, difference.mean), (3, means.1 - means.0));
        match (difference.half_width, half_width) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-3),
            (found, expected) => assert_eq!(found, expected),
        }
        assert_eq!(paired.equal, Some(equal));
    };
    let of_machine = |machine: usize| named(&comparison.groups[machine].measures, "clock_final");
    // Differences that are all equal have no interval.
    expect(of_machine(0), (6.0, 6.0), None, 1.0);
    expect(of_machine(1), (9.0, 12.0), Some(half_width), 0.0);
    // `equal` is 0.5 because the values of machine 0 are equal and those of machine 1 are not.
    let pooled = named(&comparison.pooled, "clock_final");
    expect(pooled, (7.5, 9.0), Some(half_width / 2.0), 0.5);
}

#[test]
fn the_table_has_the_means_and_the_difference_of_each_measure() {
    let folder = with_larger_clocks();
    let (code, out, _) = analyze(&["compare", "a", "b"], folder.path());
    // 4: a check failed, because runs that should be identical differ.
    assert_eq!(code, 4);
    insta::assert_snapshot!(out, @"
    A is a: virtual, seed 1; 3 runs.
    B is b: virtual, seed 1; 3 runs.

    3 runs in both, 0 only in A, 0 only in B.
    Events: 0 of 3 runs identical, 3 different.
    CHECK FAILED: of 3 runs that were as scheduled in both, 3 differ. In runs that are as scheduled, the seed determines
    every event, so these runs should be identical. Either a log was changed, or the two datasets come from different
    simulators, or the simulator is wrong.

    The 3 runs that differ, each with its first difference (by the model time of A):
    - rates=1,2 internal=0.5 phase=spread stamp=after duration_s=4 repetition=0, as scheduled in both: at 3.750 s,
      machine 1, tick 7, logical_clock is 9 in A and 10 in B.
    - rates=1,2 internal=0.5 phase=spread stamp=after duration_s=4 repetition=1, as scheduled in both: at 3.750 s,
      machine 1, tick 7, logical_clock is 9 in A and 11 in B.
    - rates=1,2 internal=0.5 phase=spread stamp=after duration_s=4 repetition=2, as scheduled in both: at 3.750 s,
      machine 1, tick 7, logical_clock is 9 in A and 15 in B.

    Measures

    measure                  mean A  mean B            B - A  equal  n
    ──────────────────────────────────────────────────────────────────
    ticks                       6.0     6.0                0  100 %  3
    internal_events             2.0     2.0                0  100 %  3
    send_events                 2.0     2.0                0  100 %  3
    receive_events              2.0     2.0                0  100 %  3
    internal_share            0.286   0.286                0  100 %  3
    broadcast_share           0.167   0.167                0  100 %  3
    tick_rate                  1.50    1.50                0  100 %  3
    clock_final                 7.5     9.0        1.5 ± 3.3   50 %  3
    jump_mean                  1.31    1.50      0.19 ± 0.42   50 %  3
    jump_sd                    0.68    1.05      0.37 ± 1.10   50 %  3
    jump_p50                    1.0     1.0                0  100 %  3
    jump_p95                    2.2     3.0        0.8 ± 2.2   50 %  3
    jump_max                    2.5     3.5        1.0 ± 3.3   67 %  3
    jump_share_above_1         0.19    0.25  0.06, all equal   50 %  3
    logical_rate               1.88    2.25      0.38 ± 0.83   50 %  3
    own_drift                   1.5     3.0        1.5 ± 3.3   50 %  3
    lag_final                   1.5     3.0        1.5 ± 3.3   50 %  3
    lag_mean                    0.6     0.7      0.09 ± 0.21   50 %  3
    lag_slope                 0.150   0.150                0  100 %  3
    spread_mean                 1.2     1.4      0.19 ± 0.42    0 %  3
    spread_max                  3.0     6.0        3.0 ± 6.6    0 %  3
    spread_final                3.0     6.0        3.0 ± 6.6    0 %  3
    backlog_mean                0.3     0.3                0  100 %  3
    backlog_tick_mean          0.12    0.12                0  100 %  3
    backlog_p95                 0.4     0.4                0  100 %  3
    backlog_max                 0.5     0.5                0  100 %  3
    backlog_share_above_1         0       0                0  100 %  3
    backlog_final                 0       0                0  100 %  3
    backlog_growth             0.05    0.05                0  100 %  3
    arrivals                    2.0     2.0                0  100 %  3
    receive_share              0.44    0.44                0  100 %  3
    offered_load               0.44    0.44                0  100 %  3
    message_age_mean_s         0.50    0.50                0  100 %  3
    message_age_mean_ticks      0.6     0.6                0  100 %  3
    logical_age_mean           1.00    1.00                0  100 %  3
    concurrency                0.47    0.47                0  100 %  3
    false_order                0.41    0.41                0  100 %  3

    Means over n matched runs; the value of a run is the mean over its machines. B - A: the mean difference of matched runs
    ± half the width of its 95 % interval (Student's t).
    equal: for each run, the share of its machines with exactly the same value in A and B; the table has the mean over the
    runs.
    all equal: every repetition has this value, so there is no interval. More repetitions may have other values.
    `analyze dictionary` explains each measure. `--format csv` has every configuration and machine.
    ");
}

/// The logical age of a received message is the clock after the receive minus the message's timestamp. Machine 1 receives a message in A,
/// but not in B. So the mean logical age of its messages is defined in A only. The means in a comparison (`mean_a` and `mean_b`) are over
/// the matched runs in which the measure is defined in both datasets. Machine 1 has no such run, so it has no means and no difference.
#[test]
fn a_measure_undefined_in_one_dataset_is_unequal_and_has_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let mut finished = fixture::finished(&experiment, &run, &fixture::by_hand());
    fixture::write(
        &folder.path().join("a"),
        &experiment,
        vec![finished.clone()],
    );
    // The only receive of machine 1, at tick 0, becomes an internal event.
    for (column, value) in [
        ("event", "internal"),
        ("peers", ""),
        ("message_stamp", ""),
        ("sent_tick", ""),
    ] {
        fixture::set(&mut finished, 1, 0, column, value);
    }
    fixture::write(&folder.path().join("b"), &experiment, vec![finished]);
    let comparison = open(folder.path());
    let of_machine =
        |machine: usize| named(&comparison.groups[machine].measures, "logical_age_mean");
    assert_eq!(
        (
            of_machine(1).mean_a,
            of_machine(1).difference,
            of_machine(1).equal
        ),
        (None, None, Some(0.0))
    );
    assert_eq!(of_machine(0).equal, Some(1.0));
    // Only machine 0 has a value in both datasets, so the pooled means are the means of machine 0. They are 1.0, because each receive of
    // machine 0 sets its clock to the message's timestamp plus 1. The pooled share `equal` counts both machines: 1.0 for machine 0 and
    // 0.0 for machine 1.
    let pooled = named(&comparison.pooled, "logical_age_mean");
    assert_eq!(
        (pooled.mean_a, pooled.mean_b, pooled.equal),
        (Some(1.0), Some(1.0), Some(0.5))
    );
    let (code, out, _) = analyze(&["compare", "a", "b", "--format", "csv"], folder.path());
    assert_eq!(code, 4);
    // The last nine cells: n is 0, the cells from mean_a to interval are empty, and equal is 0.
    let undefined = "\"1,2\",0.5,,spread,after,0,one,mesh,mix,persistent,lamport,4.0,1,2.0,logical_age_mean,0,,,,,,,,0.0";
    assert!(out.lines().any(|line| line == undefined), "{out}");
}

/// CSV and JSON have a record for each configuration, machine and measure, in full precision. The message `CHECK FAILED` goes to stderr.
#[test]
fn csv_and_json_have_a_record_for_each_configuration_machine_and_measure() {
    // Both datasets have two configurations with three machines and three repetitions each. In `b`, the last clock of machine 0 in the
    // first run is changed (at tick 19).
    let folder = twins(
        |_| {},
        |runs| fixture::set(&mut runs[0], 0, 19, "logical_clock", "99"),
    );
    let arguments = ["compare", "a", "b", "--format"];
    let (code, csv, err) = analyze(&[&arguments[..], &["csv"]].concat(), folder.path());
    assert_eq!(code, 4);
    assert!(
        err.contains("CHECK FAILED: of 6 runs that were as scheduled in both, 1 differs."),
        "{err}"
    );
    let header = "rates,internal,internal_each,phase,stamp,delay_s,receive,topology,sends,connection,clock,duration_s,machine,rate,measure,n,mean_a,mean_b,difference,sd,low,high,interval,equal";
    assert_eq!(csv.lines().next().unwrap(), header);
    let (_, json, _) = analyze(&[&arguments[..], &["json"]].concat(), folder.path());
    let records: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(records.len(), 2 * 3 * analyze::measures::all().count());
    assert_eq!(csv.lines().count(), 1 + records.len());
    // The first record of `clock_final` is that of machine 0 in the first configuration, whose first run has the changed clock.
    let changed = records
        .iter()
        .find(|record| record["measure"] == "clock_final")
        .unwrap();
    let number = |name: &str| changed[name].as_f64().unwrap();
    assert_eq!((&changed["machine"], &changed["n"]), (&0.into(), &3.into()));
    assert!((number("mean_b") - number("mean_a") - number("difference")).abs() < 1e-9);
    assert!(((number("low") + number("high")) / 2.0 - number("difference")).abs() < 1e-9);
    // In two of the three runs the clock is unchanged. Three differences with only two values give a rough interval.
    assert_eq!(changed["interval"], "rough");
    assert_eq!(number("equal"), 2.0 / 3.0);
}

/// Each dataset has six runs. The longest queues of the first two runs are 60 and 63 messages in A, but 63 and 60 in B. So the six
/// differences B - A are 3, -3, 0, 0, 0 and 0. Their mean is 0, but it has an interval, because the differences are not all equal. The
/// interval is rough, because there are only three different values. A note explains the mark `±~` of rough intervals.
#[test]
fn a_rough_interval_around_0_has_a_note() {
    let with_queues = |lengths: [&'static str; 2]| {
        move |runs: &mut Vec<EndedRun>| {
            for (run, length) in runs.iter_mut().zip(lengths) {
                // `length` is greater than all queue lengths in these runs, so it becomes the longest. Tick 5 is an arbitrary tick.
                (0..3).for_each(|machine| fixture::set(run, machine, 5, "queue_length", length));
            }
        }
    };
    let folder = twins(with_queues(["60", "63"]), with_queues(["63", "60"]));
    let mut comparison = open(folder.path());
    comparison
        .pooled
        .retain(|paired| paired.measure.name == "backlog_max");
    let text = output::terminal(&compare::table(&comparison), 120);
    // The six differences have the standard deviation sqrt((9 + 9) / 5) = 1.90. Half the width of the interval is
    // t * 1.90 / sqrt(6) = 1.99. Here t = 2.571 is the 0.975 quantile of Student's t with five degrees of freedom.
    assert!(text.contains("0.0 ±~2.0"), "{text}");
    assert!(text.contains("±~: a rough interval, because"), "{text}");
}
