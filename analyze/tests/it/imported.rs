//! Tests of `analyze import`: logs of other programs become datasets. Most of the logs are written from simulated runs, so that the
//! imported dataset can be compared with the original one.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::audit::{self, Audit, Check};
use analyze::clocks::{ClockGroup, ClockSpec, FIGURES, clock_groups};
use analyze::import::{self, Mapping};
use polars::prelude::*;
use sim::log::{EventRow, parse_rows};
use sim::machine::EventKind;

use crate::command_line::analyze;
use crate::fixture;

/// Three machines that have their first tick at second 0. An import takes the time of the first event as second 0, so the imported times
/// equal the original ones.
const ORIGINAL: &str = "
name = \"original\"
seed = 262
repetitions = 3
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6]]
internal = [0.7]
phase = \"aligned\"
";

/// All events of each run of the dataset in `root`.
pub fn events(root: &Path) -> Vec<Vec<EventRow>> {
    let dataset = sim::log::Dataset::open(root).unwrap();
    let mut finished: Vec<_> = dataset.finished().collect();
    finished.sort_by_key(|row| row.run);
    let rows = finished.iter().map(|row| {
        let bytes = dataset.read_events(row).unwrap();
        parse_rows(&bytes).map(Result::unwrap).collect()
    });
    rows.collect()
}

/// Three cells about the message of an event, as another program would write them: the names of the peers (the recipients of a send, or the
/// sender of a received message), the timestamp, and the tick of the send (only for receives). Machine 0 has the name vm1, machine 1 the
/// name vm2, and so on.
pub fn message_cells(row: &EventRow, machines: u32) -> [String; 3] {
    let name = |machine: u32| format!("vm{}", machine + 1);
    match &row.logged.event.kind {
        EventKind::Internal => Default::default(),
        EventKind::Send { recipients, stamp } => {
            let others: Vec<u32> = (0..machines).filter(|&peer| peer != row.machine).collect();
            let peers: Vec<String> = recipients
                .among(&others)
                .iter()
                .map(|&peer| name(peer))
                .collect();
            [peers.join(";"), stamp.to_string(), String::new()]
        }
        EventKind::Receive(message) => [
            name(message.sender),
            message.stamp.to_string(),
            message.sent_tick.to_string(),
        ],
    }
}

/// The word for the kind of event in the logs.
fn word(row: &EventRow) -> &'static str {
    match row.logged.event.kind {
        EventKind::Internal => "INTERNAL",
        EventKind::Send { .. } => "SENT",
        EventKind::Receive(_) => "RECEIVED",
    }
}

/// One log with all runs and machines. Times are in milliseconds, and semicolons separate the cells.
fn as_one_file(root: &Path) -> String {
    let mut text = "trial;VM;when;what;Lamport clock;queue size;peer;stamp\n".to_owned();
    for (run, rows) in events(root).iter().enumerate() {
        for row in rows {
            let event = &row.logged.event;
            // Semicolons separate the cells here, so `+` separates the names of the peers.
            let [peers, stamp, _] = message_cells(row, 3).map(|cell| cell.replace(';', "+"));
            let milliseconds = row.logged.system_time_ns as f64 / 1e6;
            text += &format!(
                "{run};vm{};{milliseconds:.6};{};{};{};{peers};{stamp}\n",
                row.machine + 1,
                word(row),
                event.logical_clock,
                event.queue_length
            );
        }
    }
    text
}

/// Logs without columns about messages. Each run has a folder, with a file for each machine. Returns the folders.
fn as_minimal_logs(root: &Path, into: &Path) -> Vec<PathBuf> {
    let folders = events(root).into_iter().enumerate().map(|(run, rows)| {
        let folder = into.join(format!("trial-{run}"));
        fs::create_dir_all(&folder).unwrap();
        for machine in 0..3 {
            let mut text = "system_time_ns,event,logical_clock,queue_length\n".to_owned();
            for row in rows.iter().filter(|row| row.machine == machine) {
                let event = &row.logged.event;
                text += &format!(
                    "{},{},{},{}\n",
                    row.logged.system_time_ns,
                    word(row),
                    event.logical_clock,
                    event.queue_length
                );
            }
            fs::write(folder.join(format!("vm{}.csv", machine + 1)), text).unwrap();
        }
        folder
    });
    folders.collect()
}

pub fn mapping(text: &str) -> Mapping {
    Mapping::parse(text, "mapping.toml".as_ref()).unwrap()
}

/// The measures of every machine of every run.
pub fn measured(root: &Path) -> DataFrame {
    Dataset::open(root).unwrap().machines().unwrap()
}

/// Requires that all measures are equal in `a` and `b`, except those in `but_for`. These must be null in all rows of `b`, but not in all
/// rows of `a`.
pub fn require_same_measures(a: &DataFrame, b: &DataFrame, but_for: &[&str]) {
    assert_eq!(a.height(), b.height());
    assert!(a.height() > 0);
    for measure in analyze::measures::all() {
        let (a, b) = (
            a.column(measure.name).unwrap(),
            b.column(measure.name).unwrap(),
        );
        if but_for.contains(&measure.name) {
            assert!(
                b.null_count() == b.len() && a.null_count() < a.len(),
                "{}",
                measure.name
            );
            continue;
        }
        let numbers = |column: &Column| column.cast(&DataType::Float64).unwrap();
        let (a, b) = (numbers(a), numbers(b));
        let pairs = std::iter::zip(a.f64().unwrap().iter(), b.f64().unwrap().iter());
        for (a, b) in pairs {
            let is_same = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs().max(1.0),
                (a, b) => a == b,
            };
            assert!(is_same, "{}: {a:?} {b:?}", measure.name);
        }
    }
}

#[test]
fn complete_logs_have_all_measures_and_pass_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let [original, log, imported] =
        ["original", "all.log", "imported"].map(|name| folder.path().join(name));
    fixture::simulated(&original, ORIGINAL);
    fs::write(&log, as_one_file(&original)).unwrap();
    // A column is given by its title, or by its number (counted from 1): 4 is the column `what`.
    let mapping = mapping(
        "time = \"ms\"\nrates = [1, 3, 6]\ninternal = 0.7\n[columns]\nsystem_time = \"when\"\nevent = \"4\"\n",
    );
    let report = import::import(&[log], &mapping, &imported).unwrap();
    // The log does not have the tick at which a received message was sent. But the import has matched each receive with the send of the
    // same sender and timestamp, and has filled in the tick of this send. So no field is missing. The report lists these ticks as assumed.
    assert!(
        !report.missing_fields.recipients
            && !report.missing_fields.senders
            && !report.missing_fields.stamps
            && !report.missing_fields.sent_ticks
    );
    assert!(report.assumed.sent_ticks);
    require_same_measures(&measured(&original), &measured(&imported), &[]);
    let audit = Audit::run(&[imported]).unwrap();
    assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
    let not_made: Vec<Check> = Check::ALL
        .into_iter()
        .filter(|&check| {
            let (times_made, _) = audit.counts(check);
            times_made == 0
        })
        .collect();
    // The log has no planned times of ticks, no numbers of ticks and no timestamps of vector or hybrid clocks. Its messages
    // carry the clock after the send, not before it. The mapping does not say how recipients are chosen.
    assert_eq!(
        not_made,
        [
            Check::Phases,
            Check::Ticks,
            Check::Timestamp,
            Check::ClockConditionBefore,
            Check::Recipients
        ]
    );
}

/// `analyze clocks` replays other kinds of clocks over the events of a log. It needs the send of each received message, so it replays
/// complete logs, but not minimal ones.
///
/// The figures of the import must equal those of the original dataset. With `epsilon=0`, the machines' physical clocks have no errors. With
/// a larger epsilon the figures would differ: the replay adds errors to the times of simulated runs, but not to the times of imported logs.
#[test]
fn clocks_are_replayed_over_complete_logs_only() {
    let folder = tempfile::tempdir().unwrap();
    let [original, log, complete, minimal] =
        ["original", "all.log", "complete", "minimal"].map(|name| folder.path().join(name));
    fixture::simulated(&original, ORIGINAL);
    fs::write(&log, as_one_file(&original)).unwrap();
    // A column is given by its title, or by its number (counted from 1): 4 is the column `what`.
    let mapping = mapping(
        "time = \"ms\"\nrates = [1, 3, 6]\ninternal = 0.7\n[columns]\nsystem_time = \"when\"\nevent = \"4\"\n",
    );
    import::import(&[log], &mapping, &complete).unwrap();
    let names = ["lamport", "vector", "hlc:epsilon=0", "physical:epsilon=0"];
    let clocks = names.map(|name| name.parse::<ClockSpec>().unwrap());
    let replay = |root: &Path| {
        let dataset = Dataset::open(root).unwrap();
        clock_groups(&[dataset], Some(&clocks)).unwrap()
    };
    let figures = |root: &Path| -> Vec<_> {
        let of_group = |group: &ClockGroup| {
            // Rounded to nine decimals, because the values of the two datasets are added up in different orders. This can change the last
            // digit of a sum.
            let mean = |figure| Some((group.estimate(figure)?.mean * 1e9).round());
            FIGURES.iter().map(mean).collect::<Vec<_>>()
        };
        replay(root).groups.iter().map(of_group).collect()
    };
    assert_eq!(figures(&original).len(), clocks.len());
    assert_eq!(figures(&complete), figures(&original));
    let sources = as_minimal_logs(&original, folder.path());
    import::import(&sources, &Mapping::default(), &minimal).unwrap();
    let replayed = replay(&minimal);
    assert_eq!((replayed.groups.len(), replayed.without_sends), (0, 3));
    let (code, out, err) = analyze(&["clocks", "minimal"], folder.path());
    assert_eq!(code, 0, "{err}");
    let sentence = "3 runs could not be replayed, because a receive in the log has no send, or because no order of the events has every receive after its send.";
    assert!(out.replace('\n', " ").contains(sentence), "{out}");
}

/// In the log, one receive of the first run has no timestamp, so the import finds no send for this receive. Concurrency and false order
/// need the sends of all receives, so they have no value in the first run. The message age still has a value.
#[test]
fn one_receive_without_a_send_removes_only_measures_that_need_all_sends() {
    let folder = tempfile::tempdir().unwrap();
    let [original, log, imported] =
        ["original", "all.log", "imported"].map(|name| folder.path().join(name));
    fixture::simulated(&original, ORIGINAL);
    let text = as_one_file(&original);
    let row = text.lines().find(|row| row.contains(";RECEIVED;")).unwrap();
    assert!(row.starts_with("0;"), "{row}");
    // The last cell of a row is the timestamp.
    let (other_cells, _) = row.rsplit_once(';').unwrap();
    fs::write(&log, text.replacen(row, &format!("{other_cells};"), 1)).unwrap();
    let mapping = mapping("time = \"ms\"\n[columns]\nsystem_time = \"when\"\nevent = \"4\"\n");
    import::import(&[log], &mapping, &imported).unwrap();
    let machines = measured(&imported);
    let runs = machines.column("run").unwrap().i64().unwrap();
    let rows_of_first_run = runs.iter().filter(|run| *run == Some(0)).count();
    let null_count = |measure: &str| machines.column(measure).unwrap().null_count();
    assert!(rows_of_first_run > 0 && rows_of_first_run < machines.height());
    assert_eq!(null_count("concurrency"), rows_of_first_run);
    // Each machine has other receives whose send is known, so it has a message age.
    assert_eq!(null_count("message_age_mean_s"), 0);
    let measures: Vec<_> = analyze::measures::all().collect();
    let notes = analyze::measures::notes(&[Dataset::open(&imported).unwrap()], &measures);
    // The second note appears although every machine has a message age: one receive without a known send is enough for both notes.
    insta::assert_snapshot!(notes.join("\n"), @"
    imported: concurrency, false order unknown in runs with a receive that does not say which send it belongs to.
    imported: message age unknown for machines whose receives do not say which sends they belong to.
    ");
}

#[test]
fn minimal_logs_have_the_measures_that_need_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    let [original, imported] = ["original", "imported"].map(|name| folder.path().join(name));
    fixture::simulated(&original, ORIGINAL);
    let sources = as_minimal_logs(&original, folder.path());
    import::import(&sources, &Mapping::default(), &imported).unwrap();
    // The measures that need messages. The mean backlog is one of them, because it counts each message from its send to its receive.
    // Measures of the backlog that are not in this list need only the logged queue lengths.
    let of_messages = [
        "broadcast_share",
        "backlog_mean",
        "arrivals",
        "offered_load",
        "message_age_mean_s",
        "message_age_mean_ticks",
        "logical_age_mean",
        "concurrency",
        "false_order",
    ];
    require_same_measures(&measured(&original), &measured(&imported), &of_messages);
    let audit = Audit::run(&[imported]).unwrap();
    assert!(audit.is_clean(), "{:#?}", audit::words(&audit));
    insta::assert_snapshot!(audit::words(&audit).join("\n"), @"
    imported: 3 runs, 600 events, 0 messages.
    imported: not checked: phases (the planned times of ticks are not known); ticks (ticks are not logged, so each row counts as one); receive_clock (receives do not have the timestamp of their message); stamp (the timestamps of sends were computed from the stamp rule); clock_condition, sent, received_once, link_order, causality, queue_order (the send of each receive is not known); queue_length, conservation (sends do not name their recipients, or queue lengths are not logged); internal_share (the probability was measured in the same log); recipients (the rule for recipients was not given).

    Check passed: in all 8 checks, these logs follow the rules of machines with Lamport clocks.
    ");
}

/// Each change of a correct log imitates a bug of a public program for the classroom exercise of README.md. The audit of the imported
/// dataset must find the change.
#[test]
fn bugs_in_imported_logs_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original");
    fixture::simulated(&original, ORIGINAL);
    let text = as_one_file(&original);
    let mapping = mapping(
        "time = \"ms\"\ninternal = 0.7\n[columns]\nsystem_time = \"when\"\nevent = \"what\"\n",
    );
    // The checks that fail after the import of the log `text`. `name` is used only in the names of files.
    let failed = |name: &str, text: &str| -> Vec<Check> {
        let (log, imported) = (
            folder.path().join(format!("{name}.log")),
            folder.path().join(name),
        );
        fs::write(&log, text).unwrap();
        import::import(&[log], &mapping, &imported).unwrap();
        let audit = Audit::run(&[imported]).unwrap();
        Check::ALL
            .into_iter()
            .filter(|&check| {
                let (_, violations) = audit.counts(check);
                violations > 0
            })
            .collect()
    };
    let rows: Vec<&str> = text.lines().collect();
    // The index of the row with number `n` (from 0) among the rows that contain `word`.
    let index_of = |word: &str, n: usize| {
        let has_word = |(_, row): &(usize, &&str)| row.contains(word);
        rows.iter().enumerate().filter(has_word).nth(n).unwrap().0
    };
    // The log with `row` in place of the row at `index`. If `row` is `None`, the row at `index` is removed.
    let with_row = |index: usize, row: Option<String>| {
        let mut rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        match row {
            Some(row) => rows[index] = row,
            None => drop(rows.remove(index)),
        }
        rows.join("\n")
    };
    // The log with one changed number. The columns (counted from 0) are 4 for the clock, 5 for the queue length and 7 for the timestamp.
    let changed = |index: usize, column: usize, change: fn(u64) -> u64| {
        let mut cells: Vec<String> = rows[index].split(';').map(str::to_owned).collect();
        cells[column] = change(cells[column].parse().unwrap()).to_string();
        with_row(index, Some(cells.join(";")))
    };
    let receive = index_of("RECEIVED", 9);
    assert!(
        failed("clock", &changed(receive, 4, |clock| clock + 1)).contains(&Check::ReceiveClock)
    );
    assert!(failed("stamp", &changed(receive, 7, |stamp| stamp + 1_000)).contains(&Check::Sent));
    assert!(
        failed("queue", &changed(receive, 5, |length| length + 50)).contains(&Check::QueueLength)
    );
    let internal = index_of("INTERNAL", 30);
    // Now a message waits after the internal event. So the machine should have received a message instead.
    assert!(failed("idle", &changed(internal, 5, |length| length + 1)).contains(&Check::Idle));
    assert!(failed("local", &changed(internal, 4, |clock| clock + 1)).contains(&Check::LocalClock));
    let send = index_of("SENT", 3);
    // Without the row of this send, the log still has the receive of the message, so this receive has no send.
    assert!(failed("lost", &with_row(send, None)).contains(&Check::Sent));
    assert_eq!(failed("correct", &text), []);
}

#[test]
fn lines_of_free_text_are_read_by_a_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let [log, mapping_file, imported] =
        ["run.log", "mapping.toml", "imported"].map(|name| folder.path().join(name));
    let line =
        |s: u32, machine: u32, words: &str| format!("[09:30:{s:02}.250] VM {machine}: {words}\n");
    let text = ["Simulation started\n".to_owned()]
        .into_iter()
        .chain((0..10).flat_map(|s| {
            // The import finds out whether queue lengths are logged after or before the event. The first receive has length 1, which is
            // possible in both cases. Before the receive, its own message waits. After the receive, another message can wait, because the
            // machine's next event is also a receive. The other receives have length 0, which is possible only after a receive.
            let queue = u32::from(s == 0);
            [
                line(s, 1, &format!("Sent to 2, clock={}, queue=0", s + 1)),
                line(s, 2, &format!("Received, clock={}, queue={queue}", s + 2)),
            ]
        }));
    fs::write(&log, text.collect::<String>()).unwrap();
    let mapping_text = r"line = '^\[(?<system_time>\S+)\] VM (?<machine>\d+): (?<event>\w+)(?: to (?<recipients>\d+))?, clock=(?<logical_clock>\d+), queue=(?<queue_length>\d+)$'";
    fs::write(&mapping_file, mapping_text).unwrap();
    let arguments = [
        "import",
        "run.log",
        "--mapping",
        "mapping.toml",
        "--into",
        "imported",
    ];
    let (code, words, _) = analyze(&arguments, folder.path());
    assert_eq!(code, 0);
    // Why the output says 8 rows and 9 receives, although the log has 10 sends and 10 receives:
    // - The clock of a send is compared with the machine's previous row and its next row. The first and the last send lack one of the two.
    //   The clocks of the sends grow by 1, so they fit both `after` and `before`. Receives without a timestamp are not checked.
    // - The queue length of a receive is compared with the machine's next row. The last receive has no next row.
    insta::assert_snapshot!(words, @"
    How the logs are read

    field          found                                 such as                          rows
    ──────────────────────────────────────────────────────────────────────────────────────────
    machine        group `machine` of the pattern        1, 2                         20 of 20
    event          group `event` of the pattern          Sent, Received               20 of 20
    system_time    group `system_time` of the pattern    09:30:00.250, 09:30:01.250   20 of 20
    logical_clock  group `logical_clock` of the pattern  1, 2                         20 of 20
    queue_length   group `queue_length` of the pattern   0, 1                         20 of 20
    recipients     group `recipients` of the pattern     2                            10 of 20

    1 run, 20 events.
    Machines: 0 is 1, 1 is 2.
    1 run: rates=1,1 internal=0 phase=unknown stamp=after duration_s=10.
    Left out: 1 line, because no event was recognised: 1 like `Simulation started` (run.log line 1)
    Each row is counted as one tick.
    The probability of internal events was measured from the logs and rounded; set it with --internal.
    The rates were measured from the logs: 1.000, 1.000 per second, taken as 1, 1; set them with --rates.
    Logical clocks are logged after the event: 8 of 8 rows fit this, and 8 fit `before`. To choose this yourself, use
    --clock.
    Queue lengths are logged after the event: 9 of 9 receives fit this, and 1 fit `before`. To choose this yourself, use
    --queue.
    The timestamps of sent messages were calculated from the senders' clocks; set the rule with --stamp.
    10 of 10 receives do not have a sender: they are not matched with sends.
    10 of 10 receives do not have a timestamp: the rule max(clock, stamp) + 1 is not checked for them.
    10 of 10 receives do not have a known send: ages of messages, concurrency and the Clock Condition between machines are
    not measured or checked.

    The dataset is in imported. Next: analyze summary imported, analyze audit imported
    ");
    let machines = measured(&imported);
    let clocks = machines.column("clock_final").unwrap().i64().unwrap();
    // In the last second (s = 9), the clock of the send is s + 1 and the clock of the receive is s + 2.
    assert_eq!(clocks.into_no_null_iter().collect::<Vec<_>>(), [10, 11]);
}
