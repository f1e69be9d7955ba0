//! Tests of the tables and records (rows as JSON) of `analyze theory`, which compares predictions with measurements, or predicts an
//! experiment before it runs.

use std::path::Path;

use analyze::stats::repetitions;
use analyze::{Dataset, output, theory};

use sim::experiment::{Experiment, Overrides};

use crate::command_line::analyze;
use crate::fixture;

/// A folder with the dataset `small`. It has two configurations: rates 1,3,6 with `internal` 0.4, and the same rates with 0.7. Each has
/// three runs. The table has a row for each machine of each configuration, so it has six rows.
fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

/// The table for the dataset in `root` on a terminal with `width` columns.
fn table_of(root: &Path, width: u16) -> String {
    let groups = repetitions::groups(&[Dataset::open(root).unwrap()]).unwrap();
    output::terminal(&theory::table(&theory::compare(&groups)), width)
}

#[test]
fn table_on_a_terminal() {
    insta::assert_snapshot!(table_of(&small().path().join("small"), 120), @"
    Theory

    rates  internal  machine                  growth (1/s)  final backlog   its sd  receive share    logical rate  final lag
                                                                                                            (1/s)
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    1,3,6  0.4       0 at 1/s    mean of 3            1.63           31.3      3.5          0.983            2.25       75.0
                     overloaded  ± (95 %)           ± 0.38          ± 8.8                 ±~0.073          ±~0.22      ±~4.4
                                 predicted            1.59           31.0      5.5           0.97            2.32       73.6
                                 difference         +0.038          +0.38     -2.0         +0.015          -0.073      +1.42
                                 z                    +0.4           +0.2                    +0.9            -1.5       +1.4
                                 caveats                                                                                   a
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.4       1 at 3/s    mean of 3            0.02            0.7      0.6           0.62            5.88        2.3
                     stable      ± (95 %)           ± 0.11          ±~1.5                  ± 0.17          ± 0.20      ± 3.9
                                 predicted            0.02            0.8      1.1           0.74            5.86        2.9
                                 difference         -0.002          -0.10     -0.6         -0.126          +0.025      -0.54
                                 z                    -0.1           -0.3                    -3.3            +0.6       -0.6
                                 caveats                                                                                   a
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.4       2 at 6/s    mean of 3               0              0        0          0.081               6          0
                     stable      ± (95 %)        all equal      all equal                 ±~0.049       all equal  all equal
                                 predicted         < 0.005              0   < 0.05           0.05            6.00     < 0.05
                                 difference      > -0.0005              0  > -0.05         +0.027               0      -0.04
                                 z                    none           none                    +2.4            none       none
                                 caveats                                                                                   a
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       0 at 1/s    mean of 3            0.60           10.3      3.1           0.93            3.75       45.7
                     overloaded  ± (95 %)           ± 0.65          ± 7.7                  ±~0.30          ± 2.08     ± 42.7
                                 predicted            0.52           10.4      4.3           0.94            3.83       43.4
                                 difference         +0.073          -0.03     -1.2         -0.009          -0.080      +2.24
                                 z                    +0.5        > -0.05                    -0.1            -0.2       +0.2
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       1 at 3/s    mean of 3           0.002              0        0           0.34            5.90        2.7
                     stable      ± (95 %)          ± 0.016      all equal                  ± 0.28          ± 0.45      ± 7.7
                                 predicted         < 0.005            0.1      0.3           0.37            5.88        2.5
                                 difference         +0.001          -0.06     -0.3         -0.035          +0.025      +0.13
                                 z                    +0.4           none                    -0.5            +0.2       +0.1
    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    1,3,6  0.7       2 at 6/s    mean of 3               0              0        0          0.058           6.017        0.3
                     stable      ± (95 %)        all equal      all equal                 ± 0.022         ±~0.073      ±~1.5
                                 predicted         < 0.005              0   < 0.05           0.06            6.00     < 0.05
                                 difference      > -0.0005              0  > -0.05         -0.006          +0.017      +0.30
                                 z                    none           none                    -1.2            +1.0       +0.9

    Measured: mean over the repetitions ± half the width of its 95 % interval (Student's t), and the standard deviation (sd)
    of the final backlog. Predicted: computed from the configuration alone, in two steps. The first step assumes that
    messages flow evenly, at their mean rates (a fluid model). The second step adds the effect of random fluctuations (a
    diffusion). Difference: measured - predicted. z: the difference divided by the standard error of the mean.
    If the theory were exact, about 95 % of the values of z would be between -2 and 2 (with ten or more repetitions). A
    large z with a small difference only means that there are enough repetitions to see that the theory is an approximation.
    The difference shows how good the approximation is.
    ±~: a rough interval, because many runs have the same value, or there are few different values. Of 100 such intervals,
    more than 5 may miss the true mean.
    all equal: every repetition has this value, so there is no interval. More repetitions may have other values.
    Every run: phase spread, stamp after, duration 20 s, engine virtual, time scale 1.
    - stable: fewer messages arrive than the machine has ticks. overloaded: more messages arrive, so the queue grows.
      critical: about as many messages arrive as the machine has ticks. Then the expected change of the queue over a run is
      smaller than the standard deviation of its random changes.
    - growth: slope of the least-squares line through these points: the time of each tick, and the queue length directly
      after it, in messages/s.
    - final backlog: queue length after the last tick, in messages.
    - receive share: ticks with a receive / ticks.
    - logical rate: (final clock - clock at the start) / observed time, in 1/s.
    - final lag: lag at the end; the lag at a time is the run's largest clock minus the machine's own clock.
    - caveat a (coupled): machines send each other so many messages that few idle ticks are left; now and then one machine
      stops sending for a while and the others send more, which the theory ignores.
    ");
}

/// Each kind of caveat has a letter. The letter stands in the column of each value that has this caveat, and a line below the table
/// explains it. Here three machines tick at the same rate. Because of the messages between the machines, their clocks advance faster than
/// the machines tick. The theory only estimates how much faster. So the logical rate and the final lag have caveat `e` (`gains`). The
/// final lag also has `a` (`coupled`: the machines send each other so many messages that most ticks receive one) and `g` (`shared rate`:
/// several machines have the highest rate).
#[test]
fn predictions_with_caveats_have_letters_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let equals = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3, 3]]");
    fixture::simulated(folder.path(), &equals);
    let text = table_of(folder.path(), 120);
    let letters = text
        .lines()
        .find(|line| line.trim_start().starts_with("caveats"))
        .unwrap_or_else(|| panic!("no caveats: {text}"));
    let letters: Vec<&str> = letters.split_whitespace().collect();
    // The first `e` is in the column of the logical rate. The last three letters are in the column of the final lag.
    assert_eq!(letters, ["caveats", "e", "a", "e", "g"], "{text}");
    for line in ["- caveat e (gains): other", "- caveat g (shared rate): two"] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{text}");
    }
    // Caveat `b` is not explained, because no value of this table has it.
    assert!(!text.contains("- caveat b"), "{text}");
}

#[test]
fn a_table_with_many_caveats_fits_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let three_rate_sets =
        fixture::SMALL.replace("[[1, 3, 6]]", "[[5, 1, 5], [2, 3, 4], [6, 6, 6]]");
    // In longer runs, the backlog and the lag of an overloaded machine become larger, so their numbers have more digits.
    let long = three_rate_sets.replace("duration_s = 20", "duration_s = 600");
    fixture::simulated(folder.path(), &long);
    let text = table_of(folder.path(), 120);
    assert!(text.lines().count() > 1, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
}

/// Columns that do not fit are left out, and a sentence below the table names them.
#[test]
fn narrow_terminals_show_fewer_columns() {
    let folder = small();
    for width in [60, 80, 120, 200] {
        let text = table_of(&folder.path().join("small"), width);
        let lines = text.lines();
        assert!(
            lines
                .clone()
                .all(|line| line.chars().count() <= width.into()),
            "{text}"
        );
        // The first 11 lines have the title, the headings and the first row (which takes several lines).
        let is_about_columns = |line: &&str| line.starts_with("Not shown");
        let shown: Vec<&str> = lines
            .clone()
            .take(11)
            .chain(text.lines().filter(is_about_columns))
            .collect();
        insta::assert_snapshot!(format!("theory_{width}"), shown.join("\n"));
    }
}

#[test]
fn records_have_every_value_in_full_precision() {
    let folder = small();
    let (code, json, err) = analyze(&["theory", "small", "--format", "json"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    let records: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(records.len(), 6);
    let slowest = &records[0];
    assert_eq!(
        (&slowest["regime"], &slowest["n"]),
        (&"overloaded".into(), &3.into())
    );
    let number = |name: &str| slowest[name].as_f64().unwrap();
    let is_close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for measure in [
        "backlog_growth",
        "backlog_final",
        "receive_share",
        "logical_rate",
        "lag_slope",
        "lag_final",
        "jump_mean",
    ] {
        let caveats = if measure == "lag_final" {
            "coupled"
        } else {
            ""
        };
        assert_eq!(slowest[format!("{measure}_caveats")], caveats, "{measure}");
        let of = |what: &str| number(&format!("{measure}_{what}"));
        assert!(of("low") <= of("mean") && of("mean") <= of("high"));
        assert!(is_close(of("difference"), of("mean") - of("predicted")));
        let repetitions: f64 = 3.0;
        let standard_error = of("sd") / repetitions.sqrt();
        assert!(is_close(of("z") * standard_error, of("difference")));
    }
    assert!(number("backlog_final_sd_predicted") > 0.0);
    // The machine has 1 tick per second. It is overloaded: more than 1 message per second arrives. A tick that receives is not idle, so
    // fewer than 1 tick per second is idle.
    assert!(number("arrival_rate_predicted") > 1.0 && number("idle_rate_predicted") < 1.0);
}

/// Each measure has a column of caveats. In this star, machine 0 is the hub, and it is overloaded. Machine 1 gets all its messages from the
/// hub. The hub sends only at its few idle ticks, and the theory only estimates how many these are. So the receive share of machine 1 has
/// the caveat `busy senders`. Machine 2 is the fastest, and its clock values reach machine 1 only through the hub. So the final lag of
/// machine 1 has the caveat `relayed`. The final backlog of machine 1 has no caveat.
#[test]
fn records_have_the_caveats_of_each_measure() {
    let folder = tempfile::tempdir().unwrap();
    let star = fixture::SMALL.replace("[[1, 3, 6]]", "[[1, 4, 6]]\ntopology = \"star\"");
    fixture::simulated(&folder.path().join("star"), &star);
    let (_, json, _) = analyze(&["theory", "star", "--format", "json"], folder.path());
    let records: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let machine_1 = &records[1];
    assert_eq!(machine_1["machine"], 1);
    assert_eq!(machine_1["receive_share_caveats"], "busy senders", "{json}");
    assert_eq!(machine_1["backlog_final_caveats"], "", "{json}");
    assert_eq!(machine_1["lag_final_caveats"], "relayed", "{json}");
}

/// On a terminal, a cell has several lines. In Markdown they are joined by `<br>`, because a row of a Markdown table is one line.
#[test]
fn markdown_has_one_row_for_each_machine() {
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
    let slowest =
        "| 0 at 1/s<br>overloaded | mean of 3<br>± (95 %)<br>predicted<br>difference<br>z";
    // With `internal` 0.4 the slowest machine has a caveat, with 0.7 it has none.
    for ending in ["<br>caveats |", " |"] {
        let slowest = format!("{slowest}{ending}");
        // The cells have no-break spaces (U+00A0), `slowest` has normal spaces.
        let found = rows
            .iter()
            .filter(|row| row.replace('\u{a0}', " ").contains(&slowest));
        assert_eq!(found.count(), 1, "{slowest}: {out}");
    }
}

#[test]
fn one_repetition_has_no_z() {
    let folder = tempfile::tempdir().unwrap();
    // This dataset has a single run. z is the difference divided by the standard error, and a single run has no standard error.
    fixture::write_by_hand(folder.path());
    let groups = repetitions::groups(&[Dataset::open(folder.path()).unwrap()]).unwrap();
    let machines = theory::compare(&groups);
    let compared: Vec<_> = machines
        .iter()
        .flat_map(|machine| machine.compared())
        .collect();
    assert!(!compared.is_empty());
    for compared in compared {
        assert!(compared.difference().is_some() && compared.z().is_none());
    }
}

/// An experiment with four configurations. Its measures can be predicted without running it.
const SWEPT: &str = "seed = 1\nduration_s = 30\n[parameters]\nrates = [[1, 3, 6], [2, 3, 6]]\ninternal = [0.4, 0.9]\n";

/// What `analyze theory` prints for an experiment file with the text [`SWEPT`]: an overview, the predictions, and the boundaries (the
/// values of `internal` at which a machine becomes overloaded).
fn planned(width: u16) -> String {
    let experiment = Experiment::parse(SWEPT, "e.toml".as_ref(), Overrides::default()).unwrap();
    let warm_up_s = 0.0;
    let configurations = theory::predict_experiment(&experiment, warm_up_s);
    let boundaries = theory::boundaries(experiment.configurations());
    let table = output::terminal(&theory::planned_table(&configurations), width);
    let boundary = theory::boundary_table(&configurations, &boundaries).unwrap();
    let overview = output::prose(&[theory::planned_overview(&configurations)], width);
    format!(
        "{overview}\n{table}\n{}",
        output::terminal(&boundary, width)
    )
}

#[test]
fn an_experiment_is_predicted_before_it_runs() {
    insta::assert_snapshot!("planned_120", planned(120));
    insta::assert_snapshot!("planned_80", planned(80));
    insta::assert_snapshot!("planned_60", planned(60));
    assert!(planned(60).lines().all(|line| line.chars().count() <= 60));
    assert!(planned(80).lines().all(|line| line.chars().count() <= 80));
}

/// The predictions for an experiment file equal the predictions for the dataset that it makes.
#[test]
fn predictions_before_and_after_the_runs_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{SWEPT}receive = [\"one\", \"all\"]\n");
    fixture::simulated(&folder.path().join("d"), &text);
    std::fs::write(folder.path().join("e.toml"), text).unwrap();
    let rows = |path: &str| {
        let arguments = ["theory", path, "--format", "json", "--warm-up", "5"];
        let (code, stdout, stderr) = analyze(&arguments, folder.path());
        assert_eq!(code, 0, "{stderr}");
        let rows: Vec<serde_json::Map<_, _>> = serde_json::from_str(&stdout).unwrap();
        rows
    };
    let (before, after) = (rows("e.toml"), rows("d"));
    // Eight configurations with three machines each.
    assert_eq!(before.len(), 24);
    for (before, after) in std::iter::zip(&before, &after) {
        // Only the rows of an experiment file have the boundaries.
        for (name, value) in before
            .iter()
            .filter(|(name, _)| !name.ends_with("_boundary"))
        {
            assert_eq!(after.get(name), Some(value), "{name}");
        }
    }
    // The first boundary is that of machine 0 with rates 1,3,6. At the boundary, machine 0 gets as many messages as it has ticks: 1 per
    // second. Then all its ticks receive, and it sends nothing. Only machines 1 and 2 send. Let S be the number of idle ticks (with an
    // empty queue) that these two have together per second, and q = 1 - internal. Then machines 1 and 2 together send q S times per
    // second. A send goes to the first other machine, to the second, or to both, each with probability 1/3. So each of the two other
    // machines gets it with probability 2/3. From this follows:
    //
    // - Machine 0 gets 2/3 q S messages per second. At the boundary, this is 1.
    // - Machine 1 gets each send of machine 2 with probability 2/3 too, and machine 2 gets each send of machine 1 with probability 2/3.
    //   So the two machines together also get 2/3 q S = 1 message per second. They have 3 + 6 = 9 ticks per second. One of these ticks
    //   receives, and the other eight are idle: S = 8.
    //
    // 2/3 q S = 1 and S = 8 give q = 3/16.
    let expected = 1.0 - 3.0 / 16.0;
    let boundaries = before.iter().map(|row| row["internal_boundary"].as_f64());
    let boundary = boundaries.flatten().next().unwrap();
    assert!((boundary - expected).abs() < 1e-9, "{boundary}");
}

#[test]
fn options_that_do_not_fit_an_experiment_file_are_refused() {
    let folder = small();
    std::fs::write(folder.path().join("e.toml"), SWEPT).unwrap();
    for (arguments, wanted) in [
        (
            vec!["e.toml", "--where", "internal=0.4"],
            "--where and --only choose runs",
        ),
        (vec!["e.toml", "--top", "1"], "the table has all rows"),
        (vec!["e.toml", "--sort", "rates"], "the table has all rows"),
        (
            vec!["e.toml", "--having", "rate > 1"],
            "the table has all rows",
        ),
        (
            vec!["e.toml", "small"],
            "e.toml is a file: give one experiment file alone",
        ),
        (vec!["e.toml", "--warm-up", "30"], "give a shorter warm-up"),
        (
            vec!["e.toml", "--set", "internal=2"],
            "--set: `parameters.internal`: 2 is not",
        ),
        (
            vec!["small", "--set", "internal=0.2"],
            "--set changes a value of an experiment file",
        ),
    ] {
        let (code, _, stderr) = analyze(&[&["theory"], &arguments[..]].concat(), folder.path());
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(wanted), "{stderr}");
    }
}
