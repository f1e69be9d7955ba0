//! Opens pages of reports in a real browser. The console of the browser must show no message, the pages must request no other files and
//! be accessible, and everything must work by mouse and by keyboard. The script `tests/browser/check.py` does the checks.

use std::process::Command;

use crate::class_of_students::class;
use crate::command_line::analyze;
use crate::fixture;
use crate::notebooks::{environment_with, run};

#[test]
#[ignore = "needs chromium"]
fn pages_work_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    // Writes the folder `class` with five submissions.
    class(folder.path());
    let arguments = ["report", "small", "--out", "report.html"];
    let (code, _, err) = analyze(&arguments, folder.path());
    assert_eq!(code, 0, "{err}");
    // The import writes an overview (`index.html`), and a page for each submission that it can read.
    let arguments = [
        "import", "--each", "class", "--into", "marked", "--pages", "pages",
    ];
    let (code, _, err) = analyze(&arguments, folder.path());
    // Exit code 4: some of the submissions cannot be imported, or fail the audit.
    assert_eq!(code, 4, "{err}");
    let python = environment_with("tests/browser/requirements.txt").join("bin/python");
    let found = run(Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/browser/check.py"
        ))
        .args(["chromium", "report.html"])
        .args(["pages/index.html", "pages/submission-1.html"])
        .current_dir(folder.path()));
    assert_eq!(found, "all right\n");
}
