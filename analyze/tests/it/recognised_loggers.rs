//! Tests that logs in the formats of logging libraries, and logs of all machines in one file, are recognised without options. As in
//! `recognised`, the import must give the same events as from a plain table.

use std::fs;
use std::path::Path;

use analyze::import::Mapping;

use crate::command_line::analyze;
use crate::foreign_logs::{self as logs, Row, lines};
use crate::recognised::{WORDS, labelled, require_plain};

/// The peers and the timestamp of the message, such as ` to=[1 3] stamp=5`. `list` makes the text of several recipients.
fn message(row: &Row, list: impl Fn(&Row) -> String) -> String {
    let Some(stamp) = row.stamp else {
        return String::new();
    };
    let peers = match row.word(["", "to", "from"]) {
        "to" => list(row),
        _ => row.names(""),
    };
    format!(" {}={peers} stamp={stamp}", row.word(["", "to", "from"]))
}

#[test]
fn lines_of_logging_libraries() {
    let bracketed = |row: &Row| format!("[{}]", row.names(", "));
    require_plain("a span before the event", "vmN.log", |rows| {
        lines(rows, |row| {
            format!(
                "{}Z  INFO machine{{id={}}}: lamport::node: {} clock={} queue_len={}{}",
                row.time("%Y-%m-%dT%H:%M:%S.%6f"),
                row.machine,
                row.word(["internal", "sent", "received"]),
                row.clock,
                row.queue,
                message(row, bracketed)
            )
        })
    });
    require_plain("a quoted list of recipients", "vmN.log", |rows| {
        lines(rows, |row| {
            format!(
                "time={}Z level=INFO msg=\"{}\" lamport={} queue={}{}",
                row.time("%Y-%m-%dT%H:%M:%S.%6f"),
                row.word(["internal event", "message sent", "message received"]),
                row.clock,
                row.queue,
                message(row, |row| {
                    let names = row.peers.iter().map(|peer| format!("vm{peer}"));
                    format!("\"[{}]\"", names.collect::<Vec<_>>().join(" "))
                })
            )
        })
    });
    require_plain("the text in a field of JSON", "vmN.log", |rows| {
        lines(rows, |row| {
            format!(
                "{{\"level\": \"info\", \"message\": \"{} event. Clock: {}. Queue: {}.{}\", \"timestamp\": \"{}Z\"}}",
                row.word(WORDS),
                row.clock,
                row.queue,
                message(row, |row| row.names(" and ")),
                row.time("%Y-%m-%dT%H:%M:%S.%6f"),
            )
        })
    });
    require_plain("fields in braces after a word", "vmN.log", |rows| {
        lines(rows, |row| {
            format!(
                "{} {} Message{{clock={}, queue={},{}}}",
                row.time("%Y-%m-%d %H:%M:%S.%6f"),
                row.word(WORDS),
                row.clock,
                row.queue,
                message(row, bracketed).replace(" stamp", ", stamp")
            )
        })
    });
    require_plain("short words and a short label", "vmN.log", |rows| {
        lines(rows, |row| {
            format!(
                "[{}] {} | C={:5} Q={:3}{}",
                row.seconds(),
                row.word(["INTERNAL", "SND", "RCV"]),
                row.clock,
                row.queue,
                message(row, bracketed)
            )
        })
    });
}

#[test]
fn tables_with_aligned_columns_or_units() {
    require_plain("aligned columns", "vmN.txt", |rows| {
        let header = "Time              Event     Queue   Clock   Peers     Stamp\n========================\n";
        let rows = lines(rows, |row| {
            let stamp = row.stamp.map_or("-".to_owned(), |stamp| stamp.to_string());
            let peers = match row.peers.is_empty() {
                true => "-".to_owned(),
                false => row.names(", "),
            };
            format!(
                "{:16}  {:8}  {:6}  {:6}  {peers:8}  {stamp}",
                row.time("%H:%M:%S.%6f"),
                row.word(WORDS),
                row.queue,
                row.clock
            )
        });
        format!("{header}{rows}")
    });
    require_plain("numbers that end below each other", "vmN.txt", |rows| {
        let rows = lines(rows, |row| {
            let stamp = row.stamp.map_or("-".to_owned(), |stamp| stamp.to_string());
            let peers = match row.peers.is_empty() {
                true => "-".to_owned(),
                false => row.names(";"),
            };
            let (seconds, word) = (row.seconds(), row.word(WORDS));
            format!(
                "{seconds:20} {word:8} {:>2} {:>3} {peers} {stamp}",
                row.clock, row.queue
            )
        });
        format!("time  event  clock  queue  peers  stamp\n{rows}")
    });
    require_plain("seconds with their unit", "vmN.tsv", |rows| {
        let rows = lines(rows, |row| {
            let stamp = row.stamp.map_or(String::new(), |stamp| stamp.to_string());
            let (word, peers) = (row.word(WORDS), row.names(";"));
            format!(
                "{}s\t{word}\t{}\t{}\t{peers}\t{stamp}",
                row.seconds(),
                row.queue,
                row.clock
            )
        });
        format!("time\tevent\tqueue\tclock\tpeers\tstamp\n{rows}")
    });
    require_plain("the event before the time", "vmN.csv", |rows| {
        let rows = lines(rows, |row| {
            let stamp = row.stamp.map_or(String::new(), |stamp| stamp.to_string());
            let (word, peers) = (row.word(WORDS), row.names(";"));
            format!(
                "{word},{},{},{},{peers},{stamp}",
                row.seconds(),
                row.queue,
                row.clock
            )
        });
        format!("Event,Time,Queue,LC Value,peers,stamp\n{rows}")
    });
}

/// Writes all rows of `runs` to one file, in the order of time. The second run begins half a minute after the first.
fn write_one_file(path: &Path, runs: &[Vec<Row>], line: impl Fn(&Row) -> String) {
    let mut all = vec![];
    for (run, rows) in runs.iter().enumerate() {
        let us = |row: &Row| row.us + run as u64 * 30_000_000;
        all.extend(rows.iter().map(|row| Row {
            us: us(row),
            ..row.clone()
        }));
    }
    all.sort_by_key(|row| row.us);
    fs::write(path, lines(&all, line)).unwrap();
}

/// The names stand after the time. They have no label, or they are single letters after a word for machines. With two runs in the file,
/// the clock of each machine starts again.
#[test]
fn one_file_has_the_lines_of_all_machines() {
    let level_and_name = |row: &Row| {
        let labelled = labelled(row, " | ", ": ");
        let (time, rest) = labelled.split_once(" | ").unwrap();
        format!("{time} [info] [VM{}] {rest}", row.machine)
    };
    let letter = |row: &Row| {
        let labelled = labelled(row, " | ", ": ");
        let (time, rest) = labelled.split_once(" | ").unwrap();
        let name = ["", "A", "B", "C"][row.machine as usize];
        // Peers have the same names as machines.
        let rest = match row.peers.is_empty() {
            true => rest.to_owned(),
            false => {
                let names = row
                    .peers
                    .iter()
                    .map(|&peer| ["", "A", "B", "C"][peer as usize]);
                let names: Vec<&str> = names.collect();
                rest.replace(
                    &format!(": {} | stamp", row.names(" and ")),
                    &format!(": {} | stamp", names.join(" and ")),
                )
            }
        };
        format!("[{time}] Machine {name}: {rest}")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.log");
    for runs in [&logs::runs()[..1], logs::runs()] {
        let wanted = logs::plain(runs);
        for line in [&level_and_name as &dyn Fn(&Row) -> String, &letter] {
            write_one_file(&path, runs, line);
            let found = logs::import(std::slice::from_ref(&path), &Mapping::default());
            let (found, report) = found.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found, wanted, "{report}");
        }
    }
}

/// In a table with the names of machines, a single clock that starts again is an error of the program, and not a new trial.
#[test]
fn a_single_clock_that_starts_again_is_left_to_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let row = |index: u64| {
        let clock = if index < 30 { index + 1 } else { index - 29 };
        let other = index + 1;
        format!("0,{index}.1,internal,{clock},0\n1,{index}.2,internal,{other},0\n")
    };
    let rows: String = (0..40).map(row).collect();
    let path = folder.path().join("all.csv");
    fs::write(&path, format!("machine,time,event,clock,queue\n{rows}")).unwrap();
    let (found, report) = logs::import(&[path], &Mapping::default()).unwrap();
    assert_eq!((found.len(), found[0].len()), (1, 80), "{report}");
}

/// A machine that never sends has none of the most usual words for events in its log.
#[test]
fn the_log_of_a_machine_that_never_sends_is_not_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    let log = |words: [&str; 3]| {
        let rows = words.iter().zip(1..).map(|(word, clock)| {
            format!("2024-02-01 10:00:0{clock}.100 {word} clock: {clock} queue: 0\n")
        });
        rows.collect::<String>()
    };
    let quiet = log(["local event,", "dequeued message,", "local event,"]);
    fs::write(run.join("vm1.log"), quiet).unwrap();
    let sender = log(["local event,", "sent message,", "sent message,"]);
    fs::write(run.join("vm2.log"), &sender).unwrap();
    fs::write(run.join("vm3.log"), sender.replace(".100", ".200")).unwrap();
    let (found, report) = logs::import(&[run], &Mapping::default()).unwrap();
    assert_eq!(found[0].len(), 9, "{report}");
    assert!(!report.contains("Left out"), "{report}");
}

/// A line with a Unix time and an unknown word is not left out silently.
#[test]
fn an_unknown_word_after_a_unix_time_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for machine in 1..=2 {
        let line = |tick: u64| {
            let word = if tick == 7 { "ZAP" } else { "INTERNAL" };
            format!(
                "170929440{}.{machine}00 {word} clock={tick} queue=0\n",
                tick
            )
        };
        let text: String = (1..10).map(line).collect();
        fs::write(folder.path().join(format!("vm{machine}.log")), text).unwrap();
    }
    let error = logs::import(&[folder.path().to_owned()], &Mapping::default()).unwrap_err();
    assert!(
        error.contains("vm1.log line 7: the line has no known word for an event"),
        "{error}"
    );
}

/// `--columns peers=-` alone leaves the peers out. Everything else is recognised as without the option.
#[test]
fn a_column_can_be_left_out_of_a_recognised_format() {
    let folder = tempfile::tempdir().unwrap();
    logs::write(
        folder.path(),
        &logs::runs()[0],
        |machine| format!("run/vm{machine}.log"),
        |rows| lines(rows, |row| labelled(row, " | ", ": ")),
    );
    let import = |name: &str| {
        let option = format!("{name}=-");
        let arguments = ["import", "run", "--columns", &option, "--explain"];
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!((code, err.as_str()), (0, ""));
        out
    };
    assert!(import("tick").contains("stamp "));
    let without_stamp = import("stamp");
    assert!(!without_stamp.contains("stamp ") && without_stamp.contains("queue_length"));
}

/// The file of a mapping must end in `.toml`. So a log is not replaced if the user forgets the name of the mapping's file.
#[test]
fn logs_and_files_of_datasets_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let log = "time,event,clock,queue\n1.0,internal,1,0\n";
    fs::write(folder.path().join("vm1.csv"), log).unwrap();
    let (code, _, err) = analyze(
        &[
            "import",
            "--write-mapping",
            "vm1.csv",
            "vm2.csv",
            "--into",
            "x",
        ],
        folder.path(),
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("the name of the file must end in .toml"),
        "{err}"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("vm1.csv")).unwrap(),
        log
    );
    crate::fixture::simulated(&folder.path().join("small"), crate::fixture::SMALL);
    let events = folder.path().join("small/events-0000.csv");
    let before = fs::read(&events).unwrap();
    let (code, _, err) = analyze(
        &[
            "trace",
            "small",
            "--run",
            "0",
            "--format",
            "shiviz",
            "--out",
            "small/events-0000.csv",
        ],
        folder.path(),
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("this is a file of a dataset, which must not be replaced"),
        "{err}"
    );
    assert_eq!(fs::read(&events).unwrap(), before);
}
