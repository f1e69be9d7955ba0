//! Tests of `analyze import` with inconsistent logs: contradictions are reported, and measures are null if a contradiction makes them
//! unreliable. Harmless irregularities are not reported as violations.
//!
//! The tests take logs that follow the rules. In most tests a closure changes rows before the import. A row is a list of seven cells, in
//! the order of [`crate::foreign::HEADER`]: `cells[0]` is the time in ns, 1 the event, 2 the clock, 3 the queue length, 4 the recipients, 5
//! the sender, 6 the timestamp.

use std::fs;

use analyze::audit::{self, Check};
use analyze::import::Mapping;
use polars::prelude::DataFrame;

use crate::foreign::{Imported, Queue, Style, experiment};

/// The values of a measure, one for each machine of each run.
fn numbers(measured: &DataFrame, name: &str) -> Vec<Option<f64>> {
    let column = measured.column(name).unwrap();
    let column = column.cast(&polars::prelude::DataType::Float64).unwrap();
    column.f64().unwrap().iter().collect()
}

/// Requires that these measures are null for every machine.
fn require_null(measured: &DataFrame, names: &[&str]) {
    for name in names {
        let numbers = numbers(measured, name);
        assert!(numbers.iter().all(Option::is_none), "{name}: {numbers:?}");
    }
}

/// Makes the time in a row later by `by_ns`.
fn delay(cells: &mut [String; 7], by_ns: u64) {
    cells[0] = (cells[0].parse::<u64>().unwrap() + by_ns).to_string();
}

/// The system clock of one machine is 3 s ahead. So, by the logged times, other machines receive its messages before it sends them. Then
/// times of different machines cannot be compared, and measures that compare them are null.
#[test]
fn measures_that_compare_machines_times_are_null_if_system_clocks_differ() {
    let logs = Imported::altered(
        &experiment(11, ""),
        Style::default(),
        &Mapping::default(),
        |machine, rows| {
            if machine == 2 {
                rows.iter_mut()
                    .for_each(|cells| delay(cells, 3_000_000_000));
            }
        },
    );
    let compare_times = [
        "backlog_mean",
        "lag_mean",
        "lag_slope",
        "message_age_mean_s",
        "message_age_mean_ticks",
        "spread_mean",
        "spread_max",
    ];
    // These measures are null, and all others are the same as without the change.
    logs.require_measures(&compare_times);
    assert_eq!(logs.failed(), []);
    let words = logs.words();
    assert!(
        words.contains("s before they are sent, so the machines' system clocks differ"),
        "{words}"
    );
    // The audit names the checks that it could not make. `causality` would compare the times of sends and receives.
    let not_checked = audit::words(&logs.audit()).join("\n");
    assert!(not_checked.contains("causality"), "{not_checked}");
}

/// Each machine's log begins an hour after the previous machine's log. Logs look like this if the folder has logs of different runs, or if
/// the machines were started one after the other. Measures that compare times of different machines are null.
#[test]
fn measures_that_compare_machines_times_are_null_if_logs_do_not_overlap() {
    let logs = Imported::altered(
        &experiment(12, ""),
        Style {
            // The rows of receives have neither sender nor timestamp. So the import cannot compare the time of a receive with the time
            // of its send.
            messages: false,
            ..Style::default()
        },
        &Mapping::default(),
        |machine, rows| {
            let by_ns = machine as u64 * 3_600_000_000_000;
            rows.iter_mut().for_each(|cells| delay(cells, by_ns));
        },
    );
    let measured = logs.measured();
    require_null(&measured, &["lag_mean", "spread_max", "backlog_mean"]);
    let words = logs.words();
    // The report says that the log of machine 0 ends almost two hours before the log of machine 2 begins.
    assert!(words.contains("begins"), "{words}");
    // Rates, jumps and the largest logged queue length do not depend on the times of other machines.
    let original = crate::imported::measured(&logs.original);
    for name in ["logical_rate", "jump_mean", "tick_rate", "backlog_max"] {
        assert_eq!(numbers(&measured, name), numbers(&original, name), "{name}");
    }
}

/// Some received messages have no logged send. The backlog would be negative if it were calculated as sends minus receives. So measures
/// that count the sends to a machine are null.
#[test]
fn receives_without_a_logged_send_give_no_negative_backlog() {
    let logs = Imported::altered(
        &experiment(13, ""),
        Style::default(),
        &Mapping::default(),
        |_, rows| {
            for cells in rows {
                // Every send to both others is logged as a send to the last of them only.
                if let Some((_, last)) = cells[4].split_once(';') {
                    cells[4] = last.to_owned();
                }
            }
        },
    );
    require_null(
        &logs.measured(),
        &["backlog_mean", "arrivals", "offered_load"],
    );
    let words = logs.words();
    assert!(words.contains("had been sent to it"), "{words}");
    assert!(logs.failed().contains(&Check::Sent));
}

/// The import prefers a duration of whole seconds, but none fits the logs of this test. They are cut at 5.25 s. The fastest machine ticks
/// at 0, 1/6, 2/6, ... s, so its last event is at 31/6 = 5.167 s. If the run had lasted 6 s, this machine would also have an event at
/// 32/6 = 5.333 s. So the duration is 5.167 s, the time of the last event.
#[test]
fn the_duration_is_not_rounded_up_past_a_tick_that_is_not_in_the_log() {
    let logs = Imported::altered(
        &experiment(14, ""),
        Style::default(),
        &Mapping::default(),
        |_, rows| rows.retain(|cells| cells[0].parse::<u64>().unwrap() <= 5_250_000_000),
    );
    let durations: Vec<f64> = logs
        .dataset()
        .finished()
        .iter()
        .map(|run| run.duration_s())
        .collect();
    // One duration for each of the two runs.
    assert_eq!(durations, [5.167, 5.167], "{}", logs.words());
}

/// Rates that are not near a whole number, such as 5.4, keep their decimals. The report has the measured rates and those that the import
/// uses.
#[test]
fn rates_keep_decimals_and_the_report_has_the_measured_and_the_used_rates() {
    let text = experiment(15, "").replace("1, 3, 6", "5.4, 2.2, 3.3");
    let logs = Imported::new(&text, Style::default());
    let dataset = logs.dataset();
    let rates = dataset.finished()[0].configuration.rates.to_string();
    assert_eq!(rates, "5.4,2.2,3.3");
    let words = logs.words();
    assert!(
        words.contains("5.400, 2.200, 3.300 per second, taken as 5.4, 2.2, 3.3; set"),
        "{words}"
    );
}

/// All times since the start of the run are multiplied by 1.025, so the ticks are slower than planned. The measured rates are still near
/// whole numbers: 5.854, for example, is near 6. So the import rounds the measured rates, and the report says by how much.
#[test]
fn rates_near_whole_numbers_are_rounded_and_reported() {
    let logs = Imported::altered(
        &experiment(16, ""),
        Style::default(),
        &Mapping::default(),
        |_, rows| {
            for cells in rows {
                let ns: u64 = cells[0].parse().unwrap();
                cells[0] = (ns + ns / 40).to_string(); // 1 + 1/40 = 1.025
            }
        },
    );
    let words = logs.words();
    assert!(
        words.contains(
            "0.976, 2.927, 5.854 per second, taken as 1, 3, 6 (rounded by at most 2.5 %)"
        ),
        "{words}"
    );
}

/// The check `recipients` tests whether the sends go to the recipients with the probabilities of the rule (the parameter `sends`). The
/// original logs have the rule `unicast`: each send goes to one machine. By the rule `mix`, a third of the sends would go to both other
/// machines. So the check fails if the import is told that the rule is `mix`. If it is told no rule, the check is not made.
#[test]
fn the_check_recipients_is_made_only_if_the_rule_is_given() {
    let text =
        experiment(17, "sends = [\"unicast\"]\n").replace("duration_s = 20", "duration_s = 200");
    // Imports with the rule `sends`. Returns whether the check `recipients` was made, and which checks failed.
    let checked_and_failed = |sends: Option<&str>| {
        let mapping = Mapping {
            sends: sends.map(str::to_owned),
            ..Mapping::default()
        };
        let logs = Imported::altered(&text, Style::default(), &mapping, |_, _| {});
        let times_checked = logs.audit().counts(Check::Recipients).0;
        (times_checked > 0, logs.failed())
    };
    assert_eq!(checked_and_failed(None), (false, vec![]));
    assert_eq!(checked_and_failed(Some("unicast")), (true, vec![]));
    assert_eq!(
        checked_and_failed(Some("mix")),
        (true, vec![Check::Recipients])
    );
}

/// An idle event (an internal event or a send) needs an empty queue. If a message arrives while the program logs the event, the logged
/// queue length is 1, and the next event receives the message. This is allowed. But if the logged queue length is 1 at every internal
/// event, the check `idle` fails, because the next event is often not a receive.
#[test]
fn messages_that_arrive_during_an_idle_event_are_allowed() {
    let logs = Imported::altered(
        &experiment(18, ""),
        Style {
            // The rows of receives have neither sender nor timestamp.
            messages: false,
            ..Style::default()
        },
        &Mapping::default(),
        |_, rows| {
            for index in 1..rows.len() {
                let (before, after) = rows.split_at_mut(index);
                if let (Some(idle), Some(next)) = (before.last_mut(), after.first())
                    && idle[1] != "receive"
                    && next[1] == "receive"
                {
                    idle[3] = "1".to_owned();
                    // According to the logged sends and receives, no message waits at this event. So the check `QueueLength` would
                    // report the queue length 1. The audit makes this check only if every send names its recipients. Therefore the
                    // recipients of this event are removed. (For an internal event, this cell is already empty.)
                    idle[4].clear();
                }
            }
        },
    );
    assert_eq!(logs.failed(), []);
    let always_waiting = Imported::altered(
        &experiment(18, ""),
        Style::default(),
        &Mapping::default(),
        |_, rows| {
            for cells in rows.iter_mut().filter(|cells| cells[1] == "internal") {
                cells[3] = "1".to_owned();
            }
        },
    );
    assert!(always_waiting.failed().contains(&Check::Idle));
}

/// Some programs log a send after the message has left. Here all sends are logged 1.5 ms late, so a message can be received before its
/// logged send. The audit allows this, and no machine's mean message age is negative.
#[test]
fn sends_that_are_logged_a_little_late_are_allowed() {
    let logs = Imported::altered(
        &experiment(19, ""),
        Style::default(),
        &Mapping::default(),
        |_, rows| {
            for cells in rows.iter_mut().filter(|cells| cells[1] == "send") {
                delay(cells, 1_500_000);
            }
        },
    );
    assert_eq!(logs.failed(), []);
    let ages = numbers(&logs.measured(), "message_age_mean_s");
    assert!(ages.iter().flatten().all(|age| *age >= 0.0), "{ages:?}");
}

/// The dataset's file `sources.csv` says from which line of which log each event was read. So the audit can show the file and the line of a
/// violation, even after the dataset was moved. If `sources.csv` was changed, the audit shows neither.
#[test]
fn violations_name_file_and_line_of_the_imported_log() {
    for line_end in ["\n", "\r\n"] {
        let style = Style {
            line_end,
            queue: Queue::Receives,
            ..Style::default()
        };
        let logs = Imported::altered(
            &experiment(20, ""),
            style,
            &Mapping::default(),
            |machine, rows| {
                if machine == 1 {
                    // The clocks of the tenth and all later events are too large. The tenth event is line 11, after the header.
                    let later = rows.iter_mut().skip(9);
                    later.for_each(|cells| {
                        cells[2] = (cells[2].parse::<u64>().unwrap() + 50).to_string();
                    });
                }
            },
        );
        let moved = logs.folder.path().join("moved");
        fs::rename(&logs.root, &moved).unwrap();
        let audit = audit::Audit::run(std::slice::from_ref(&moved)).unwrap();
        // If the tenth event is a receive, the check `ReceiveClock` finds the wrong clock. Otherwise `LocalClock` finds it.
        let first = [Check::LocalClock, Check::ReceiveClock]
            .into_iter()
            .find_map(|check| audit.first(check))
            .unwrap();
        let (file, line) = first.source.clone().unwrap();
        // The log of machine 1 is called vm2.csv, because the names of the logs count from 1.
        assert!(file.ends_with("run0/vm2.csv"), "{file}");
        assert_eq!(line, 11);
        let text = fs::read_to_string(&file).unwrap();
        // The clock is cell 2 of line 11. `nth` counts from 0, so line 11 is `nth(10)`.
        let logged_clock = text
            .lines()
            .nth(10)
            .unwrap()
            .split(',')
            .nth(2)
            .unwrap()
            .to_owned();
        assert!(
            first.words.contains(&format!("to {logged_clock},")),
            "{}",
            first.words
        );
        let words = audit::words(&audit).join("\n");
        assert!(
            words.contains("run0/vm2.csv\u{a0}line\u{a0}11 ("),
            "{words}"
        );

        // A row of `sources.csv` describes successive events of one log. The last two cells, such as `2,1`, say that the first of these
        // events is in line 2, and that each next event is 1 line further. The test changes `2,1` to `3,1`. Any change makes the checksum
        // of the file wrong.
        let sources = moved.join("sources.csv");
        let changed = fs::read_to_string(&sources)
            .unwrap()
            .replace(",2,1\n", ",3,1\n");
        fs::write(&sources, changed).unwrap();
        let audit = audit::Audit::run(std::slice::from_ref(&moved)).unwrap();
        assert!(Check::ALL.into_iter().all(|check| {
            audit
                .first(check)
                .is_none_or(|first| first.source.is_none())
        }));
        let words = audit::words(&audit).join("\n");
        assert!(
            words.contains("sources.csv: it has changed since it was written (checksum)"),
            "{words}"
        );
    }
}
