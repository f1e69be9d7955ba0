//! Tests of `analyze import --each`, which imports and audits the logs of a whole class: a folder with one folder for each submission.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::foreign::{HEADER, Queue, Style, experiment, write_altered};
use crate::{command_line::analyze, fixture};

/// Writes the folder `class` with five submissions: ada is correct, bob has wrong clocks, cem's messages carry the clock before the send,
/// dan has no logs, and eve has a log that cannot be read.
pub fn class(folder: &Path) {
    // Index of the clock's cell in a row.
    const CLOCK: usize = 2;
    let original = folder.join("original");
    // The seed is 30. A submission has only one run.
    fixture::simulated(
        &original,
        &experiment(30, "").replace("repetitions = 2", "repetitions = 1"),
    );
    let submit = |name: &str, style: Style, alter: &dyn Fn(usize, &mut Vec<[String; 7]>)| {
        let logs = folder.join("logs");
        write_altered(&original, &logs, style, alter);
        fs::create_dir_all(folder.join("class")).unwrap();
        fs::rename(logs.join("run0"), folder.join("class").join(name)).unwrap();
    };
    // The classroom exercise asks for queue lengths only after receives.
    let queue_at_receives = Style {
        queue: Queue::Receives,
        ..Style::default()
    };
    submit("ada", queue_at_receives, &|_, _| {});
    submit("bob", Style::default(), &|machine, rows| {
        if machine == 1 {
            // From the tenth row on, the clock is too high by 50. The tenth row is line 11 of `vm2.csv`, because the header is line 1.
            let later = rows.iter_mut().skip(9);
            later.for_each(|cells| {
                cells[CLOCK] = (cells[CLOCK].parse::<u64>().unwrap() + 50).to_string();
            });
        }
    });
    submit("eve", Style::default(), &|machine, rows| {
        if machine == 2 {
            // The sixth row is line 7 of `vm3.csv`.
            rows[5][CLOCK] = "late".to_owned();
        }
    });
    fs::create_dir(folder.join("class/dan")).unwrap();
    // A file beside the submissions, which the import must leave out.
    fs::write(folder.join("class/notes.txt"), "10 points each").unwrap();
    // The submission of cem.
    let before = folder.join("before");
    fixture::simulated(
        &before,
        &experiment(31, "stamp = [\"before\"]\n").replace("repetitions = 2", "repetitions = 1"),
    );
    // The rows of sends have no stamps. So the import must find out from the receives that messages carry the clock before the send.
    let without_send_stamps = Style {
        send_stamps: false,
        ..Style::default()
    };
    write_altered(
        &before,
        &folder.join("logs"),
        without_send_stamps,
        |_, _| {},
    );
    fs::rename(folder.join("logs/run0"), folder.join("class/cem")).unwrap();
}

/// Each imported submission has a page, and the overview (`index.html`) links to it. The exit code of `analyze import --each` is 4 if a
/// submission was not imported or failed the audit, and 2 if the command cannot be carried out.
#[test]
fn a_class_has_a_page_for_each_submission() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    let arguments = [
        "import", "--each", "class", "--into", "marked", "--pages", "pages",
    ];
    let (code, _, err) = analyze(&arguments, folder.path());
    assert_eq!(code, 4, "{err}");
    assert!(err.starts_with("pages/index.html is written\n"), "{err}");
    let read = |name: &str| fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
    let overview = read("index.html");
    for (number, name) in [(1, "ada"), (2, "bob"), (3, "cem")] {
        let file = format!("submission-{number}.html");
        assert!(
            overview.contains(&format!("<a href=\"{file}\">{name}</a>")),
            "{name}"
        );
        let page = read(&file);
        // `d0` is the first dataset of a page.
        assert!(
            page.contains(&format!("<h2 id=\"d0-title\">{name}</h2>")),
            "{name}"
        );
        let verdict = if name == "ada" {
            "Check passed"
        } else {
            "CHECK FAILED"
        };
        assert!(page.contains(verdict), "{name}");
    }
    for name in ["dan", "eve"] {
        assert!(
            overview.contains(&format!("<li>{name}: not imported</li>")),
            "{name}"
        );
    }
    // The overview and the pages of the three imported submissions.
    assert_eq!(
        fs::read_dir(folder.path().join("pages")).unwrap().count(),
        4
    );
    let arguments = [
        "import", "--each", "class", "--into", "other", "--pages", "pages",
    ];
    let (code, _, err) = analyze(&arguments, folder.path());
    assert!(
        code == 2 && err.contains("--pages pages: the folder is not empty"),
        "{err}"
    );
}

#[test]
fn a_class_is_a_table_with_a_row_for_each_submission() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    let arguments = ["import", "--each", "class", "--into", "marked"];
    let (code, table, err) = analyze(&arguments, folder.path());
    assert_eq!(code, 4, "{err}");
    insta::assert_snapshot!(table);
    insta::assert_snapshot!(err, @"check failed: of 5 submissions, 1 passed the audit, 2 failed the audit, 2 not imported");
    // Each submission is a dataset of its own.
    let (code, _, _) = analyze(&["audit", "marked/ada"], folder.path());
    assert_eq!(code, 0);
    for name in ["dan", "eve"] {
        assert!(!folder.path().join("marked").join(name).exists());
    }
}

/// The text that is printed for the class in `folder` on a terminal with 80 columns. Requires that no line is longer.
fn table_of_80_columns(folder: &Path) -> String {
    let output = Command::cargo_bin("analyze")
        .unwrap()
        .args(["import", "--each", "class", "--into", "marked"])
        .current_dir(folder)
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let widest = table.lines().map(sim::table::display_width).max();
    assert!(widest <= Some(80), "{table}");
    table
}

#[test]
fn the_table_of_a_class_fits_narrow_terminals() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    let table = table_of_80_columns(folder.path());
    insta::assert_snapshot!(table);
}

/// The folders `__MACOSX` (which archive programs add) and `.git` do not count as submissions. Long names do not make the table wider than
/// the terminal.
#[test]
fn folders_of_archive_programs_are_ignored_and_long_names_fit() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    let class = folder.path().join("class");
    for name in ["__MACOSX", ".git"] {
        fs::create_dir(class.join(name)).unwrap();
    }
    fs::rename(class.join("bob"), class.join("bob_and_a_partner_late")).unwrap();
    fs::rename(
        class.join("eve/vm3.csv"),
        class.join("eve/a-machine-number-3.csv"),
    )
    .unwrap();
    let table = table_of_80_columns(folder.path());
    assert!(
        table.starts_with("5 submissions:") && !table.contains("MACOSX"),
        "{table}"
    );
}

#[test]
fn the_table_of_a_class_has_verdicts_and_first_violations_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    let csv = [
        "import", "--each", "class", "--into", "a", "--format", "csv",
    ];
    let (code, csv, err) = analyze(&csv, folder.path());
    assert_eq!(code, 4);
    assert!(
        err.contains("5 submissions: 1 passed the audit, 2 failed the audit, 2 not imported."),
        "{err}"
    );
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|title| title == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cells = |name: &str| -> Vec<&str> { rows.iter().map(|row| &row[column(name)]).collect() };
    assert_eq!(cells("submission"), ["ada", "bob", "cem", "dan", "eve"]);
    assert_eq!(
        cells("verdict"),
        ["passed", "failed", "failed", "error", "error"]
    );
    // `files[2]` (of cem) is not checked. All machines of cem have the same mistake, so the first violation can be in any file.
    let files = cells("file");
    assert_eq!((files[0], files[1]), ("", "vm2.csv"));
    assert_eq!(files[3..], ["", ""]);
    assert_eq!(cells("line")[1], "11");
    // A receive must have a larger clock than its send. The messages of cem carry the clock before the send, so the two clocks can be equal.
    assert_eq!(cells("check")[2], "clock_condition_before");
    // The logs of ada have queue lengths only after receives. For internal events and sends, the import assumes an empty queue.
    assert!(cells("assumed")[0].contains("queue 0 when idle"));
    assert!(
        cells("error")[4].contains("vm3.csv line 7: logical_clock `late` is not a whole number")
    );
    // The three imported submissions have measures. The mean jump is at least 1, because a clock grows by at least 1 at each event.
    assert!(
        cells("jump_mean")[..3]
            .iter()
            .all(|jump| jump.parse::<f64>().unwrap() >= 1.0)
    );
    for format in ["json", "markdown"] {
        // The folder of the imported datasets has the name of the format.
        let arguments = [
            "import", "--each", "class", "--into", format, "--format", format,
        ];
        let (code, text, _) = analyze(&arguments, folder.path());
        assert!(
            code == 4 && text.contains("clock_condition_before"),
            "{text}"
        );
    }
}

#[test]
fn exit_codes_of_a_class_that_passes_and_of_a_folder_without_submissions() {
    let folder = tempfile::tempdir().unwrap();
    class(folder.path());
    for name in ["bob", "cem", "dan", "eve"] {
        fs::remove_dir_all(folder.path().join("class").join(name)).unwrap();
    }
    let arguments = ["import", "--each", "class", "--into", "marked"];
    assert_eq!(analyze(&arguments, folder.path()).0, 0);
    // The second time, the folder `marked` already exists, so the command refuses to write to it.
    let (code, table, err) = analyze(&arguments, folder.path());
    assert!(
        code == 2 && table.is_empty() && err.contains("marked: already exists"),
        "{err}"
    );
    fs::remove_dir_all(folder.path().join("marked")).unwrap();
    fs::remove_dir_all(folder.path().join("class/ada")).unwrap();
    // A log that is not in the folder of a submission.
    fs::write(folder.path().join("class/vm1.csv"), HEADER).unwrap();
    let (code, _, err) = analyze(&arguments, folder.path());
    assert!(code == 2 && err.contains("no folder in it"), "{err}");
    // The command accepts either logs or --each.
    let both = ["import", "class/vm1.csv", "--each", "class", "--into", "x"];
    assert_eq!(analyze(&both, folder.path()).0, 2);
}
