//! Tests of `analyze import`: which files of a run's folder are imported, how numbers of other programs are read, and which values are
//! refused.

use std::fs;

use analyze::import::{self, Mapping};

use crate::command_line::analyze;

/// The log of one machine.
const LOG: &str = "time,event,clock,queue\n0.0,internal,1,0\n1.0,internal,2,0\n2.0,internal,3,0\n";

/// Makes a folder `run` with `files` (names and texts) and imports it. Returns the sentences of the report, or the error if the import
/// fails. The path of the temporary folder is removed from both, so a file is called `/run/vm1.csv`.
fn import_folder(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    for (name, text) in files {
        fs::write(run.join(name), text).unwrap();
    }
    let into = folder.path().join("into");
    let without_folder = |words: String| words.replace(&folder.path().display().to_string(), "");
    let report = import::import(&[run], &Mapping::default(), &into);
    // An import that fails must not make a dataset.
    assert_eq!(into.exists(), report.is_ok());
    report
        .map(|report| report.words().into_iter().map(without_folder).collect())
        .map_err(|error| without_folder(error.to_string()))
}

#[test]
fn file_names_in_capitals_are_accepted() {
    let words = import_folder(&[("vm1.csv", LOG), ("VM2.CSV", LOG), ("vm3.Log", LOG)]).unwrap();
    assert_eq!(
        words[..2],
        [
            "1 run, 9 events.",
            "Machines: 0 is vm1, 1 is VM2, 2 is vm3."
        ]
    );
    assert!(!words.iter().any(|sentence| sentence.contains("Left out")));
}

/// The program that wrote the second log was started twice, so the log has a second header (line 5). The program was stopped while it wrote
/// the last row (line 7), so this row is incomplete. An incomplete row in the middle of a log is an error.
#[test]
fn repeated_headers_and_an_incomplete_last_row_are_left_out() {
    let started_twice = format!("{LOG}time,event,clock,queue\n3.0,internal,4,0\n4.0,inter");
    let words = import_folder(&[("vm1.csv", LOG), ("vm2.csv", &started_twice)]).unwrap();
    // 3 events of vm1, and 3 + 1 of vm2.
    assert_eq!(words[0], "1 run, 7 events.");
    let left_out = words
        .iter()
        .find(|sentence| sentence.starts_with("Left out"));
    let left_out = left_out.unwrap();
    assert!(
        left_out.contains("`time event clock queue` (/run/vm2.csv line 5)"),
        "{left_out}"
    );
    assert!(
        left_out.contains("`4.0 inter` (/run/vm2.csv line 7)"),
        "{left_out}"
    );
    let incomplete_inside = LOG.replace("1.0,internal,2,0", "1.0,internal");
    let problem = import_folder(&[("vm1.csv", LOG), ("vm2.csv", &incomplete_inside)]).unwrap_err();
    assert!(
        problem.contains("vm2.csv line 3: the line has 2 cells, but the header has 4"),
        "{problem}"
    );
}

/// The times have no dates. The first machine begins one second before midnight, and the second machine after midnight.
#[test]
fn a_run_may_pass_midnight() {
    let log = |times: [&str; 3]| {
        let rows = times
            .iter()
            .zip(1..)
            .map(|(time, clock)| format!("{time},internal,{clock},0\n"));
        format!("time,event,clock,queue\n{}", rows.collect::<String>())
    };
    let first = log(["23:59:59.0", "00:00:00.0", "00:00:01.0"]);
    let second = log(["00:00:00.5", "00:00:01.5", "00:00:02.5"]);
    let words = import_folder(&[("vm1.csv", &first), ("vm2.csv", &second)]).unwrap();
    // The last event of the run is 3.5 s after the first one. The import prefers a duration of whole seconds. It takes 4 s, because
    // 4 s is the next whole number after 3.5 s, and the difference is less than one tick (1 s).
    assert!(
        words
            .iter()
            .any(|sentence| sentence.contains("duration_s=4")),
        "{words:?}"
    );
    let assumption = "Times of day start again at 0:00, so the run passes midnight.".to_owned();
    assert!(words.contains(&assumption));
    // No machine has rows before and after midnight. So the log of one machine ends before the log of the other begins, but only by 1 s.
    let first = log(["23:59:57.5", "23:59:58.5", "23:59:59.5"]);
    let words = import_folder(&[("vm1.csv", &first), ("vm2.csv", &second)]).unwrap();
    let gap = "the log of machine 0 ends 1.000 s before the log of machine 1 begins.";
    let has_gap = words.iter().any(|sentence| sentence.contains(gap));
    assert!(has_gap && words.contains(&assumption), "{words:?}");
}

/// The dates have no year. The first machine has rows before and after the end of a year, the second machine only after it.
#[test]
fn a_run_may_pass_the_end_of_a_year() {
    let first = "[Dec 31 23:59:58] clock 1: internal, queue 0\n[Dec 31 23:59:59] clock 2: internal, queue 0\n[Jan  1 00:00:00] clock 3: internal, queue 0\n";
    let second = "[Jan  1 00:00:00] clock 1: internal, queue 0\n[Jan  1 00:00:01] clock 2: internal, queue 0\n[Jan  1 00:00:02] clock 3: internal, queue 0\n";
    let words = import_folder(&[("vm1.log", first), ("vm2.log", second)]).unwrap();
    let assumption =
        "Dates without a year start again at 1 January, so the run passes the end of a year.";
    let duration = words
        .iter()
        .any(|sentence| sentence.contains("duration_s=4"));
    assert!(
        duration && words.contains(&assumption.to_owned()),
        "{words:?}"
    );
}

/// Imports the logs of two machines with twenty internal events each. `title` is the title of the column with the times. `time` returns the
/// time of an event from the event's index.
fn import_times(title: &str, time: impl Fn(u64) -> String) -> Result<String, String> {
    let row = |event: u64| format!("{},internal,{},0\n", time(event), event + 1);
    let rows: String = (0..20).map(row).collect();
    let log = format!("{title},event,clock,queue\n{rows}");
    import_folder(&[("vm1.csv", &log), ("vm2.csv", &log)]).map(|words| words.join("\n"))
}

/// A log with a tick every 30 s is imported if its times are dates. (If the times were numbers, the log would be refused, because the unit
/// of the times would probably be wrong.) A tick every day is refused: the slowest possible machine has a tick every 1000 s.
#[test]
fn slow_machines_whose_log_has_dates_are_imported() {
    let each_30_s = |event| format!("2031-04-05T10:{:02}:{:02}Z", event / 2, event % 2 * 30);
    let words = import_times("time", each_30_s).unwrap();
    assert!(words.contains("rates=0.033,0.033"), "{words}");
    let each_day = |event| format!("2031-01-{:02}T10:00:00Z", event + 1);
    let error = import_times("time", each_day).unwrap_err();
    assert!(
        error.contains("; is the format of times right (--time)? Otherwise set the rates"),
        "{error}"
    );
}

/// The title `time_ms` says that the times are milliseconds. Then the machines have a tick every 50 s, which is too slow. If the same
/// numbers are microseconds, the machines have 20 ticks per second, which is plausible. So the error advises `--time us`.
#[test]
fn if_rates_are_too_slow_the_error_advises_another_unit_of_times() {
    let each_50_s = |event: u64| (event * 50_000).to_string();
    let error = import_times("time_ms", each_50_s).unwrap_err();
    // From the first to the last of 20 events, 19 times 50 s pass: 950 s. So the rate is 19 / 950 = 0.020.
    assert!(
        error.contains("0.020 times per second (20 events in 950.000 s); is the unit of times right (--time)? In us the rates would be 20, 20: --time us."),
        "{error}"
    );
}

/// If the title says that times are seconds, they are read as seconds, unless they are clearly Unix times in another unit.
#[test]
fn a_title_that_says_seconds_is_believed() {
    // Read as seconds, these times mean a tick every 50 s. That is refused as too slow. Even so, the import takes no other unit.
    let each_50_s = |event: u64| (event * 50).to_string();
    let error = import_times("time_s", each_50_s).unwrap_err();
    assert!(
        error.contains("0.020 times per second (20 events in 950.000 s)"),
        "{error}"
    );
    // Without a unit in the title, the same times are read as milliseconds, because 20 ticks per second are plausible.
    let without_unit = import_times("time", each_50_s).unwrap();
    assert!(without_unit.contains("rates=20,20"), "{without_unit}");
    // Read as milliseconds, these are Unix times of the year 2030. Read as seconds, they would be long after the year 2100, so the title
    // `time_s` must be wrong.
    let unix_ms = |event: u64| (1_900_000_000_000 + event * 1_000).to_string();
    let words = import_times("time_s", unix_ms).unwrap();
    assert!(words.contains("Times are read as `ms`"), "{words}");
}

#[test]
fn a_long_value_is_shown_once_as_an_example() {
    let folder = tempfile::tempdir().unwrap();
    // All three rows have the same event. Its text is too long for an example, so the report shows only the beginning of the text.
    let log = LOG.replace("internal", &format!("internal {}", "x".repeat(200)));
    fs::write(folder.path().join("vm1.csv"), log).unwrap();
    let (report, _) = import::understand(&[folder.path().to_owned()], &Mapping::default()).unwrap();
    let rows = report.table().rows;
    let event = rows.iter().find(|row| row[0] == "event").unwrap();
    let examples = &event[2];
    assert_eq!(examples.matches("internal").count(), 1, "{event:?}");
}

#[test]
fn the_report_names_files_that_are_left_out() {
    let words = import_folder(&[
        ("vm1.csv", LOG),
        ("vm2.csv", LOG),
        ("vm2.csv.1", LOG),
        // The first byte of a compressed file.
        ("vm3.csv.gz", "\u{1f}"),
        // Hidden files, such as editors and macOS make.
        (".vm1.csv", LOG),
        ("._vm2.csv", "\u{0}"),
    ])
    .unwrap();
    assert_eq!(words[0], "1 run, 6 events.");
    let left_out = "Left out of the folders: /run/vm2.csv.1, /run/vm3.csv.gz, 2 hidden files.";
    assert!(
        words.iter().any(|sentence| sentence == left_out),
        "{words:?}"
    );
}

/// If an import fails because files were left out, its error names these files.
#[test]
fn an_error_names_files_that_are_left_out() {
    let one_machine = import_folder(&[("vm1.csv", LOG), ("vm2.csv.gz", "")]).unwrap_err();
    assert!(
        one_machine.contains("a single machine (vm1)")
            && one_machine.ends_with("; left out: /run/vm2.csv.gz"),
        "{one_machine}"
    );
    let no_machine = import_folder(&[("vm1.gz", ""), ("vm2.gz", "")]).unwrap_err();
    assert!(
        no_machine.ends_with("; left out: /run/vm1.gz, /run/vm2.gz"),
        "{no_machine}"
    );
}

/// The report on the import of two logs whose numbers have a plain form, such as `1`. The same logs with numbers in another form, such as
/// `1.000e+00`, must give the same report.
fn plain() -> Vec<String> {
    let log = "time;event;clock;queue;peer;stamp\n1700000000.5;send;1;0;b;1\n1700000001.5;internal;2;0;;\n";
    // Machine a sends to b, and machine b sends to a.
    import_folder(&[("a.csv", log), ("b.csv", &log.replace(";b;", ";a;"))]).unwrap()
}

#[test]
fn numbers_and_missing_cells_of_other_programs_are_read() {
    let wanted = plain();
    for log in [
        // As `numpy.savetxt` writes numbers.
        "time,event,clock,queue,peer,stamp\n1.700000000500000000e+09,send,1.000e+00,0.000e+00,b,1.0\n1.700000001500000000e+09,internal,2.00,0e0,,\n",
        // With decimal commas.
        "time;event;clock;queue;peer;stamp\n1700000000,5;send;1,0;0,0;b;1\n1700000001,5;internal;2;0;;\n",
        // With missing cells as R, pandas and a database write them.
        "time,event,clock,queue,peer,stamp\n1700000000.5,send,1,0,b,1\n1700000001.5,internal,2,0,NA,NaN\n",
        "time,event,clock,queue,peer,stamp\n1700000000.5,send,1,0,b,1\n1700000001.5,internal,2,0,None,nan\n",
        "time\tevent\tclock\tqueue\tpeer\tstamp\n1700000000.5\tsend\t1\t0\tb\t1\n1700000001.5\tinternal\t2\t0\tNULL\t-\n",
    ] {
        // The log of machine b: its messages go to machine a.
        let mut other = log.to_owned();
        for separator in [",", ";", "\t"] {
            let peer = |name: &str| format!("{separator}{name}{separator}");
            other = other.replace(&peer("b"), &peer("a"));
        }
        assert_eq!(
            import_folder(&[("a.csv", log), ("b.csv", &other)]).unwrap(),
            wanted,
            "{log}"
        );
    }
}

#[test]
fn values_that_a_dataset_cannot_hold_are_refused_with_their_line() {
    // Imports two logs and returns the error. The second log is `LOG` with one more column: the tick, which is 7 in each row. In this log
    // the first occurrence of `from` is replaced by `to`. Each `from` below occurs first in line 3, which is `1.0,internal,2,0,7`.
    let problem = |from: &str, to: &str| {
        let log = LOG
            .replace("queue\n", "queue,tick\n")
            .replace(",0\n", ",0,7\n");
        import_folder(&[("vm1.csv", LOG), ("vm2.csv", &log.replacen(from, to, 1))]).unwrap_err()
    };
    for (from, to, expected) in [
        (
            "1.0,",
            "9223372036.9,",
            "system_time `9223372036.9` is not a number of seconds from 0 to the Unix time of the year 2262; give the format of times with --time",
        ),
        (
            "1.0,",
            "1e99,",
            "system_time `1e99` is not a number of seconds from 0 to the Unix time of the year 2262; give the format of times with --time",
        ),
        (
            ",2,0",
            ",1e19,0",
            "logical_clock `1e19` is more than a dataset can hold (63 bits)",
        ),
        (
            ",2,0",
            ",2,9223372036854775808",
            "queue_length `9223372036854775808` is more than a dataset can hold (63 bits)",
        ),
        (
            "2,0,7",
            "2,0,18446744073709551615",
            "tick `18446744073709551615` is more than a dataset can hold (63 bits)",
        ),
        (
            ",2,0",
            ",2.5,0",
            "logical_clock `2.5` is not a whole number",
        ),
    ] {
        assert_eq!(
            problem(from, to),
            format!("/run/vm2.csv line 3: {expected}")
        );
    }
}

#[test]
fn endless_files_and_files_that_are_not_logs_are_refused() {
    // A ZIP file begins with these bytes.
    let packed = import_folder(&[("vm1.csv", LOG), ("vm2.csv", "PK\u{3}\u{4}\n\u{0}")]);
    assert!(packed.is_err());
    let long = "x".repeat(2 << 20);
    let error =
        import_folder(&[("vm1.csv", LOG), ("vm2.csv", &format!("{LOG}{long}"))]).unwrap_err();
    assert_eq!(
        error,
        "/run/vm2.csv line 5: the line has more than 1048576 bytes, so this file is not a log; leave it out"
    );
    #[cfg(unix)]
    {
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join("vm1.csv"), LOG).unwrap();
        // This file never ends.
        let zero = "/dev/zero".to_owned();
        for (arguments, expected) in [
            (
                vec!["import", "vm1.csv", &zero, "--into", "d"],
                "/dev/zero line 1: the line has more than",
            ),
            (
                vec!["import", "vm1.csv", "--mapping", &zero, "--into", "d"],
                "/dev/zero: has more than",
            ),
            (vec!["claims", &zero], "/dev/zero"),
        ] {
            let (code, _, error) = analyze(&arguments, here.path());
            assert_eq!(code, 2);
            assert!(error.contains(expected), "{error}");
            assert_eq!(
                fs::read_dir(here.path()).unwrap().count(),
                1,
                "the folder must have only vm1.csv"
            );
        }
    }
}

/// A program that opens a pipe without a writer waits forever. So an import must not open pipes.
#[cfg(unix)]
#[test]
fn pipes_and_sockets_in_a_folder_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["vm1.csv", "vm2.csv"] {
        fs::write(folder.path().join(name), LOG).unwrap();
    }
    let socket = folder.path().join("socket.csv");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let pipe = folder.path().join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let into = folder.path().join("into");
    let sources = [folder.path().to_owned()];
    let report = import::import(&sources, &Mapping::default(), &into).unwrap();
    let words = report.words().join(" ");
    assert!(
        words.contains("pipe.csv") && words.contains("socket.csv"),
        "{words}"
    );
}

/// Runs `analyze import` with these options on a log whose first row has this event. Checks that the log is refused and that no dataset is
/// made. Returns the error.
fn refused(event: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let log = format!("machine,time,event,clock,queue\na,0,{event},1,0\nb,0,internal,1,0\n");
    fs::write(folder.path().join("log.csv"), log).unwrap();
    let arguments = [&["import", "log.csv", "--into", "into"], options].concat();
    let (code, _, error) = analyze(&arguments, folder.path());
    assert_eq!(code, 2, "{error}");
    assert!(!folder.path().join("into").exists());
    error
}

#[test]
fn control_characters_in_logs_do_not_reach_the_terminal() {
    let error = refused("\u{1b}[2Jsend", &[]);
    assert!(
        error.contains(r"event `\u{1b}[2Jsend` is not known"),
        "{error}"
    );
}

#[test]
fn impossible_options_are_refused_with_a_short_error() {
    for (options, wanted) in [
        (
            ["--duration", "1e300"],
            "duration_s is 1e300, but must be from 0.001 to 604800",
        ),
        (
            ["--time-scale", "1e300"],
            "time_scale is 1e300, but must be from",
        ),
        (["--rates", "1e300,1"], "the rate 1e300 is not possible"),
        (
            ["--columns", "event=3,event=4"],
            "--columns: event is given twice",
        ),
    ] {
        let error = refused("internal", &options);
        assert!(error.contains(wanted) && error.len() < 300, "{error}");
    }
}
