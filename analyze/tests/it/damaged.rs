//! Tests with damaged datasets. The result is always one of two: the right measures of the undamaged runs, with a message about the
//! damaged runs; or an error that names the file or the dataset. It is never a panic or a wrong measure.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use analyze::Dataset;
use polars::prelude::*;
use proptest::prelude::*;
use proptest::sample::Index;
use sim::log::JournalRow;

use crate::command_line::analyze;
use crate::fixture;

const FILES: [&str; 3] = ["dataset.json", "runs.csv", "events-0000.csv"];
/// Four runs of one second.
const TINY: &str = "
name = \"tiny\"
seed = 262
repetitions = 2
duration_s = 1
engine = \"virtual\"
[parameters]
rates = [[1, 3], [2, 2]]
internal = [0.5]
";
const RUNS: usize = 4;

/// An undamaged dataset.
struct Whole {
    files: HashMap<&'static str, Vec<u8>>,
    /// The rows of the journal (`runs.csv`).
    finished: Vec<JournalRow>,
    /// The measures of each machine of each run.
    machines: DataFrame,
}

/// Each entry is a list of run numbers, such as 0 and 1. A dataset in which exactly these runs remained has already given the right
/// measures. After different damage, the same runs often remain. To save time, their measures are not computed again, unless their journal
/// rows or the file of events is damaged.
static CHECKED_RUNS: LazyLock<Mutex<HashSet<Vec<i64>>>> = LazyLock::new(Mutex::default);

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), TINY);
    Whole {
        files: FILES
            .map(|name| (name, fs::read(folder.path().join(name)).unwrap()))
            .into(),
        finished: Dataset::open(folder.path()).unwrap().finished().to_vec(),
        machines: Dataset::open(folder.path()).unwrap().machines().unwrap(),
    }
});

/// Writes the undamaged dataset, but with `bytes` as the contents of `file`.
fn write(root: &Path, file: &str, bytes: &[u8]) {
    for name in FILES {
        let whole = &WHOLE.files[name];
        let bytes = if name == file { bytes } else { whole };
        fs::write(root.join(name), bytes).unwrap();
    }
}

/// Requires that a dataset with these bytes in `file` gives either the right measures of all runs that remain, or an error with the path of
/// the dataset or of one of its files. Otherwise returns what is wrong.
fn require_answer_or_error(root: &Path, file: &str, bytes: &[u8]) -> Result<(), String> {
    write(root, file, bytes);
    let require_path = |error: analyze::Error| {
        let message = error.to_string();
        let has_path = message.contains(&root.display().to_string());
        has_path.then_some(()).ok_or(message)
    };
    let dataset = match Dataset::open(root) {
        Ok(dataset) => dataset,
        Err(error) => return require_path(error),
    };
    let runs: Vec<i64> = dataset
        .finished()
        .iter()
        .map(|row| row.run as i64)
        .collect();
    // A missing run must be counted as still to do or as failed.
    let missing = RUNS - runs.len();
    if dataset.to_do() as usize + dataset.failed() != missing {
        return Err(format!(
            "{missing} runs are missing, but this is not reported"
        ));
    }
    let has_undamaged_rows = dataset
        .finished()
        .iter()
        .all(|row| WHOLE.finished.contains(row));
    if has_undamaged_rows
        && file != "events-0000.csv"
        && CHECKED_RUNS.lock().unwrap().contains(&runs)
    {
        return Ok(());
    }
    let machines = match dataset.machines() {
        Ok(machines) => machines,
        Err(error) => return require_path(error),
    };
    let remains: BooleanChunked = WHOLE
        .machines
        .column("run")
        .unwrap()
        .i64()
        .unwrap()
        .iter()
        .map(|run| run.is_some_and(|run| runs.contains(&run)))
        .collect();
    let wanted = WHOLE.machines.filter(&remains).unwrap();
    // The column `dataset` has the folder's name. The damaged dataset and the undamaged one are in different folders.
    let without_name = |frame: &DataFrame| frame.drop("dataset").unwrap();
    let is_right = without_name(&machines).equals_missing(&without_name(&wanted));
    if is_right && has_undamaged_rows {
        CHECKED_RUNS.lock().unwrap().insert(runs);
    }
    is_right.then_some(()).ok_or("wrong measures".to_owned())
}

#[test]
fn files_that_are_cut_at_any_byte_give_right_measures_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        let whole = &WHOLE.files[file];
        for length in 0..whole.len() {
            require_answer_or_error(folder.path(), file, &whole[..length])
                .unwrap_or_else(|problem| panic!("{file} cut at {length}: {problem}"));
        }
    }
}

#[test]
fn files_with_any_changed_byte_give_right_measures_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    // The part of `dataset.json` from "sweeps" on says where the runs were made. It is not tested, because no result depends on it.
    let manifest = String::from_utf8(WHOLE.files["dataset.json"].clone()).unwrap();
    let (tested, _) = manifest.split_once("\"sweeps\"").unwrap();
    for file in FILES {
        let whole = &WHOLE.files[file];
        let end = if file == "dataset.json" {
            tested.len()
        } else {
            whole.len()
        };
        for index in 0..end {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            require_answer_or_error(folder.path(), file, &bytes)
                .unwrap_or_else(|problem| panic!("{file} changed at {index}: {problem}"));
        }
    }
}

/// A kind of damage to a file. An `Index` is a random place in the file; it becomes a number when the file's length is known.
#[derive(Clone, Debug)]
enum Damage {
    /// The byte at this index is changed: each bit that is 1 in the second value is flipped.
    Flip(Index, u8),
    /// From this index on, bytes are removed. The second value is their number.
    Remove(Index, usize),
    /// At this index, these bytes are inserted.
    Insert(Index, Vec<u8>),
    /// From this index on, bytes are written twice. The second value is their number.
    Double(Index, usize),
}

/// Damage of a random kind at a random index.
fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 1u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (index(), 1usize..200).prop_map(|(at, length)| Damage::Remove(at, length)),
        (index(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (index(), 1usize..400).prop_map(|(at, length)| Damage::Double(at, length)),
    ]
}

/// Returns a copy of `bytes` to which all `damages` have been done, one after the other.
fn damaged(bytes: &[u8], damages: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        let range = |at: &Index, length: usize| {
            let from = at.index(bytes.len());
            from..(from + length).min(bytes.len())
        };
        match damage {
            Damage::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Damage::Remove(at, length) => {
                bytes.drain(range(at, *length));
            }
            Damage::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Double(at, length) => {
                let range = range(at, *length);
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, again);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn files_with_random_damage_give_right_measures_or_an_error(
        file in prop::sample::select(FILES.to_vec()),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let bytes = damaged(&WHOLE.files[file], &damages);
        let outcome = require_answer_or_error(folder.path(), file, &bytes);
        prop_assert!(outcome.is_ok(), "{outcome:?}");
    }
}

/// Each kind of damage has its own error. Events without a row in the journal do not count as damage: a run that has not ended has such
/// events. So with an empty journal, the error only says that no run is finished.
#[test]
fn typical_damage_has_a_specific_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = |file: &str| String::from_utf8(WHOLE.files[file].clone()).unwrap();
    let (journal, events) = (text("runs.csv"), text("events-0000.csv"));
    let without_a_column: String = journal
        .lines()
        .map(|line| line.split_once(',').unwrap().1.to_owned() + "\n")
        .collect();
    let header_again = journal.clone() + journal.lines().next().unwrap() + "\n";
    let row_again = journal.clone() + journal.lines().nth(1).unwrap() + "\n";
    for (file, bytes, problem) in [
        (
            "runs.csv",
            without_a_column,
            "line 1, the header: column run is missing",
        ),
        (
            "runs.csv",
            journal.replace(",ok,", ",okay,"),
            "line 2, column outcome: `okay` is neither ok nor failed",
        ),
        (
            "runs.csv",
            journal.replace("virtual", "tcp"),
            "line 2 has changed since it was written",
        ),
        (
            "runs.csv",
            header_again,
            "column run: `run` is not a whole number",
        ),
        ("runs.csv", row_again, "run 0: is finished twice"),
        ("runs.csv", String::new(), "tiny has no finished run"),
        ("events-0000.csv", String::new(), "has only 0 bytes"),
        (
            "events-0000.csv",
            events.replace('\n', "\r\n"),
            "have changed since they were written (checksum)",
        ),
        ("dataset.json", String::new(), "dataset.json: EOF"),
        (
            "dataset.json",
            text("dataset.json").replace("\"seed\": 262", "\"seed\": 263"),
            "the experiment in this file has changed since it was written",
        ),
    ] {
        let root = folder.path().join("tiny");
        fs::create_dir_all(&root).unwrap();
        write(&root, file, bytes.as_bytes());
        let (code, _, err) = analyze(&["summary", "tiny", "--no-cache"], folder.path());
        assert!(code == 2 && err.contains(problem), "{problem}: {err}");
    }
    // The audit reports a changed row of the journal as a violation, and does not stop.
    let root = folder.path().join("tiny");
    write(
        &root,
        "runs.csv",
        journal.replace("virtual", "tcp").as_bytes(),
    );
    let (code, out, _) = analyze(&["audit", "tiny"], folder.path());
    assert!(
        code == 4 && out.contains("the checksum of the row is wrong"),
        "{out}"
    );
    // A journal whose line ends were changed by a text editor on another system is accepted.
    write(&root, "runs.csv", journal.replace('\n', "\r\n").as_bytes());
    assert_eq!(
        analyze(&["summary", "tiny", "--no-cache"], folder.path()).0,
        0
    );
    // Now the file of events is missing, and the other files are undamaged.
    write(&root, "events-0000.csv", events.as_bytes());
    fs::remove_file(root.join("events-0000.csv")).unwrap();
    let (code, _, err) = analyze(&["summary", "tiny", "--no-cache"], folder.path());
    assert!(code == 2 && err.contains("tiny/events-0000.csv: "), "{err}");
}

/// The journal has only the rows of the first two runs.
#[test]
fn missing_runs_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tiny");
    fs::create_dir(&root).unwrap();
    let journal = String::from_utf8(WHOLE.files["runs.csv"].clone()).unwrap();
    // The header and two rows.
    let first_rows: String = journal
        .lines()
        .take(3)
        .map(|line| line.to_owned() + "\n")
        .collect();
    write(&root, "runs.csv", first_rows.as_bytes());
    let (code, _, err) = analyze(&["summary", "tiny"], folder.path());
    assert_eq!(
        (code, err.as_str()),
        (0, "tiny: 2 planned runs are not done yet\n")
    );
}
