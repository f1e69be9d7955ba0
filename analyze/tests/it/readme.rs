//! Tests that the project's documents (its Markdown files) are correct: their commands and Python programs run, their experiments
//! are valid, their links lead to existing targets, their pictures are up to date, and their lists are complete. Rust code in
//! documents is tested elsewhere, as documentation tests. The tables of claims and their verdicts are tested in `verdicts.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::experiment::{Experiment, Overrides};

use crate::notebooks::{python_environment, run};

/// All documents, in the order in which a newcomer reads them. Commands may use data that the commands of earlier documents make.
const DOCUMENTS: [&str; 16] = [
    "README.md",
    "sim/README.md",
    "analyze/README.md",
    "docs/diagrams.md",
    "docs/plots.md",
    "docs/clocks.md",
    "data/README.md",
    "experiments/README.md",
    "experiments/claims/README.md",
    "experiments/papers/README.md",
    "notebooks/README.md",
    "experiments/many-machines.md",
    "experiments/bench/README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// The largest number of lines that README.md may have.
const README_LINES: usize = 150;

/// The names of the collections of claims. A claim is a statement of other authors that this project tests. For example, the collection
/// `claims` has its claims in the file `experiments/claims.toml`, and the experiments that test these claims in the folder
/// `experiments/claims`.
pub const COLLECTIONS: [&str; 2] = ["claims", "papers"];

/// The root folder of the project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file, whose path is relative to the root folder of the project.
pub fn read(document: &str) -> String {
    let path = project().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of code that are marked with `language`, without their fences.
pub fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    text.split(opening.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    // Parts between fences alternate: prose, code, prose, code, ...
    let outside = text.split("```").step_by(2);
    outside.collect()
}

/// The language of each block of code, in the order of the text.
fn languages(text: &str) -> Vec<&str> {
    // The first fence opens a block, the second closes it, and so on. Only the fences that open blocks name languages.
    let fences = text.lines().filter_map(|line| line.strip_prefix("```"));
    fences.step_by(2).collect()
}

/// The program `sim`, which Cargo builds into the same folder as `analyze`.
pub fn sim() -> PathBuf {
    let sim = Path::new(env!("CARGO_BIN_EXE_analyze")).with_file_name("sim");
    assert!(
        sim.exists(),
        "{} is missing: test with --workspace",
        sim.display()
    );
    sim
}

/// A folder with copies of the experiments and of the logs that can be imported.
pub fn folder_to_work_in() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["experiments", "data/foreign"] {
        copy(&project().join(part), &folder.path().join(part));
    }
    folder
}

/// Copies a file, or a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

/// Runs the commands of a block in a shell. A shell function `cargo` runs the programs under test for `cargo sim` and
/// `cargo analyze`, and refuses other commands of Cargo.
pub fn run_commands(commands: &str, folder: &Path) {
    let cargo = format!(
        "cargo() {{\n  verb=$1\n  shift\n  case $verb in\n    sim) '{}' \"$@\" ;;\n    analyze) '{}' \"$@\" ;;\n    \
         *) echo \"not run here: cargo $verb\" >&2; exit 1 ;;\n  esac\n}}\n",
        sim().display(),
        env!("CARGO_BIN_EXE_analyze")
    );
    let commands = commands.replace("127.0.0.1", &own_loopback_address());
    run(Command::new("sh")
        .args(["-eu", "-c", &(cargo + &commands)])
        .current_dir(folder));
}

/// A loopback address that depends on the number of this process. The documents use fixed ports. If two processes run these tests at the
/// same time, they use the same ports, but of different addresses. Only Linux accepts every address that begins with 127, so elsewhere
/// the address is 127.0.0.1.
fn own_loopback_address() -> String {
    if !cfg!(target_os = "linux") {
        return "127.0.0.1".to_owned();
    }
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{high}.{low}.1")
}

/// The first 25 lines of README.md have two blocks of commands: one that makes runs and their tables, and one that runs all tests.
#[test]
fn the_first_screen_has_the_two_commands() {
    let readme = read("README.md");
    let first_screen: Vec<&str> = readme.lines().take(25).collect();
    let commands = blocks(&readme, "sh");
    assert_eq!(blocks(&(first_screen.join("\n") + "\n"), "sh").len(), 2);
    assert_eq!(commands[1], "cargo test --workspace\n");
    let checks = read(".ci/run");
    assert!(
        checks.contains(commands[1].trim()),
        "CI (`.ci/run`) does not run the test command of README.md"
    );
}

#[test]
fn the_first_page_is_short() {
    let lines = read("README.md").lines().count();
    assert!(
        lines <= README_LINES,
        "README.md has {lines} lines; at most {README_LINES} are allowed: move details to another document"
    );
}

/// All commands run in the same folder, as if somebody read the documents in order. Commands that `.ci/run` also has, such as
/// `cargo test`, are left out because CI runs them.
#[test]
fn commands_and_python_run() {
    let folder = folder_to_work_in();
    let checks = read(".ci/run");
    let in_checks =
        |line: &str| line.contains("cargo ") && checks.lines().any(|check| check.trim() == line);
    for document in DOCUMENTS {
        let text = read(document);
        for block in blocks(&text, "sh") {
            let commands: Vec<&str> = block.lines().filter(|line| !in_checks(line)).collect();
            run_commands(&commands.join("\n"), folder.path());
        }
        for block in blocks(&text, "python") {
            run(Command::new(python_environment().join("bin/python"))
                .args(["-c", block])
                .current_dir(folder.path()));
        }
    }
}

/// The commands of docs/diagrams.md write exactly the pictures that the page shows. The numbers in the text of the page are those of the
/// runs that these commands make.
#[test]
fn pictures_and_numbers_of_the_page_on_diagrams_are_those_of_its_commands() {
    let folder = folder_to_work_in();
    let page = read("docs/diagrams.md");
    for block in blocks(&page, "sh") {
        run_commands(block, folder.path());
    }
    for name in ["slow-machine", "equal-rates", "overloaded-relay"] {
        let shown = read(&format!("docs/diagrams/{name}.svg"));
        let written = folder.path().join(format!("data/{name}.svg"));
        let written = fs::read_to_string(written).unwrap();
        assert!(
            shown == written,
            "docs/diagrams/{name}.svg is not what the commands draw: run the commands of docs/diagrams.md and copy it"
        );
        assert!(page.contains(&format!("](diagrams/{name}.svg)")));
    }
    // The rows that `analyze show` prints. Each row is a map from the names of the columns to the cells.
    let show = |arguments: &str| {
        let analyze = env!("CARGO_BIN_EXE_analyze");
        let command = format!("{analyze} show data/diagrams --format csv {arguments}");
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader
            .deserialize::<BTreeMap<String, String>>()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    // The time from the send of each received message to its receive, in seconds. Internal events and sends do not have this time, so
    // they are skipped.
    let ages = |rows: &[BTreeMap<String, String>]| -> Vec<f64> {
        let ages = rows
            .iter()
            .filter_map(|row| row["message_age_s"].parse().ok());
        ages.collect()
    };
    // In run 0, machine 0 is slow. In run 1, machine 0 is a relay: machines 1 and 2 send to it only. In run 2, all rates are equal.
    let slow = show("--run 0 --machines 0");
    let relay = show("--run 1 --machines 0");
    let equal = show("--run 2");
    // The slow machine and the relay receive at every tick. The machines that send to the relay never receive.
    for rows in [&slow, &relay] {
        assert!(rows.iter().all(|row| row["event"] == "receive"));
    }
    let senders = show("--run 1 --machines 1,2");
    assert!(senders.iter().all(|row| row["event"] != "receive"));
    let oldest = ages(&equal).into_iter().fold(0.0, f64::max);
    let (slow, relay) = (ages(&slow), ages(&relay));
    // Parts of sentences of the page. In the first part, `0` is the number of a machine, and `\n  ` is a line break of the page.
    // The number 61 in the last part is checked at the end of this test.
    for sentence in [
        format!(
            "0 receives is {:.3} s old, the last\n  is {:.3} s old",
            slow[0],
            slow[slow.len() - 1]
        ),
        format!("the oldest message is {oldest:.3} s old"),
        format!(
            "receives is {:.3} s old, and 61 messages wait",
            relay[relay.len() - 1]
        ),
    ] {
        assert!(page.contains(&sentence), "wanted: {sentence}");
    }
    // The first block of output on the page is a part of what `--terminal` prints.
    let terminal = Command::new(env!("CARGO_BIN_EXE_analyze"))
        .args(["diagram", "data/diagrams", "--run", "0", "--terminal"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let terminal = String::from_utf8(terminal.stdout).unwrap();
    let shown = blocks(&page, "text");
    assert!(shown[0].starts_with("time (s)") && terminal.contains(shown[0]));
    let svg = |name: &str| read(&format!("docs/diagrams/{name}.svg"));
    // Numbers that the text of the page takes from the pictures. For example, it says that the slow machine's queue grows to 15 messages.
    for (name, words) in [
        ("slow-machine", "queue, at most 15"),
        ("slow-machine", "lag, at most 44"),
        ("slow-machine", "12.778 s: receive, clock 41 to 51"),
        ("equal-rates", "queue, at most 1"),
        ("equal-rates", "lag, at most 2"),
        ("overloaded-relay", "queue, at most 61"),
    ] {
        assert!(svg(name).contains(words), "{name}: {words}");
    }
}

/// The pictures of docs/plots.md and of README.md are exactly what the commands of docs/plots.md write.
#[test]
fn pictures_of_plots_are_those_of_the_commands() {
    let folder = folder_to_work_in();
    let page = read("docs/plots.md");
    for block in blocks(&page, "sh") {
        // Only commands that make runs or write an SVG file.
        let is_needed = |line: &&str| ["sim run", ".svg"].iter().any(|word| line.contains(word));
        let commands: Vec<&str> = block.lines().filter(is_needed).collect();
        run_commands(&commands.join("\n"), folder.path());
    }
    let readme = read("README.md");
    let readme_top: Vec<&str> = readme.lines().take(30).collect();
    let readme_top = readme_top.join("\n");
    for name in ["clock", "messages", "stability"] {
        let shown = read(&format!("docs/plots/{name}.svg"));
        let written = folder.path().join(format!("data/{name}.svg"));
        let written = fs::read_to_string(written).unwrap();
        assert!(
            shown == written,
            "docs/plots/{name}.svg is not what the commands draw: run the commands of docs/plots.md and copy it"
        );
        // docs/plots.md shows `stability`. The first 30 lines of README.md show the other two.
        let document = if name == "stability" {
            &page
        } else {
            &readme_top
        };
        assert!(document.contains(&format!("plots/{name}.svg")), "{name}");
    }
}

/// Each block of code names one of the languages in this test. [`commands_and_python_run`] runs all blocks in `sh` and `python`. That
/// test cannot run commands that need a cluster, a browser or a long time, so the blocks of such commands are in `text`.
#[test]
fn blocks_of_code_have_a_known_language() {
    for document in DOCUMENTS {
        for language in languages(&read(document)) {
            let known = [
                "sh",
                "python",
                "toml",
                "rust,no_run",
                "text",
                "yaml",
                "dockerfile",
            ];
            // `analyze dictionary` writes data/README.md, with blocks that name no language.
            let is_generated = document == "data/README.md" && language.is_empty();
            assert!(
                known.contains(&language) || is_generated,
                "{document}: a block in {language:?}"
            );
        }
    }
}

/// Each block of TOML is a valid experiment, or is copied from experiments/claims.toml.
#[test]
fn blocks_of_toml_are_experiments_or_claims() {
    let claims = read("experiments/claims.toml");
    let mut experiments = 0;
    for document in DOCUMENTS {
        for text in blocks(&read(document), "toml") {
            if text.contains("[[claim") {
                assert!(claims.contains(text), "{document}: no such claim:\n{text}");
                continue;
            }
            experiments += 1;
            let experiment = Experiment::parse(text, document.as_ref(), Overrides::default());
            experiment.unwrap_or_else(|error| panic!("{error}"));
        }
    }
    assert!(
        experiments >= 2,
        "only {experiments} experiments in the documents: does `blocks` find all blocks of TOML?"
    );
}

#[test]
fn every_document_is_listed() {
    let mut found = BTreeSet::new();
    find_documents(&project(), Path::new(""), &mut found);
    let listed = DOCUMENTS.map(str::to_owned);
    assert_eq!(found, BTreeSet::from(listed));
}

/// Finds the Markdown files in a folder of the project, except in datasets, hidden folders, Python environments and build folders.
fn find_documents(project: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(project.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let relative = folder.join(&name);
        let path = project.join(&relative);
        let is_dataset = folder == Path::new("data");
        if path.is_dir() {
            let is_environment = path.join("pyvenv.cfg").exists();
            if !(name == "target" || name.starts_with('.') || is_environment || is_dataset) {
                find_documents(project, &relative, found);
            }
        } else if name.ends_with(".md") {
            found.insert(relative.to_str().unwrap().replace('\\', "/"));
        }
    }
}

/// Every link leads to an existing file and heading. Links to web pages are not checked.
#[test]
fn links_lead_to_existing_headings() {
    for document in DOCUMENTS {
        let text = prose(&read(document));
        let links = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                project().join(document)
            } else {
                project().join(document).parent().unwrap().join(file)
            };
            assert!(
                target.exists(),
                "{document}: {link} leads to nothing: {}",
                target.display()
            );
            // Only a link with a heading needs the target's text: other targets need not be text files.
            let headings = || anchors(&fs::read_to_string(&target).unwrap());
            assert!(
                heading.is_empty() || headings().contains(heading),
                "{document}: {link}: no such heading"
            );
        }
    }
}

/// The names by which links refer to the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let letters = heading.trim_start_matches('#').trim().to_lowercase();
        // The rules of GitHub: a space becomes a hyphen, and other signs are left out.
        let kept = letters.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            _ if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

/// experiments/README.md lists each experiment with the number of its runs.
#[test]
fn every_experiment_is_listed_with_its_runs() {
    let page = read("experiments/README.md");
    // The columns of each row: experiment, question or purpose, runs, time.
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ["));
    let rows = rows.filter_map(|row| {
        let name = row.split_once(']')?.0;
        let runs = row.split(" | ").nth(2)?;
        name.ends_with(".toml")
            .then(|| (name.to_owned(), runs.replace(',', "")))
    });
    let listed: BTreeMap<String, String> = rows.collect();
    let wanted = experiment_files().into_iter().map(|name| {
        let file = project().join("experiments").join(&name);
        let experiment = Experiment::read(&file, Overrides::default()).unwrap();
        (name, experiment.run_count().to_string())
    });
    assert_eq!(listed, wanted.collect());
}

#[test]
fn the_citation_names_this_version() {
    let version = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(read("CITATION.cff").contains(&version), "wanted {version}");
}

/// The paths of all experiment files relative to `experiments/`: those in `experiments/` itself, and those in the folders of
/// [`COLLECTIONS`].
fn experiment_files() -> BTreeSet<String> {
    let files = |folder: &str, prefix: &str| -> Vec<String> {
        fs::read_dir(project().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".toml"))
            .map(|name| format!("{prefix}{name}"))
            .collect()
    };
    let own = files("experiments", "").into_iter();
    let of_claims = COLLECTIONS
        .iter()
        .flat_map(|name| files(&format!("experiments/{name}"), &format!("{name}/")));
    // The files of claims, such as `claims.toml`, are not experiments.
    let is_claims = |file: &String| {
        COLLECTIONS
            .iter()
            .any(|name| *file == format!("{name}.toml"))
    };
    own.filter(|file| !is_claims(file))
        .chain(of_claims)
        .collect()
}
