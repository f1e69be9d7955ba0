//! Tests that `analyze import` recognises logs in many formats without options. A *mapping* is a description of a format; it is
//! needed only if a format is not recognised. Most tests write the same simulated run in another format. Then the import must give the
//! same events as from a plain table (see `foreign_logs`).

use std::fs;

use analyze::import::{self, Mapping};

use crate::command_line::analyze;
use crate::foreign_logs::{self as logs, Imported, Row, TITLES, lines};

/// Writes the first simulated run, one file for each machine, and imports it. `text` makes the text of a file from the machine's
/// rows. In the file name `name`, `N` stands for the number of the machine (in these logs 1, 2 or 3). Returns the events and the
/// report, or the error.
pub fn imported(
    name: &str,
    mapping: &Mapping,
    text: impl Fn(&[Row]) -> String,
) -> Result<(Imported, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let run = &logs::runs()[0];
    let files = logs::write(
        folder.path(),
        run,
        |machine| name.replace('N', &machine.to_string()),
        text,
    );
    logs::import(&files, mapping)
}

/// Requires that the files with this text give the same events as plain tables. `what` names the format in failures.
pub fn require_plain(what: &str, name: &str, text: impl Fn(&[Row]) -> String) {
    let found = imported(name, &Mapping::default(), text);
    let (found, _) = found.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found, logs::plain(&logs::runs()[..1]), "{what}");
}

/// Words for internal, send and receive events.
pub const WORDS: [&str; 3] = ["INTERNAL", "SEND", "RECEIVE"];

/// The peers and the message's timestamp, each with its label, such as ` | to: 1 and 3 | stamp: 5` if `separator` is ` | ` and `sign` is
/// `: `. Empty for internal events.
fn labelled_message(row: &Row, separator: &str, sign: &str) -> String {
    let Some(stamp) = row.stamp else {
        return String::new();
    };
    // The label for a send or a receive; an internal event needs none.
    let label = row.word(["", "to", "from"]);
    format!(
        "{separator}{label}{sign}{}{separator}stamp{sign}{stamp}",
        row.names(" and ")
    )
}

/// A line in which all values except the time and the kind of event have a label. `sign` stands between label and value, `separator`
/// between parts. With `: ` and ` | `, a line is `2030-03-17 17:46:42.500000 | SEND | clock: 5 | queue: 0 | to: 1 and 3 | stamp: 5`.
pub fn labelled(row: &Row, separator: &str, sign: &str) -> String {
    let [time, word] = [
        row.time("%Y-%m-%d %H:%M:%S.%6f"),
        row.word(WORDS).to_owned(),
    ];
    format!(
        "{time}{separator}{word}{separator}clock{sign}{}{separator}queue{sign}{}{}",
        row.clock,
        row.queue,
        labelled_message(row, separator, sign)
    )
}

#[test]
fn values_after_labels_or_keys() {
    require_plain("labels", "vmN.log", |rows| {
        lines(rows, |row| labelled(row, " | ", ": "))
    });
    require_plain("keys", "vmN.log", |rows| {
        lines(rows, |row| labelled(row, " ", "="))
    });
    require_plain("a logging library's prefix", "vmN.log", |rows| {
        lines(rows, |row| {
            format!("INFO:root:{}", labelled(row, ", ", "="))
        })
    });
    require_plain("lines that are not events", "vmN.log", |rows| {
        format!(
            "Clock rate: 3 ticks per second\n\n{}machine stopped\n",
            lines(rows, |row| labelled(row, " | ", ": "))
        )
    });
}

#[test]
fn json_objects_in_lines_or_in_one_list() {
    let object = |row: &Row| {
        let peers: Vec<u32> = row.peers.clone();
        // The key `peers` does not say whether the peers are recipients or a sender. So only internal events use this key: their list of
        // peers is empty.
        let key = row.word(["peers", "recipients", "sender"]);
        let peers = match key {
            "sender" => serde_json::json!(peers[0]),
            _ => serde_json::json!(peers),
        };
        let object = serde_json::json!({"event": row.word(WORDS), "system_time": row.seconds().parse::<f64>().unwrap(), "logical_clock": row.clock, "queue_length": row.queue, key: peers, "stamp": row.stamp});
        object.to_string()
    };
    // As a floating-point number, a time in seconds since the Unix epoch is exact only to a quarter of a microsecond. The test allows
    // more: differences below a whole microsecond (1,000 ns).
    let require_near = |text: &dyn Fn(&[Row]) -> String| {
        let found = imported("vmN.jsonl", &Mapping::default(), text).unwrap().0;
        let wanted = logs::plain(&logs::runs()[..1]);
        assert_eq!(found[0].len(), wanted[0].len());
        for (found, wanted) in found[0].iter().zip(&wanted[0]) {
            let ((machine, ns, event), (wanted_machine, wanted_ns, wanted_event)) = (found, wanted);
            assert_eq!((machine, event), (wanted_machine, wanted_event));
            assert!(ns.abs_diff(*wanted_ns) < 1_000, "{found:?} {wanted:?}");
        }
    };
    require_near(&|rows| lines(rows, object));
    require_near(&|rows| {
        let objects: Vec<String> = rows.iter().map(object).collect();
        format!("[\n{}\n]\n", objects.join(",\n"))
    });
}

#[test]
fn records_of_several_lines() {
    let record = |row: &Row, ending: &str| {
        let message = labelled_message(row, "\n  ", ": ");
        format!(
            "{} event\n  Global time: {}\n  Queue length: {}\n  Logical clock time: {}{message}{ending}",
            row.word(WORDS),
            row.seconds(),
            row.queue,
            row.clock
        )
    };
    require_plain("with blank lines between", "vmN.log", |rows| {
        lines(rows, |row| record(row, "\n"))
    });
    require_plain("without blank lines", "vmN.log", |rows| {
        lines(rows, |row| record(row, ""))
    });
}

#[test]
fn words_of_many_programs() {
    // The row of the plain table with another word for the kind of event.
    let with_word = |word: &dyn Fn(&Row) -> String, row: &Row| {
        let cells = row.csv();
        let cells: Vec<&str> = cells.split(',').collect();
        format!("{},{},{}", cells[0], word(row), cells[2..].join(","))
    };
    let table = |word: &dyn Fn(&Row) -> String, rows: &[Row]| {
        format!("{TITLES}\n{}", lines(rows, |row| with_word(word, row)))
    };
    for words in [
        ["An internal event", "Message sent", "Msg received"],
        ["LOCAL", "SENT", "RECV"],
        ["interno", "enviado", "recibido"],
        ["idle", "gesendet", "empfangen"],
        ["interne", "envoyé", "reçu"],
    ] {
        require_plain(words[0], "vmN.csv", |rows| {
            table(&|row| row.word(words).to_owned(), rows)
        });
    }
    // Some words mean a send to all. In this table, the rows of sends to all have such a word (`word`), and their cell of peers is empty.
    // The first row is not an event: it has the word `start`.
    let without_peers = |word: &'static str, rows: &[Row]| {
        let line = |row: &Row| match row.is_to_all() {
            true => row.csv_with(&row.seconds(), "").replace("send", word),
            false => row.csv(),
        };
        format!("{TITLES}\n0.5,start,0,0,,\n{}", lines(rows, line))
    };
    for word in [
        "SEND_ALL",
        "sendall",
        "Multicast",
        "broadcast",
        "MULTI_SEND",
        "Sent to both",
    ] {
        require_plain(word, "vmN.csv", |rows| without_peers(word, rows));
    }
    // A mapping can add words, here `SHOUT` for a send to all, and `hello` for a row that is not an event.
    let mapping = Mapping::parse(
        "[events]\nsend_all = [\"SHOUT\"]\nignore = [\"hello\"]\n",
        "m.toml".as_ref(),
    )
    .unwrap();
    let shouted = imported("vmN.csv", &mapping, |rows| {
        without_peers("SHOUT", rows).replace("start", "hello")
    });
    let (shouted, report) = shouted.unwrap();
    assert_eq!(shouted, logs::plain(&logs::runs()[..1]));
    // The 3 rows are the `hello` rows: one in the file of each machine.
    assert!(
        report.contains("Left out: 3 rows, because their words do not stand for an event: 3 like"),
        "{report}"
    );
    // Without a mapping, the import is refused because of the word `SHOUT`.
    let unknown = imported("vmN.csv", &Mapping::default(), |rows| {
        without_peers("SHOUT", rows)
    })
    .unwrap_err();
    assert!(unknown.contains("event `SHOUT` is not known; say which kind it is (internal, send, send_all, receive, ignore)"), "{unknown}");
}

#[test]
fn names_of_peers_in_many_forms() {
    for and in [" and ", ", and ", " & ", "+"] {
        let line = |row: &Row| row.csv_with(&row.seconds(), &format!("\"{}\"", row.names(and)));
        require_plain(and, "vmN.csv", |rows| {
            format!("{TITLES}\n{}", lines(rows, line))
        });
    }
    let in_words = |rows: &[Row]| {
        let line = |row: &Row| {
            let event_and_peers = row
                .word(
                    [
                        "Internal".to_owned(),
                        format!("Send to {}", row.names(" and ")),
                        format!("Receive from {}", row.names("")),
                    ]
                    .each_ref()
                    .map(String::as_str),
                )
                .to_owned();
            let stamp = row.stamp.map_or(String::new(), |stamp| stamp.to_string());
            format!(
                "{},{event_and_peers},{},{},{stamp}",
                row.seconds(),
                row.clock,
                row.queue
            )
        };
        format!("time,event,clock,queue,stamp\n{}", lines(rows, line))
    };
    require_plain("peers in the column of events", "node_N_log.csv", in_words);
    // `7` is not a machine of the run. If such a number is in the text of events, the import takes no peers from this text.
    let unknown_machine = |rows: &[Row]| in_words(rows).replace("from 2", "from 7");
    let (_, report) = imported("vmN.csv", &Mapping::default(), unknown_machine).unwrap();
    assert!(
        report.contains(
            "Peers are not taken from the text of events, because `7` does not name other machines of the run."
        ),
        "{report}"
    );
    // In a column of peers, a text that is not a machine of the run is an error. ` or ` does not separate two peers, so
    // `2 or 3` is taken as one name.
    let line = |row: &Row| row.csv_with(&row.seconds(), &row.names(" or "));
    let wrong_separator = |rows: &[Row]| format!("{TITLES}\n{}", lines(rows, line));
    let error = imported("vmN.csv", &Mapping::default(), wrong_separator).unwrap_err();
    assert!(error.contains("is not a machine of the run"), "{error}");
}

#[test]
fn times_in_many_formats() {
    let table = |time: &dyn Fn(&Row) -> String, rows: &[Row]| {
        format!(
            "{TITLES}\n{}",
            lines(rows, |row| row.csv_with(&time(row), &row.names(";")))
        )
    };
    // Some of these formats have no date or no year. That does no harm here: `require_plain` compares only the times since the first event
    // of the run.
    for format in [
        "%Y/%m/%d %H:%M:%S.%6f",
        "%Y-%m-%d:%H:%M:%S.%6f",
        "%a %b %e %H:%M:%S.%6f %Y",
        "%m/%d/%Y %I:%M:%S.%6f %p",
        "%b %e %H:%M:%S.%6f",
        "%H:%M:%S.%6f",
        "%Y-%m-%dT%H:%M:%S.%6fZ",
    ] {
        require_plain(format, "vmN.csv", |rows| {
            table(&|row| row.time(format), rows)
        });
    }
    require_plain("microseconds since the epoch", "vmN.csv", |rows| {
        table(&|row| row.us.to_string(), rows)
    });
    require_plain("nanoseconds since the epoch", "vmN.csv", |rows| {
        table(&|row| format!("{}000", row.us), rows)
    });
    let start = logs::runs()[0].iter().map(|row| row.us).min().unwrap();
    require_plain("milliseconds from 0", "vmN.csv", |rows| {
        table(
            &|row| {
                format!(
                    "{}.{:03}",
                    (row.us - start) / 1_000,
                    (row.us - start) % 1_000
                )
            },
            rows,
        )
    });
}

#[test]
fn preambles_and_other_titles_of_columns() {
    // A preamble is text before the titles of the columns.
    let body = |rows: &[Row]| lines(rows, Row::csv);
    require_plain("a preamble", "vmN.csv", |rows| {
        format!("Node up, 3 ticks per second\n{TITLES}\n{}", body(rows))
    });
    require_plain("other titles", "vmN.csv", |rows| {
        format!(
            "Global instant (real time),What was done,Lamport counter,Len of queue,Peer,Stamp\n{}",
            body(rows)
        )
    });
    let (_, report) = imported("vmN.csv", &Mapping::default(), |rows| {
        format!("Node up\n{TITLES}\n{}", body(rows))
    })
    .unwrap();
    // The 3 lines are the preambles: one in the file of each machine.
    assert!(
        report.contains("Left out: 3 lines")
            && report.contains("like `Node up` (")
            && report.contains("vm1.csv line 1)"),
        "{report}"
    );
}

#[test]
fn a_vector_clock_is_refused_with_an_error_that_says_so() {
    // The clock is a vector of three numbers: in a CSV table (`...,SEND,5 0 0,0`), then in lines with labels (`clock: [5, 0, 0] queue: 0`).
    for line in [
        |row: &Row| format!("{},{},{} 0 0,0", row.seconds(), row.word(WORDS), row.clock),
        |row: &Row| {
            format!(
                "{} {} clock: [{}, 0, 0] queue: 0",
                row.seconds(),
                row.word(WORDS),
                row.clock
            )
        },
    ] {
        let error = imported("vmN.csv", &Mapping::default(), |rows| {
            let lines = lines(rows, line);
            // Only the lines with labels have a bracket.
            let is_table = !lines.contains('[');
            match is_table {
                true => format!("time,event,clock,queue\n{lines}"),
                false => lines,
            }
        });
        let error = error.unwrap_err();
        assert!(error.contains("is a vector clock"), "{error}");
    }
}

/// `--explain` shows how the logs were understood, and makes no dataset. `--write-mapping` writes a mapping for these logs into a file. An
/// import with this mapping gives the same events as an import without it.
#[test]
fn a_written_mapping_gives_the_same_import() {
    let folder = tempfile::tempdir().unwrap();
    let run = &logs::runs()[0];
    logs::write(
        folder.path(),
        run,
        |machine| format!("run/vm{machine}.log"),
        |rows| lines(rows, |row| labelled(row, " | ", ": ")),
    );
    let (code, explained, _) = analyze(
        &["import", "run", "--explain", "--write-mapping", "m.toml"],
        folder.path(),
    );
    assert_eq!(code, 0);
    for wanted in [
        "logical_clock  behind `clock`",
        "queue_length   behind `queue`",
        "How the logs are read",
    ] {
        assert!(explained.contains(wanted), "{explained}");
    }
    let sources = [folder.path().join("run")];
    let text = fs::read_to_string(folder.path().join("m.toml")).unwrap();
    let mapping = Mapping::parse(&text, "m.toml".as_ref()).unwrap();
    // The written mapping has a pattern of lines, which is a regular expression in the key `line`.
    assert!(!mapping.line.is_empty());
    let wanted = logs::import(&sources, &Mapping::default()).unwrap().0;
    assert_eq!(logs::import(&sources, &mapping).unwrap().0, wanted);
    let (_, again) = import::understand(&sources, &mapping).unwrap();
    // An import with the mapping would write the same mapping again.
    assert_eq!(again, mapping);
    let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(entries.len(), 2, "the logs and the mapping, but no dataset");
}

#[test]
fn the_error_shows_how_far_a_pattern_matches() {
    // The pattern has ` - ` after the time, but the lines have ` | `. The blank still matches, the `-` does not.
    let mapping = Mapping::parse(
        r"line = '^(?<system_time>\S+ \S+) - (?<event>\w+) clock=(?<logical_clock>\d+)'",
        "m.toml".as_ref(),
    )
    .unwrap();
    let error = imported("vmN.log", &mapping, |rows| {
        lines(rows, |row| labelled(row, " | ", ": "))
    })
    .unwrap_err();
    let error = error.split_once("vm1.log ").unwrap().1;
    assert!(
        error.starts_with("line 1: the pattern of lines matches none of"),
        "{error}"
    );
    assert!(
        error.contains("After that the pattern has `- (?<event>"),
        "{error}"
    );
}

#[test]
fn the_error_for_unclear_lines_shows_the_line_and_a_mapping() {
    let unknown = imported("vmN.log", &Mapping::default(), |rows| {
        lines(rows, |row| {
            labelled(row, " | ", ": ").replace("INTERNAL", "TICK")
        })
    });
    let unknown = unknown.unwrap_err();
    assert!(
        unknown.contains("the line has no known word for an event") && unknown.contains("| TICK |"),
        "{unknown}"
    );
    let mapping = Mapping::parse("[events]\ninternal = [\"TICK\"]\n", "m.toml".as_ref()).unwrap();
    let found = imported("vmN.log", &mapping, |rows| {
        lines(rows, |row| {
            labelled(row, " | ", ": ").replace("INTERNAL", "TICK")
        })
    });
    assert_eq!(found.unwrap().0, logs::plain(&logs::runs()[..1]));
    // `old clock` means the clock before the event, but the import needs the clock after it.
    let no_clock = imported("vmN.log", &Mapping::default(), |rows| {
        lines(rows, |row| {
            labelled(row, " | ", ": ").replace("clock", "old clock")
        })
    });
    let no_clock = no_clock.unwrap_err();
    assert!(
        no_clock.contains("none of its values was recognised as logical_clock"),
        "{no_clock}"
    );
    // The error proposes a pattern of lines (`line = ...`), which can be parsed as a mapping.
    let line = no_clock.split_once("  line = ").unwrap().1;
    assert!(
        Mapping::parse(&format!("line = {}", line.trim()), "m.toml".as_ref()).is_ok(),
        "{line}"
    );
}

/// Text that is no log is refused with an error; the import does not panic.
#[test]
fn text_that_is_no_log_is_refused() {
    let texts = [
        "\u{0}",
        "[",
        "{",
        "(((",
        "to to to",
        "from [",
        "1 and",
        "clock: ",
        "é: 5 | send",
        "send 1 2 3\nreceive 1 2 3\n",
        "[1, 2",
        "2031-13-45 99:99:99 send clock: 1\n",
        "::::",
        "\n\n\n",
        "a\tb\tc\n1\t2\t3",
    ];
    for text in texts {
        let found = imported("vmN.log", &Mapping::default(), |_| text.to_owned());
        assert!(found.is_err(), "{text}");
    }
}
