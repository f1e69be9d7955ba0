//! Tests of `analyze methods`, which helps to write a paper. It prints a paragraph that says how a dataset was made, the commands that
//! made it, and the works to cite.

use std::fs;
use std::path::Path;

use analyze::Dataset;
use analyze::methods::Methods;
use analyze::methods::citations::Citation;
use regex::Regex;
use serde_json::{Value, json};
use sim::experiment::{Experiment, Overrides};
use sim::log::Manifest;

use crate::command_line::analyze;
use crate::fixture;

/// An entry of `dataset.json` for one sweep (a call of `sim run`): `command` was run on the date `day` on the computer `host`. All other
/// values are made up.
fn sweep(command: &str, day: &str, host: &str) -> Value {
    json!({
        "tool_version": "0.9.7",
        "git_commit": "0123456789ab",
        "host": host,
        "cpu": "Some CPU",
        "cores": 12,
        "os": "Some OS x86_64",
        "command": command,
        "started_at": format!("{day}T12:00:00Z"),
    })
}

/// Replaces what the dataset in `root` says about its sweeps, so that the paragraph is the same on every computer.
fn set_sweeps(root: &Path, sweeps: &[Value]) {
    let path = root.join("dataset.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    manifest["sweeps"] = sweeps.into();
    fs::write(path, manifest.to_string()).unwrap();
}

/// The folder of the project.
fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What `analyze methods` prints.
fn text(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = analyze(&[&["methods"], arguments].concat(), folder);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out
}

/// The text up to the BibTeX entries. The entries are the same for all datasets.
fn without_entries(text: &str) -> &str {
    text.split("\n@").next().unwrap()
}

/// Eight configurations: two sets of rates, two probabilities and two topologies. Most other parameters differ from the defaults.
const VARIED: &str = "
name = \"varied\"
seed = 77
repetitions = 4
duration_s = 10
engine = \"tcp\"
time_scale = 20
[parameters]
rates = [[1, 3], [2, 3, 4, 5]]
internal = [0.4, 0.75]
topology = [\"ring\", \"star\"]
sends = \"multicast(2)\"
delay_s = { uniform = [0.01, 0.1] }
receive = \"all\"
phase = \"uniform\"
stamp = \"before\"
connection = \"per-message\"
";

/// A folder with the dataset `varied`. Three sweeps on two computers made it. One run is not punctual, and in another run each machine was a
/// process of its own. The latest tick of all runs was 12,345 µs late, and the slowest message took 678 µs.
fn with_varied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("varied");
    fixture::altered(&root, VARIED, |runs| {
        runs[3].row.punctual = false;
        runs[5].row.lateness_max_us = 12_345.0;
        runs[6].row.latency_max_us = 678.0;
        runs[7].row.isolation = "process".to_owned();
    });
    // The first and the third sweep have the same command. The second sweep has the latest date.
    let sweeps = [
        sweep("sim run varied.toml", "2026-01-02", "one"),
        sweep("sim run varied.toml --only 7", "2026-03-04", "two"),
        sweep("sim run varied.toml", "2026-02-03", "one"),
    ];
    set_sweeps(&root, &sweeps);
    folder
}

#[test]
fn methods_of_the_sample() {
    let text = text(project(), &["data/sample"]);
    insta::assert_snapshot!("methods_sample", text);
}

#[test]
fn methods_of_runs_over_tcp_with_variants() {
    let folder = with_varied();
    let text = text(folder.path(), &["varied"]);
    insta::assert_snapshot!("methods_tcp", without_entries(&text));
}

#[test]
fn methods_of_a_virtual_dataset_with_option_where_and_a_warm_up() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    set_sweeps(&root, &[sweep("sim run small.toml", "2026-01-02", "one")]);
    let options = ["small", "--where", "internal<0.7", "--warm-up", "2.5"];
    let text = text(folder.path(), &options);
    insta::assert_snapshot!("methods_virtual", without_entries(&text));
}

#[test]
fn methods_of_imported_logs() {
    let folder = tempfile::tempdir().unwrap();
    for trial in ["trial-1", "trial-2", "trial-3"] {
        let (from, to) = (
            project().join("data/foreign").join(trial),
            folder.path().join(trial),
        );
        fs::create_dir(&to).unwrap();
        for file in ["vm1.csv", "vm2.csv", "vm3.csv"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    let import = [
        "import", "trial-1", "trial-2", "trial-3", "--into", "foreign",
    ];
    let (code, _, err) = analyze(
        &[&import[..], &["--time", "s", "--internal", "0.7"]].concat(),
        folder.path(),
    );
    assert_eq!(code, 0, "{err}");
    let root = folder.path().join("foreign");
    set_sweeps(&root, &[sweep(&import.join(" "), "2026-01-02", "one")]);
    let text = text(folder.path(), &["foreign"]);
    insta::assert_snapshot!("methods_imported", without_entries(&text));
}

/// The numbers in a text, without separators of thousands.
fn numbers(text: &str) -> Vec<f64> {
    let number = Regex::new(r"\d+(?:,\d{3})*(?:\.\d+)?").unwrap();
    let found = number.find_iter(text);
    found
        .map(|found| found.as_str().replace(',', "").parse().unwrap())
        .collect()
}

/// The paragraph has exactly the numbers of the list `wanted`, in the same order. Values from the journal (`runs.csv`), such as the number
/// of events, are read here by a general CSV reader and not by `analyze`.
#[test]
fn every_number_of_the_paragraph_is_that_of_the_dataset() {
    let folder = with_varied();
    // The argument `&[]` stands for no conditions of `--where`.
    let methods = &Methods::new(&Dataset::open(&folder.path().join("varied")).unwrap(), &[]);
    let mut journal = csv::Reader::from_path(folder.path().join("varied/runs.csv")).unwrap();
    let headers = journal.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = journal.records().map(Result::unwrap).collect();
    let column = |name: &str| -> Vec<String> {
        let index = headers.iter().position(|header| header == name).unwrap();
        rows.iter().map(|row| row[index].to_owned()).collect()
    };
    let largest = |name: &str| {
        column(name)
            .iter()
            .map(|cell| cell.parse().unwrap())
            .fold(0.0, f64::max)
    };
    let events: f64 = column("events")
        .iter()
        .map(|cell| cell.parse::<f64>().unwrap())
        .sum();
    let punctual = column("punctual")
        .iter()
        .filter(|cell| *cell == "true")
        .count() as f64;
    let runs = rows.len() as f64;
    let wanted = [
        // numbers of machines (2 or 4), duration (10), rates of the first set (1, 3) and of the second (2, 3, 4, 5), number of sets (2)
        vec![2.0, 4.0, 10.0, 1.0, 3.0, 2.0, 3.0, 4.0, 5.0, 2.0],
        // the 1 in "max(C, T) + 1", the two values of `internal`, the 1 in "both add 1", the 1 in "before 1 is added"
        vec![1.0, 0.4, 0.75, 1.0, 1.0],
        // number of topologies; the sentence about the star names machine 0 twice
        vec![2.0, 0.0, 0.0],
        // recipients of each send (`multicast(2)`), the shortest and the longest delay
        vec![2.0, 0.01, 0.1],
        // configurations, repetitions, runs, events, seed, the number in the name of the stream cipher ChaCha8
        vec![8.0, runs / 8.0, runs, events, 77.0, 8.0],
        // time scale, version 0.9.7 (as 0.9 and 7), digits of the commit 0123456789ab, dates of the first and the last sweep, number of
        // computers, cores, the numbers in x86_64
        vec![
            20.0,
            0.9,
            7.0,
            123_456_789.0,
            2026.0,
            1.0,
            2.0,
            2026.0,
            3.0,
            4.0,
            2.0,
            12.0,
            86.0,
            64.0,
        ],
        // punctual runs, all runs, share in %
        vec![punctual, runs, 100.0 * punctual / runs],
        // the largest lateness in ms, rounded to one decimal (12,345 µs are 12.3 ms); the largest latency in µs
        vec![
            (largest("lateness_max_us") / 100.0).round() / 10.0,
            largest("latency_max_us"),
        ],
        // version of analyze
        numbers(env!("CARGO_PKG_VERSION")),
        // intervals: 95 %; among 100 of them about 5 miss the true mean
        vec![95.0, 100.0, 5.0],
    ];
    // The year of the citation is not a number of the dataset.
    let found = numbers(&methods.paragraph.replace("(Lamport 1978)", ""));
    let wanted: Vec<f64> = wanted.concat();
    for (index, (found, wanted)) in std::iter::zip(&found, &wanted).enumerate() {
        // Some numbers in the text are rounded to one decimal, so they can differ from the exact number by up to 0.05.
        assert!(
            (found - wanted).abs() < 0.06,
            "number {index} is {found}, not {wanted}: {}",
            methods.paragraph
        );
    }
    assert_eq!(found.len(), wanted.len(), "{}", methods.paragraph);
}

/// Besides the commands that made the dataset, `analyze methods` prints a command with which readers can make the runs again. This
/// command uses the experiment file in the dataset's folder, and makes the same configurations with the same seed, engine and time scale.
/// If somebody has changed the configurations in the file, `analyze methods` does not print the command.
#[test]
fn the_command_for_readers_repeats_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    // In the command, a name with a space must be in quotes.
    let root = folder.path().join("changed data");
    // Options of `sim run` that change values of the experiment file. The command for readers must have these options too.
    let overrides = Overrides {
        engine: Some("virtual".parse().unwrap()),
        changes: vec![
            "rates=[[1, 2], [3, 4]]".parse().unwrap(),
            "seed=5".parse().unwrap(),
        ],
        ..Overrides::default()
    };
    let experiment = Experiment::parse(VARIED, "test.toml".as_ref(), overrides).unwrap();
    // The command depends only on the experiment, so one run is enough.
    let run = experiment.runs().next().unwrap();
    let log = sim::engine::virtual_time::run(&run, experiment.seed);
    fixture::write(
        &root,
        &experiment,
        vec![fixture::finished(&experiment, &run, &log.machines)],
    );
    let dataset = Dataset::open(&root).unwrap();
    // The field `again` is the command that makes the runs again.
    let command = Methods::new(&dataset, &[]).again.unwrap();
    // The words of the command are `sim`, `run`, the experiment file, and pairs of an option and its value.
    let words = shell_words::split(&command).unwrap();
    assert_eq!(words[..2], ["sim", "run"]);
    let mut repeated_overrides = Overrides::default();
    for option in words[3..].chunks(2) {
        match (option[0].as_str(), &option[1]) {
            ("--engine", engine) => repeated_overrides.engine = Some(engine.parse().unwrap()),
            ("--set", change) => repeated_overrides.changes.push(change.parse().unwrap()),
            // The user replaces `NEW_FOLDER` by a name.
            ("--data", folder) => assert_eq!(folder, "NEW_FOLDER"),
            other => panic!("{other:?}"),
        }
    }
    let file = Path::new(&words[2]);
    let repeated = Experiment::read(file, repeated_overrides).unwrap();
    assert_eq!(
        Manifest::new(&repeated, vec![]).experiment,
        dataset.manifest().experiment
    );
    fs::write(file, VARIED.replace("0.75", "0.8")).unwrap();
    assert_eq!(Methods::new(&dataset, &[]).again, None);
}

#[test]
fn in_every_format_each_dataset_has_a_paragraph_and_each_bibtex_entry_occurs_once() {
    let folder = with_varied();
    fixture::write_by_hand(&folder.path().join("by-hand"));
    let paragraph = |name: &str| {
        Methods::new(&Dataset::open(&folder.path().join(name)).unwrap(), &[]).paragraph
    };
    let (varied, by_hand) = (paragraph("varied"), paragraph("by-hand"));
    let printed = |format: &str| text(folder.path(), &["varied", "by-hand", "--format", format]);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for format in ["text", "markdown"] {
        let printed = one_line(&printed(format));
        assert!(
            printed.contains(&varied) && printed.contains(&by_hand),
            "{printed}"
        );
        assert_eq!(printed.matches("@article{lamport1978time").count(), 1);
    }
    let printed_json: Value = serde_json::from_str(&printed("json")).unwrap();
    assert_eq!(printed_json["datasets"][0]["paragraph"], varied.as_str());
    assert_eq!(printed_json["datasets"][1]["dataset"], "by-hand");
    // Two of the three sweeps have the same command, which is listed once.
    assert_eq!(
        printed_json["datasets"][0]["commands"],
        json!(["sim run varied.toml", "sim run varied.toml --only 7"])
    );
    for citation in Citation::all() {
        assert_eq!(
            printed_json["bibtex"][citation.key],
            citation.entry.as_str()
        );
    }
    let latex = printed("latex");
    for words in [
        "\\paragraph{varied}",
        "Lamport clock~\\cite{lamport1978time} and",
        "\\texttt{analyze} 0.1.0~\\cite{logical_clock_lab},",
        "its 95 \\% confidence",
        "\\begin{verbatim}\nsim run varied.toml\nsim run varied.toml --only 7\n\\end{verbatim}",
        // The BibTeX entries are comments of LaTeX.
        "% @misc{logical_clock_lab,",
    ] {
        assert!(latex.contains(words), "{words}: {latex}");
    }
}

/// The BibTeX entries have the facts of `CITATION.cff`.
#[test]
fn the_entries_agree_with_the_citation_file() {
    let file = fs::read_to_string(project().join("CITATION.cff")).unwrap();
    let (own, references) = file.split_once("references:\n").unwrap();
    // The value of `key` in a part of `CITATION.cff`.
    let value = |part: &str, key: &str| -> String {
        let lines = part.lines().map(|line| line.trim_start_matches([' ', '-']));
        let mut values = lines.filter_map(|line| line.strip_prefix(&format!("{key}: ")));
        values.next().unwrap_or_else(|| panic!("{key}")).to_owned()
    };
    // The value of `key` in a BibTeX entry.
    let field = |entry: &str, key: &str| -> String {
        let line = entry
            .lines()
            .find_map(|line| line.trim().strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key}"))
            .trim_matches(['{', '}', ','])
            .to_owned()
    };
    let software = Citation::software().entry;
    assert_eq!(field(&software, "title"), value(own, "title"));
    assert_eq!(field(&software, "author"), value(own, "name"));
    assert_eq!(field(&software, "url"), value(own, "repository-code"));
    assert_eq!(
        field(&software, "note"),
        format!("Software, version {}", value(own, "version"))
    );
    let lamport = Citation::lamport().entry;
    for (bibtex, cff) in [
        ("title", "title"),
        ("journal", "journal"),
        ("volume", "volume"),
        ("number", "issue"),
        ("year", "year"),
        ("doi", "doi"),
    ] {
        assert_eq!(field(&lamport, bibtex), value(references, cff), "{bibtex}");
    }
    let author = format!(
        "{}, {}",
        value(references, "family-names"),
        value(references, "given-names")
    );
    assert_eq!(field(&lamport, "author"), author);
    let pages = format!(
        "{}--{}",
        value(references, "start"),
        value(references, "end")
    );
    assert_eq!(field(&lamport, "pages"), pages);
    assert_eq!(
        (field(&lamport, "month"), value(references, "month")),
        ("jul".to_owned(), "7".to_owned())
    );
}

/// The page of `analyze report` has the same paragraph, commands and BibTeX entries as `analyze methods`.
#[test]
fn a_report_has_the_same_paragraph_commands_and_entries() {
    let folder = with_varied();
    let (code, _, err) = analyze(
        &["report", "varied", "--no-audit", "--out", "page.html"],
        folder.path(),
    );
    assert_eq!(code, 0, "{err}");
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    let methods = Methods::new(&Dataset::open(&folder.path().join("varied")).unwrap(), &[]);
    // In the paragraph, code is between backticks. The page has no backticks.
    assert!(
        page.contains(&format!("<p>{}</p>", methods.paragraph.replace('`', ""))),
        "{}",
        methods.paragraph
    );
    let times = "the latest tick was 12.3 ms late, the slowest message took 678 µs";
    assert!(page.contains(times), "{page}");
    assert!(page.contains("<pre>sim run varied.toml\nsim run varied.toml --only 7</pre>"));
    assert!(page.contains(&Citation::bibtex()));
}
