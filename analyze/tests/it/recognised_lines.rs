//! Tests that `analyze import` correctly reads lines that could easily be misread. Examples are events of several lines, lines that say
//! that something did not happen (`No message received`), and values next to arrows or units.

use std::fs;

use analyze::import::Mapping;

use crate::foreign_logs::{self as logs, Kind, Row, lines};
use crate::recognised::{WORDS, imported, labelled};

/// Writes a run as one log file for each machine, `vm1.log` and so on, and imports the files. `text` makes the text of a file from the rows
/// (events) of one machine. Requires that the import finds the same events as an import of the same run from CSV files (`logs::plain`).
/// `what` names the format in failures.
fn require_plain(what: &str, text: impl Fn(&[Row]) -> String) {
    let found = imported("vmN.log", &Mapping::default(), text);
    let (found, _) = found.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found, logs::plain(&logs::runs()[..1]), "{what}");
}

fn time(row: &Row) -> String {
    row.time("%Y-%m-%d %H:%M:%S.%6f")
}

/// `to` or `from`, and the names of the peers. Empty for internal events.
fn peers(row: &Row) -> String {
    // The three texts are for internal events, sends and receives, as everywhere in this file.
    let label = row.word(["", " to ", " from "]);
    format!("{label}{}", row.names(" and "))
}

/// `label`, and then the message's timestamp. Empty for internal events.
fn stamp(row: &Row, label: &str) -> String {
    row.stamp
        .map_or(String::new(), |stamp| format!("{label}{stamp}"))
}

#[test]
fn records_of_two_or_more_lines() {
    let words = ["Internal event", "Sent", "Received"];
    // A record is the text of one event, here two or more lines. The first argument of `require_plain` says what a record begins with.
    require_plain("the time", |rows| {
        lines(rows, |row| {
            let (word, peers, stamp) = (row.word(words), peers(row), stamp(row, " | stamp: "));
            format!(
                "[{}]\n    {word}{peers} | clock: {} | queue: {}{stamp}",
                time(row),
                row.clock,
                row.queue
            )
        })
    });
    require_plain("the clock", |rows| {
        lines(rows, |row| {
            let (word, peers, stamp) = (row.word(words), peers(row), stamp(row, ", stamp: "));
            format!(
                "Logical clock: {}\n{word}{peers} at {}, queue: {}{stamp}",
                row.clock,
                time(row),
                row.queue
            )
        })
    });
    require_plain("a label", |rows| {
        lines(rows, |row| {
            let (word, peers, stamp) = (row.word(words), peers(row), stamp(row, "\nStamp: "));
            format!(
                "System time: {}\nEvent: {word}{peers}\nLogical clock: {}\nQueue length: {}{stamp}",
                time(row),
                row.clock,
                row.queue
            )
        })
    });
}

#[test]
fn an_event_that_did_not_happen_is_not_read() {
    require_plain("no message received", |rows| {
        lines(rows, |row| {
            let word = row.word([
                "No message received, internal event",
                "No message received, sent message",
                "Message received",
            ]);
            format!(
                "{} {word}{}. clock: {}. queue: {}{}",
                time(row),
                peers(row),
                row.clock,
                row.queue,
                stamp(row, ". stamp: ")
            )
        })
    });
}

#[test]
fn colour_codes_are_stripped() {
    require_plain("colours", |rows| {
        lines(rows, |row| {
            // Without colours, a line ends like `... | SEND | clock: 5 | queue: 0 | to: 2 | stamp: 5`.
            let line = labelled(row, " | ", ": ");
            format!(
                "\u{1b}[32m{}\u{1b}[0m",
                line.replace("clock", "\u{1b}[1;31mclock")
            )
        })
    });
}

/// A logical clock grows at every event. In these logs, the number after `logical clock:` grows only at every fourth event. But the label
/// says that this number is a clock, so the import accepts the number. The import must do the same if another line has a number without a
/// label (`Listening on 5000`).
#[test]
fn labelled_clocks_are_accepted_even_if_a_line_that_is_no_event_has_a_number() {
    let with_first_line = |first_line: &str| {
        let found = imported("vmN.log", &Mapping::default(), |rows| {
            let events = rows.iter().zip(0..);
            let line = |(row, index): (&Row, u64)| {
                format!(
                    "{} internal event, logical clock: {}\n",
                    time(row),
                    index / 4
                )
            };
            format!("{first_line}{}", events.map(line).collect::<String>())
        });
        found.unwrap_or_else(|error| panic!("{error}")).0
    };
    assert_eq!(with_first_line("Listening on 5000\n"), with_first_line(""));
}

#[test]
fn summary_lines_are_left_out_and_reported() {
    let found = imported("vmN.log", &Mapping::default(), |rows| {
        let last = rows.last().unwrap();
        format!(
            "{}{} | Summary: sent 25 messages | clock: {} | queue: 0\n",
            lines(rows, |row| labelled(row, " | ", ": ")),
            time(last),
            last.clock
        )
    });
    let (found, report) = found.unwrap();
    assert_eq!(found, logs::plain(&logs::runs()[..1]));
    assert!(report.contains("Summary: sent 25 messages"), "{report}");
}

#[test]
fn a_line_with_the_old_and_the_new_clock_gives_the_new_one() {
    for arrow in ["->", "=>"] {
        require_plain(arrow, |rows| {
            lines(rows, |row| {
                format!(
                    "{} {}{} clock: {} {arrow} {} queue={}{}",
                    time(row),
                    row.word(WORDS),
                    peers(row),
                    row.clock - 1,
                    row.clock,
                    row.queue,
                    stamp(row, " msg_clock=")
                )
            })
        });
    }
}

#[test]
fn peers_after_arrows_and_in_other_forms() {
    type Form = fn(&Row) -> String;
    let forms: [(&str, Form); 5] = [
        ("arrows", |row| {
            format!("{} [{}]", row.word(["", " ->", " <-"]), row.names(", "))
        }),
        // As Python prints them: `(2,)` and `(2, 3)`. Only a send has several peers.
        ("tuples", |row| match row.peers.len() {
            0 => String::new(),
            1 => format!("{}({},)", row.word(["", " to ", " from "]), row.peers[0]),
            _ => format!(" to ({})", row.names(", ")),
        }),
        ("names with a dash", |row| {
            let names: Vec<String> = row.peers.iter().map(|peer| format!("vm-{peer}")).collect();
            let label = row.word(["", " to ", " from "]);
            format!("{label}{}", names.join(" and "))
        }),
        ("sent by", |row| {
            let label = row.word(["", " to vm", " message sent by vm"]);
            format!("{label}{}", row.names(" and vm"))
        }),
        ("peer=", |row| match row.kind {
            Kind::Internal => String::new(),
            _ => format!(" peer={}", row.names(",")),
        }),
    ];
    for (what, form) in forms {
        require_plain(what, |rows| {
            lines(rows, |row| {
                let peers = match row.kind {
                    Kind::Internal => String::new(),
                    _ => form(row),
                };
                format!(
                    "{} | {}{peers} | lc: {} | queue: {}{}",
                    time(row),
                    row.word(WORDS),
                    row.clock,
                    row.queue,
                    stamp(row, " | stamp: ")
                )
            })
        });
    }
}

#[test]
fn units_after_times() {
    let text = |unit: &'static str| {
        move |rows: &[Row]| {
            lines(rows, |row| {
                let time = match unit {
                    "us" => row.us.to_string(),
                    _ => row.seconds(),
                };
                let line = labelled(row, " | ", ": ");
                // The time at the start of the line is replaced.
                let (_, rest) = line.split_once(" | ").unwrap();
                format!("{time}{unit} | {rest}")
            })
        }
    };
    require_plain("seconds", text("s"));
    require_plain("microseconds", text("us"));
    // The first half of each log is in microseconds, the second half in seconds. Such a mixture is refused.
    let mixed = imported("vmN.log", &Mapping::default(), |rows| {
        let mut parts = rows.chunks(rows.len() / 2);
        format!(
            "{}{}",
            text("us")(parts.next().unwrap()),
            text("s")(parts.next().unwrap())
        )
    });
    assert!(mixed.is_err(), "{mixed:?}");
}

#[test]
fn a_name_at_the_start_of_each_line_is_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.log");
    let mut rows = logs::runs()[0].clone();
    rows.sort_by_key(|row| row.us);
    for (begin, end) in [("vm", ": "), ("[vm", "] "), ("M", " | ")] {
        let text = lines(&rows, |row| {
            format!("{begin}{}{end}{}", row.machine, labelled(row, " | ", ": "))
        });
        fs::write(&file, text).unwrap();
        let (found, _) = logs::import(std::slice::from_ref(&file), &Mapping::default()).unwrap();
        assert_eq!(found, logs::plain(&logs::runs()[..1]), "{begin}");
    }
    // Here a line begins with `t0` if the clock is even and with `t1` if it is odd, whatever its machine is. So the lines that begin with
    // `t0` are from several machines, and from one of these lines to the next the clock sometimes falls. The clock of a machine never
    // falls, so `t0` cannot be the name of a machine.
    let text = lines(&rows, |row| {
        let name = row.clock % 2;
        format!("t{name}: {}", labelled(row, " | ", ": "))
    });
    fs::write(&file, text).unwrap();
    let refused = logs::import(&[file], &Mapping::default());
    assert!(refused.is_err(), "{refused:?}");
}
