//! Tests how `analyze import` finds the logs in a folder. The names of files and folders say which run and which machine a log belongs
//! to. If a file has several trials one after the other, each trial is a run.

use std::fs;
use std::path::Path;

use analyze::import::Mapping;

use crate::foreign_logs::{self as logs, Row, TITLES, lines, write_both_runs};

/// Writes two simulated runs below a folder and imports the folder. `name` makes the name of a file from the numbers of run and
/// machine, and `alter` changes the folder before the import. Returns the events and the report.
fn imported(
    name: impl Fn(usize, u32) -> String,
    alter: impl Fn(&Path),
) -> (logs::Imported, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    write_both_runs(&root, name);
    alter(&root);
    logs::import(&[root], &Mapping::default()).unwrap()
}

#[test]
fn runs_in_one_folder_or_in_subfolders() {
    // What each import below must find: the events of both runs. `plain` imports the runs in the simplest form, each from its own folder.
    let wanted = logs::plain(logs::runs());
    for (what, name) in [
        (
            "flat",
            (|run, machine| format!("run{run}_vm{machine}.csv")) as fn(usize, u32) -> String,
        ),
        ("the machine first", |run, machine| {
            format!("vm{machine}-trial-{run}.log")
        }),
        // The name has no word such as `run` or `trial` before the number of the run.
        ("no word for runs", |run, machine| {
            format!("low{run}_{machine}.txt")
        }),
        ("folders", |run, machine| {
            format!("run{run}/vm{machine}.csv")
        }),
        ("folders within folders", |run, machine| {
            format!("all/trial {run}/logs/machine_{machine}.log")
        }),
        ("no extension", |run, machine| {
            format!("run{run}/vm{machine}")
        }),
        ("more words after the machine", |run, machine| {
            format!("trial{run}_node_{machine}_log.csv")
        }),
        // The rates 1, 4 and 9 must not be taken for the numbers of machines.
        ("a rate in the name", |run, machine| {
            format!("run{run}/vm{machine}_rate{}.csv", machine * machine)
        }),
    ] {
        assert_eq!(imported(name, |_| {}).0, wanted, "{what}");
    }
}

#[test]
fn other_files_beside_the_logs_are_named_and_left_out() {
    let (found, report) = imported(
        |run, machine| format!("run{run}/vm{machine}.csv"),
        |root| {
            fs::write(
                root.join("run1/averages.csv"),
                "node,average queue\n1,0.4\n",
            )
            .unwrap();
            fs::write(root.join("run2/plot.png"), [0x89, 0]).unwrap();
        },
    );
    assert_eq!(found, logs::plain(logs::runs()));
    assert!(
        report.contains("run1/averages.csv") && report.contains("run2/plot.png"),
        "{report}"
    );
}

/// A log with a broken header is an error. It must not be left out like the files that are not logs.
#[test]
fn a_log_with_a_broken_header_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    write_both_runs(&root, |run, machine| format!("run{run}/vm{machine}.csv"));
    let broken = root.join("run1/vm2.csv");
    let text = fs::read_to_string(&broken).unwrap();
    fs::write(&broken, text.replace("clock", "clok")).unwrap();
    let error = logs::import(&[root], &Mapping::default()).unwrap_err();
    assert!(
        error.contains("vm2.csv line 1: no column was recognised as logical_clock"),
        "{error}"
    );
}

#[test]
fn trials_in_the_same_files_are_runs() {
    let runs = logs::runs();
    let folder = tempfile::tempdir().unwrap();
    let files = (1..=logs::MACHINES).map(|machine| {
        let path = folder.path().join(format!("vm{machine}.csv"));
        // In each file, the second trial (`run` is 1) starts half a minute after the first.
        let rows = runs.iter().enumerate().flat_map(|(run, rows)| {
            let of_machine = rows
                .iter()
                .filter(move |row| row.machine == machine)
                .cloned();
            of_machine.map(move |row| Row {
                us: row.us + run as u64 * 30_000_000,
                ..row
            })
        });
        let rows: Vec<Row> = rows.collect();
        fs::write(&path, format!("{TITLES}\n{}", lines(&rows, Row::csv))).unwrap();
        path
    });
    let files: Vec<_> = files.collect();
    let (found, report) = logs::import(&files, &Mapping::default()).unwrap();
    assert_eq!(found, logs::plain(runs));
    assert!(report.contains("the files are taken as 2 runs"), "{report}");
}

#[test]
fn a_pattern_finds_run_and_machine_in_file_names() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_both_runs(folder.path(), |run, machine| format!("{machine}x{run}.csv"));
    let mapping = Mapping::parse(
        r"files = '(?<machine>\d)x(?<run>\d)\.csv$'",
        "m.toml".as_ref(),
    )
    .unwrap();
    assert_eq!(
        logs::import(&files, &mapping).unwrap().0,
        logs::plain(logs::runs())
    );
    // This pattern matches none of the paths.
    let wrong = Mapping::parse("files = 'vm(?<machine>[0-9])'", "m.toml".as_ref()).unwrap();
    let error = logs::import(&files, &wrong).unwrap_err();
    assert!(error.contains("does not match its path"), "{error}");
}

/// The log of one machine in lines with labels, not in a table: forty internal events, one each second.
/// The machines tick at different times: machine 1 always 100 ms after a full second, machine 2 always 200 ms.
fn labelled_log(machine: usize) -> String {
    let line = |tick: usize| {
        format!(
            "2024-02-01 10:00:{tick:02}.{machine}00 Internal event | clock: {} | queue length: 0\n",
            1 + tick
        )
    };
    (0..40).map(line).collect()
}

/// Imports a folder with these files. Returns the report, or the error.
fn import_files(files: &[(&str, &[u8])]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    logs::import(&[root], &Mapping::default()).map(|(_, report)| report)
}

#[test]
fn logs_in_two_formats_are_refused() {
    let text = labelled_log(0);
    // The log of a machine as a table. Times are in seconds since 1970, such as `1700000007.1`.
    let table = |machine: u32| {
        let rows =
            (0..40).map(|tick| format!("17000000{tick:02}.{machine},internal,{},0\n", tick + 1));
        format!("time,event,clock,queue\n{}", rows.collect::<String>())
    };
    let (one, two) = (table(1), table(2));
    let files = [
        ("vm0.log", text.as_bytes()),
        ("vm1.csv", one.as_bytes()),
        ("vm2.csv", two.as_bytes()),
    ];
    let error = import_files(&files).unwrap_err();
    assert!(
        error.contains("vm0.log: this file looks like a log in another format than")
            && error.contains("vm1.csv"),
        "{error}"
    );
    // The same with a folder for each run. The first folder also has a file that is no log, and the message must not name it.
    let files = [
        (
            "a/notes.txt",
            "10:00:00 we did not send our logs\n".as_bytes(),
        ),
        ("a/vm1.csv", one.as_bytes()),
        ("a/vm2.csv", two.as_bytes()),
        ("b/vm0.log", text.as_bytes()),
    ];
    let error = import_files(&files).unwrap_err();
    assert!(
        error.contains("vm0.log: this file looks like a log in another format than")
            && error.contains("vm1.csv")
            && !error.contains("notes.txt"),
        "{error}"
    );
}

#[test]
fn other_files_and_copies_of_logs_are_left_out_and_named() {
    let (one, two) = (labelled_log(1), labelled_log(2));
    // All lines of both machines in one file.
    let lines = one.lines().map(|line| format!("vm1 {line}\n"));
    let lines = lines.chain(two.lines().map(|line| format!("vm2 {line}\n")));
    let combined: String = lines.collect();
    // `why` is the reason in the report. For the last two files the reason is not checked: `why` is the file's name again.
    for (name, text, why) in [
        ("vm2 (1).log", two.as_str(), "it is a copy of"),
        ("vm2 - Copy.log", &two, "it is a copy of"),
        (
            "combined.log",
            &combined,
            "all its lines are in the other files",
        ),
        ("errors.log", "\n", "the file is empty"),
        (
            "stats.csv",
            "machine,event,count,time,clock\n0,send,3,60,12\n",
            "stats.csv",
        ),
        (
            "package.json",
            "{\"name\": \"x\", \"version\": \"1.0\"}",
            "package.json",
        ),
    ] {
        let files = [
            ("vm1.log", one.as_bytes()),
            ("vm2.log", two.as_bytes()),
            (name, text.as_bytes()),
        ];
        let report = import_files(&files).unwrap();
        assert!(
            report.contains("1 run, 80 events.") && report.contains(name) && report.contains(why),
            "{report}"
        );
    }
}

/// The file `notes.txt` has a word for an event (`sent`) and a time (`10:00:00`), so it could be a log. But the mapping says that the third
/// column is the clock, and this file has no number there.
#[test]
fn a_file_that_is_not_a_log_is_left_out_if_logs_have_no_header() {
    let folder = tempfile::tempdir().unwrap();
    let row = |tick: usize| format!("{tick}.0,internal,{},0\n", tick + 1);
    let log: String = (0..10).map(row).collect();
    let notes = "Started at 10:00:00, and sent a lot of messages.\nIt was fun, really, indeed.\n";
    for (name, text) in [
        ("vm1.csv", &log[..]),
        ("vm2.csv", &log),
        ("notes.txt", notes),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let columns = ["system_time = '1'", "event = '2'", "logical_clock = '3'"].join("\n");
    let mapping = format!("header = false\n[columns]\n{columns}\n");
    let mapping = Mapping::parse(&mapping, "m.toml".as_ref()).unwrap();
    let (_, report) = logs::import(&[folder.path().to_owned()], &mapping).unwrap();
    assert!(
        report.contains("1 run, 20 events.") && report.contains("notes.txt"),
        "{report}"
    );
}

#[test]
fn logs_in_a_folder_beside_other_files_are_found() {
    let (one, two) = (labelled_log(1), labelled_log(2));
    let files = [
        ("requirements.txt", &b"numpy==1.2\n"[..]),
        ("main.py", b"print()\n"),
        ("out/vm1.log", one.as_bytes()),
        ("out/vm2.log", two.as_bytes()),
        // A folder that macOS adds to archives. Like hidden files, it is not read.
        ("__MACOSX/vm2.log", two.as_bytes()),
    ];
    let report = import_files(&files).unwrap();
    assert!(
        report.contains("1 run, 80 events.") && report.contains("requirements.txt"),
        "{report}"
    );
}

#[test]
fn utf16_is_read() {
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let encoded = |text: String| -> Vec<u8> {
            // The first character is the byte order mark, which shows that the file is UTF-16.
            let units: Vec<u16> = format!("\u{feff}{text}").encode_utf16().collect();
            units.into_iter().flat_map(to_bytes).collect()
        };
        let (one, two) = (encoded(labelled_log(1)), encoded(labelled_log(2)));
        let report = import_files(&[("vm1.log", &one[..]), ("vm2.log", &two)]).unwrap();
        assert!(report.contains("1 run, 80 events."), "{report}");
        // Without its last byte, the text is not valid UTF-16.
        let error = import_files(&[("vm1.log", &one[..one.len() - 1])]).unwrap_err();
        assert!(error.contains("convert the file"), "{error}");
    }
}

#[test]
fn lines_that_are_written_twice_are_read_once() {
    let twice = |text: String| -> String {
        text.lines()
            .map(|line| format!("{line}\n{line}\n"))
            .collect()
    };
    let (one, two) = (twice(labelled_log(1)), twice(labelled_log(2)));
    let report = import_files(&[("vm1.log", one.as_bytes()), ("vm2.log", two.as_bytes())]).unwrap();
    assert!(
        report.contains("1 run, 80 events.") && report.contains("every line is written twice"),
        "{report}"
    );
}

#[test]
fn clocks_that_start_again_in_all_files_begin_a_new_trial() {
    // A log with two trials of 40 events each. The times go on without a pause, so only the clock shows where the second trial starts.
    let appended = |machine: usize| {
        let line = |tick: usize| {
            let clock = tick % 40 + 1;
            format!(
                "2024-02-01 10:{:02}:{:02}.{machine}00 Internal event | clock: {clock} | queue length: 0\n",
                tick / 60,
                tick % 60
            )
        };
        (0..80).map(line).collect::<String>()
    };
    let (one, two) = (appended(1), appended(2));
    let report = import_files(&[("vm1.log", one.as_bytes()), ("vm2.log", two.as_bytes())]).unwrap();
    assert!(report.contains("2 runs, 160 events."), "{report}");
    assert!(
        report.contains("Clocks start again within the files, so the files are taken as 2 runs."),
        "{report}"
    );
    // Now only the clock of machine 1 starts again. This is an error, because the machines must have equally many trials.
    let two = labelled_log(2);
    let error =
        import_files(&[("vm1.log", one.as_bytes()), ("vm2.log", two.as_bytes())]).unwrap_err();
    assert!(
        error.contains("vm1.log line 41: the logical clock falls from 40 to 1"),
        "{error}"
    );
    // A single file. Its clock falls in the third row, so the first trial would have only two rows.
    let text = "time,event,clock\n1,internal,25\n2,internal,26\n3,internal,0\n4,internal,1\n5,internal,2\n";
    let error = import_files(&[("vm1.csv", text.as_bytes())]).unwrap_err();
    assert!(
        error.contains("line 4: the logical clock falls from 26 to 0")
            && error.contains("at least 3 rows before each"),
        "{error}"
    );
}
