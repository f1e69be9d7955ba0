//! Tests of `analyze audit`, which checks event logs against Lamport's rules: logs of the project's engines pass all checks, and for
//! other logs the report shows the violations.

use std::fs;
use std::path::Path;

use analyze::audit::{self, Audit, Check};
use analyze::output;
use proptest::prelude::*;
use sim::engine::Control;
use sim::sweep::{self, Options, Progress};

use crate::command_line::analyze;
use crate::fixture;

/// Requires that the audit of the dataset finds no violation.
fn require_clean(root: &Path) -> Audit {
    let audit = Audit::run(&[root.to_owned()]).unwrap();
    assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
    audit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn runs_in_virtual_time_pass_the_audit(
        rates in prop::collection::vec(prop_oneof![
            (1u32..=12).prop_map(f64::from),
            prop::sample::select(vec![0.5, 1.25, 2.5, 3.75]),
        ], 2..7),
        receive in prop::sample::select(vec!["one", "all"]),
        // The first pair is the most usual one, so it is in the list twice.
        (topology, sends) in prop::sample::select(vec![
            ("mesh", "\"mix\""),
            ("mesh", "\"mix\""),
            ("mesh", "\"unicast\""),
            ("mesh", "\"broadcast\""),
            ("mesh", "{ multicast = 2 }"),
            ("ring", "\"mix\""),
            ("ring", "{ multicast = 1 }"),
            ("star", "\"mix\""),
            ("star", "{ multicast = 3 }"),
            ("time-keeper", "\"mix\""),
        ]),
        // Whether machine 1 has its own probability of internal events.
        has_own_internal in any::<bool>(),
        internal_tenths in 0u32..=10,
        // The rule for the times of the machines' first ticks.
        phase in prop::sample::select(vec!["spread", "uniform", "aligned"]),
        duration_s in prop::sample::select(vec![0.3, 2.0, 7.5, 20.0]),
        delay_s in prop::sample::select(vec!["0", "0.2", "3", "{ uniform = [0.1, 0.4] }", "{ uniform = [0.2, 0.2] }", "{ exponential = 0.5 }"]),
        seed in 0u64..1000,
    ) {
        let internal = f64::from(internal_tenths) / 10.0;
        // In an experiment, a list has one value for each configuration. A value can itself be a list, with a number for each machine. Such a
        // value stands in two pairs of brackets, for example `[[0.7, 0.5, 0.7]]`. (`{:?}` writes the inner pair.)
        let internal = match has_own_internal {
            true => format!("[{:?}]", (0..rates.len()).map(|machine| if machine == 1 { 0.5 } else { internal }).collect::<Vec<_>>()),
            false => format!("{internal:?}"),
        };
        let folder = tempfile::tempdir().unwrap();
        fixture::simulated(folder.path(), &format!(
            "seed = {seed}\nduration_s = {duration_s:?}\nrepetitions = 3\nengine = \"virtual\"\n\
             [parameters]\nrates = [{rates:?}]\ninternal = {internal}\nphase = \"{phase}\"\ndelay_s = {delay_s}\n\
             receive = \"{receive}\"\ntopology = \"{topology}\"\nsends = {sends}"
        ));
        let audit = Audit::run(&[folder.path().to_owned()]).unwrap();
        prop_assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
        prop_assert_eq!(audit.datasets[0].runs, 3);
    }
}

/// These runs use real sockets and are so fast that ticks are late. Some messages arrive too late for the tick that should have
/// received them.
#[test]
fn runs_over_real_tcp_pass_the_audit() {
    let text = "seed = 262\nrepetitions = 3\nduration_s = 30\ntime_scale = 60\n[parameters]\n\
                rates = [[1, 3, 6], [40, 90], [2, 3, 5, 7, 1]]\ninternal = [0.2, 0.7]\nphase = [\"spread\", \"aligned\"]\n\
                delay_s = [0, 0.1, { exponential = 0.2 }]";
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(text);
    let (control, mut progress) = (Control::default(), Progress::quiet());
    let options = Options::default();
    let summary = sweep::run(
        &experiment,
        folder.path(),
        &options,
        &control,
        &mut progress,
    );
    // 3 repetitions of 3 x 2 x 2 x 3 configurations.
    assert_eq!(summary.unwrap().ok, 108);
    let audit = require_clean(folder.path());
    assert_eq!(audit.datasets[0].runs, 108);
}

#[test]
fn the_sample_dataset_passes_the_audit() {
    let audit = require_clean(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample"));
    let sample = &audit.datasets[0];
    assert_eq!((sample.runs, sample.failed, sample.events), (6, 0, 1140));
}

/// The log [`fixture::by_hand`] has 12 events, 4 of them receives. The table counts how often each check was made. The first event of each
/// machine counts for `initial_clock`, and not for `local_clock` or `receive_clock`. The check `ticks` is made 14 times: once for each
/// of the 12 events, and once for each of the two machines (for its number of ticks). The table has 23 checks, but the check `timestamp` was
/// never made, because this log has no vector or hybrid timestamps. So 22 checks passed.
#[test]
fn the_checks_of_a_log_written_by_hand_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let mut finished = fixture::finished(&experiment, &run, &fixture::by_hand());
    // In this log, the first ticks are at 0 s and 0.25 s, and not at the times that the experiment's seed determines.
    finished.row.phases_ns = vec![0, 250_000_000];
    fixture::write(&folder.path().join("by-hand"), &experiment, vec![finished]);
    let (code, out, err) = analyze(&["audit", "by-hand"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @"
    by-hand: 1 run, 12 events, 4 messages.

    Check passed: in all 22 checks, these logs follow the rules of machines with Lamport clocks.

    Audit

    check            rule                                   checked  violations
    ───────────────────────────────────────────────────────────────────────────
    journal          rows fit dataset.json and events             1           0
    files            events are unchanged                         1           0
    rows             rows can be read, machines exist            12           0
    phases           first ticks obey the phase rule              2           0
    ticks            0, 1, 2 and so on, all of them              14           0
    times            no event too early, none goes back          12           0
    initial_clock    clocks start from 0                          2           0
    local_clock      internal and send add 1 (IR1)                7           0
    receive_clock    max(clock, stamp) + 1 (IR2)                  3           0
    rising_clock     a machine's clock rises (C1)                12           0
    stamp            stamps obey the stamp rule                   4           0
    timestamp        vector and hlc obey their rules              0           0
    clock_condition  receive's clock > send's clock (C2)          4           0
    sent             received messages were sent                  4           0
    received_once    no message is received twice                 4           0
    link_order       links keep order, lose no message            4           0
    causality        no receive before its send                   4           0
    queue_order      the oldest message is received               4           0
    queue_length     arrived - received = queued                 12           0
    idle             queue is empty at internal and send         12           0
    conservation     sent = received + queued + under way         2           0
    internal_share   internal as often as configured              3           0
    recipients       each choice equally often                    5           0

    checked: how often the check was made (on events, receives, machines, runs or shares); violations: how often it failed.
    IR1, IR2, C1 and C2 are the names in Lamport's paper (1978). C1 is the Clock Condition within a machine, C2 between two
    machines.
    A share says how often random draws had one outcome, such as an internal event. It is computed over all runs of a
    configuration. A correct dataset of any size fails a check of shares with a probability below 1 in 10^9.
    ");
}

/// In half of the configurations, messages carry the sender's clock before the send (`stamp = before`). Then a receive can have the same
/// clock as its send.
#[test]
fn runs_with_stamp_before_violate_the_clock_condition_by_design() {
    let folder = tempfile::tempdir().unwrap();
    let both = fixture::SMALL.to_owned() + "stamp = [\"after\", \"before\"]\n";
    fixture::simulated(&folder.path().join("small"), &both);
    let (code, out, err) = analyze(&["audit", "small"], folder.path());
    assert_eq!(code, 4);
    insta::assert_snapshot!(err, @"check failed: 296 violations of the Clock Condition, all in runs with stamp = before, which breaks it by design");
    let (words, table) = out.split_once("\nAudit\n").unwrap();
    insta::assert_snapshot!(words, @"
    small: 12 runs, 2,400 events, 960 messages.

    CHECK FAILED: 296 violations of the Clock Condition, all in runs with stamp = before, which breaks it by design.

    The first violation of each failed check, and the command that draws it:
    - clock_condition_before: small/events-0000.csv line 203, run 1: machine 0 received at tick 1 a message that machine 2
      sent at tick 2 (stamp 2): after the receive its clock is 3, but it must be larger than the sender's clock after the
      send, 3 (stamp = before breaks this by design).
      analyze diagram small --run 1 --around 0:1 --within 3 --mark clock_condition_before
    ");
    // The last cell of a row is the number of violations.
    let row = |check: Check| {
        table
            .lines()
            .find(|line| line.starts_with(&format!("{} ", check.name())))
            .unwrap()
    };
    assert!(
        row(Check::ClockCondition).ends_with(" 0")
            && !row(Check::ClockConditionBefore).ends_with(" 0")
    );
}

/// A folder with a dataset `small` in which two values of machine 0 in run 3 are wrong: the clock after the receive at tick 11, and the
/// queue length after the receive at tick 15. These two values contradict later events too, so the audit finds more than two violations.
fn with_violations() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(&folder.path().join("small"), fixture::SMALL, |runs| {
        fixture::set(&mut runs[3], 0, 11, "logical_clock", "99");
        fixture::set(&mut runs[3], 0, 15, "queue_length", "1");
    });
    folder
}

#[test]
fn the_first_violation_of_each_failed_check_is_reported() {
    let folder = with_violations();
    let (code, out, err) = analyze(&["audit", "small"], folder.path());
    assert_eq!(code, 4);
    insta::assert_snapshot!(err, @"check failed: 6 violations in 3 of 22 checks");
    insta::assert_snapshot!(out.split("\nAudit\n").next().unwrap(), @"
    small: 6 runs, 1,200 events, 470 messages.

    CHECK FAILED: 6 violations in 3 of 22 checks.

    The first violation of each failed check, and the command that draws it:
    - receive_clock: small/events-0000.csv line 613, run 3: machine 0 received at tick 11 a message that machine 2 sent at
      tick 62 (stamp 63): its clock went from 53 to 99, but max(53, 63) + 1 is 64.
      analyze diagram small --run 3 --around 0:11 --within 3 --mark receive_clock
    - rising_clock: small/events-0000.csv line 614, run 3: machine 0 received at tick 12 a message that machine 2 sent at
      tick 65 (stamp 66): its clock went from 99 to 67, and did not rise.
      analyze diagram small --run 3 --around 0:12 --within 3 --mark rising_clock
    - queue_length: small/events-0000.csv line 617, run 3: machine 0 received at tick 15 a message that machine 2 sent at
      tick 77 (stamp 78): its queue length is 1, but 21 messages had arrived and 16 had been received.
      analyze diagram small --run 3 --around 0:15 --within 3 --mark queue_length
    ");
}

/// All events are internal, so every queue length must be 0. A wrong queue length is one violation, although it also contradicts the next
/// event, and, with `receive = "all"`, the rule that a tick empties the queue.
#[test]
fn a_wrong_queue_length_counts_once() {
    for receive in ["one", "all"] {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "seed = 1\nduration_s = 10\nengine = \"virtual\"\n[parameters]\nrates = [[1, 1]]\ninternal = 1.0\nreceive = \"{receive}\""
        );
        fixture::altered(folder.path(), &text, |runs| {
            fixture::set(&mut runs[0], 0, 3, "queue_length", "1");
            // The last event of machine 1.
            fixture::set(&mut runs[0], 1, 9, "queue_length", "2");
        });
        let audit = Audit::run(&[folder.path().to_owned()]).unwrap();
        assert_eq!(audit.counts(Check::Idle), (20, 2), "receive = {receive:?}");
    }
}

/// The command that the audit prints draws the event, with a ring and the name of the check.
#[test]
fn the_printed_command_draws_the_violation() {
    let folder = with_violations();
    let (_, out, _) = analyze(&["audit", "small"], folder.path());
    let commands: Vec<&str> = out
        .lines()
        .filter_map(|line| line.strip_prefix("  analyze "))
        .collect();
    assert_eq!(
        commands,
        [
            "diagram small --run 3 --around 0:11 --within 3 --mark receive_clock",
            "diagram small --run 3 --around 0:12 --within 3 --mark rising_clock",
            "diagram small --run 3 --around 0:15 --within 3 --mark queue_length",
        ]
    );
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').collect();
        let (code, svg, err) = analyze(&arguments, folder.path());
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(svg.matches("class=\"ring\"").count(), 1);
        let mark = arguments.last().unwrap();
        assert!(svg.contains(&format!(">{mark}</text>")), "{mark}");
    }
}

#[test]
fn every_format_has_the_violations() {
    let folder = with_violations();
    let audit = |format: &str| analyze(&["audit", "small", "--format", format], folder.path());
    let (code, markdown, _) = audit("markdown");
    assert!(
        code == 4 && markdown.contains("\n| check | rule | checked | violations |\n"),
        "{markdown}"
    );
    let (code, csv, err) = audit("csv");
    // With CSV on stdout, the words of the report are on stderr.
    assert!(code == 4 && err.contains("CHECK FAILED: "), "{err}");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(
        header.iter().collect::<Vec<_>>(),
        [
            "dataset",
            "check",
            "checked",
            "violations",
            "file",
            "line",
            "run",
            "first",
            "source_file",
            "source_line",
            "diagram"
        ]
    );
    assert_eq!(
        reader.records().map(Result::unwrap).count(),
        Check::ALL.len()
    );
    let (code, json, _) = audit("json");
    let records: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let record = |check: Check| &records[check as usize];
    assert_eq!((code, records.len()), (4, Check::ALL.len()));
    assert_eq!(record(Check::Idle)["check"], "idle");
    assert_eq!(record(Check::Rows)["violations"], 0);
    assert_eq!(record(Check::Rows)["first"], serde_json::Value::Null);
    assert_eq!(record(Check::ReceiveClock)["file"], "small/events-0000.csv");
    assert_eq!(record(Check::ReceiveClock)["run"], 3);
}

/// The dataset and its file get short names, because the long path of a temporary folder could not be broken into lines.
#[test]
fn words_and_table_fit_eighty_columns() {
    let folder = with_violations();
    let root = folder.path().join("small");
    let short = folder.path().join("s");
    fs::rename(root, &short).unwrap();
    let mut audit = Audit::run(&[short]).unwrap();
    let results = audit.datasets[0].results.iter_mut();
    let violations: Vec<_> = results.filter_map(|result| result.first.as_mut()).collect();
    assert!(!violations.is_empty());
    for violation in violations {
        violation.file = "s/events-0000.csv".into();
    }
    let text =
        output::prose(&audit::words(&audit), 80) + &output::terminal(&audit::table(&audit), 80);
    assert!(text.lines().count() > 1, "{text}");
    // Commands are not broken, so that they can be copied.
    let is_prose = |line: &&str| !line.starts_with("  analyze diagram ");
    assert!(
        text.lines()
            .filter(is_prose)
            .all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn failed_runs_of_several_datasets_are_counted_and_not_audited() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), fixture::SMALL);
    fixture::altered(&folder.path().join("b"), fixture::SMALL, |runs| {
        let experiment = fixture::experiment(fixture::SMALL);
        let run = experiment.runs().next().unwrap();
        runs[0] = fixture::failed(&experiment, &run);
    });
    let (code, out, err) = analyze(&["audit", "a", "b"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    let words = out.split("\n\n").next().unwrap();
    insta::assert_snapshot!(words, @"
    a: 6 runs, 1,200 events, 470 messages.
    b: 5 runs, 1,000 events, 375 messages. 1 failed run not audited.
    ");
}

#[test]
fn nothing_to_audit_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = analyze(&["audit", "nowhere"], folder.path());
    assert_eq!(code, 2);
    assert!(err.starts_with("error: nowhere does not exist"), "{err}");
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let failed = vec![fixture::failed(&experiment, &run)];
    fixture::write(&folder.path().join("failed"), &experiment, failed);
    let (code, _, err) = analyze(&["audit", "failed"], folder.path());
    assert_eq!(
        (code, err.as_str()),
        (
            2,
            "error: failed has no finished run (1 failed); `sim run` makes runs\n"
        )
    );
}

/// The cores of the computer share the work. The report must not depend on which core finds a violation first.
#[test]
fn repeated_audits_give_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let many = fixture::SMALL.replace("repetitions = 3", "repetitions = 20");
    fixture::altered(&folder.path().join("many"), &many, |runs| {
        // Most runs have a violation.
        for run in &mut runs[5..] {
            fixture::set(run, 1, 20, "logical_clock", "1");
        }
    });
    let audit = || analyze(&["audit", "many"], folder.path());
    let first = audit();
    assert_eq!(first.0, 4);
    (0..5).for_each(|_| assert_eq!(audit(), first));
}
