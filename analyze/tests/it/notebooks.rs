//! Runs every notebook from top to bottom on data that the test makes, with the versions of Python packages that
//! `notebooks/requirements.txt` gives. Also tests the notebooks as they are stored in the repository, with the outputs of their cells.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use analyze::export::Additions;
use serde_json::Value;
use sim::experiment::{EngineKind, Experiment, Overrides};

use crate::end_to_end::{sweep, sweep_quickstart};
use crate::readme::{blocks, copy, run_commands};

/// For each notebook: its name, the number of pictures that it draws from the test's data, and the number of pictures in the stored
/// notebook. `02-claims` draws fewer pictures in the test, because the test evaluates fewer claims.
const NOTEBOOKS: [(&str, usize, usize); 5] = [
    ("01-first-look.ipynb", 4, 4),
    ("02-claims.ipynb", 1, 3),
    ("03-stability-map.ipynb", 3, 3),
    ("04-real-and-virtual.ipynb", 4, 4),
    ("05-clocks.ipynb", 3, 3),
];

/// The largest size of a stored notebook in bytes. Hosting sites do not show large notebooks.
const MAX_BYTES: usize = 1_000_000;

#[test]
fn notebooks_run_from_top_to_bottom() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("data/quickstart");
    // Model time passes 60 times faster than real time.
    sweep_quickstart(&dataset, 60.0);
    export(&dataset);
    let data = folder.path().join("data");
    make_claims(&data);
    make_stability(&data);
    make_twins(&data);
    make_clocks(folder.path());
    let environment = python_environment();
    let copies = folder.path().join("copies");
    copy(&notebooks(), &copies);
    // Empties the copied folder `figures`, so that it later has only files that this test writes.
    let figures = copies.join("figures");
    fs::remove_dir_all(&figures).unwrap();
    fs::create_dir(&figures).unwrap();
    // The program `store.py` runs the notebooks. With `--keep-data` it does not make their data.
    run(Command::new(environment.join("bin/python"))
        .arg(copies.join("store.py"))
        .arg("--keep-data")
        // The notebooks read their data from the folders in these two variables.
        .env("DATASET", &dataset)
        .env("DATA", &data)
        // Jupyter and Matplotlib look for settings in these folders, so they do not read the user's settings.
        .env("IPYTHONDIR", folder.path())
        .env("MPLCONFIGDIR", folder.path()));
    for (name, pictures_of_test_data, _) in NOTEBOOKS {
        let executed = code_cells(&copies.join(name));
        require_clean_outputs(name, &executed);
        assert_eq!(
            count_pictures(&executed),
            pictures_of_test_data,
            "pictures in {name}"
        );
        let stored = code_cells(&notebooks().join(name));
        for (executed, stored) in std::iter::zip(&executed, &stored) {
            assert_eq!(
                kinds_of_outputs(executed),
                kinds_of_outputs(stored),
                "{name} has changed since it was stored: run notebooks/store.py\n{}",
                stored["source"]
            );
        }
    }
    for figure in fs::read_dir(notebooks().join("figures")).unwrap() {
        let written = figures.join(figure.unwrap().file_name());
        assert!(
            written.exists(),
            "store.py does not write {}",
            written.display()
        );
    }
    let files = fs::read_dir(notebooks()).unwrap();
    let notebooks = files.filter(|file| {
        let path = file.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "ipynb")
    });
    assert_eq!(
        notebooks.count(),
        NOTEBOOKS.len(),
        "the list NOTEBOOKS is not complete"
    );
}

/// Makes `claims.csv` from four experiments with 3 repetitions of each configuration. Claims about other experiments are not evaluated.
fn make_claims(data: &Path) {
    for name in ["draining", "equal-rates", "rate-sets", "scaling"] {
        sweep_shortened(&format!("claims/{name}.toml"), 3, &data.join(name), |_| {});
    }
    let claims = experiments().join("claims.toml");
    let output = analyze(["claims", "--format", "csv", "--data"], &[data, &claims]);
    // Exit code 2: the datasets of the other claims are missing.
    assert_eq!(output.status.code(), Some(2));
    fs::write(data.join("claims.csv"), output.stdout).unwrap();
}

/// Makes `stability.csv` from two repetitions of each configuration.
fn make_stability(data: &Path) {
    let dataset = data.join("stability");
    sweep_shortened("stability.toml", 2, &dataset, |_| {});
    let output = analyze(["theory", "--format", "csv"], &[&dataset]);
    assert!(output.status.success());
    fs::write(data.join("stability.csv"), output.stdout).unwrap();
}

/// Makes three datasets of the experiment `twins.toml` with the same seed: one in virtual time, and two over TCP at different time scales.
fn make_twins(data: &Path) {
    // The name of each dataset, and the time scale if its runs are over TCP. With the time scale 20, model time passes 20 times faster than
    // real time. `shared` means that all machines are in one process.
    let datasets = [
        ("twins-virtual", None),
        ("twins-shared-20", Some(20.0)),
        ("twins-shared-50", Some(50.0)),
    ];
    for (name, time_scale) in datasets {
        let dataset = data.join(name);
        sweep_shortened("twins.toml", 2, &dataset, |overrides| match time_scale {
            None => overrides.engine = Some(EngineKind::Virtual),
            Some(_) => overrides.time_scale = time_scale,
        });
        export(&dataset);
    }
}

/// Makes `clocks-over-n.csv` with the commands in the first cell of `05-clocks.ipynb`.
fn make_clocks(folder: &Path) {
    copy(&experiments(), &folder.join("experiments"));
    run_commands(&commands_for_data("05-clocks.ipynb"), folder);
}

/// The commands in the first cell of a notebook, which make its data.
fn commands_for_data(name: &str) -> String {
    let notebook = read_notebook(&notebooks().join(name));
    let first_cell = joined(&notebook["cells"][0]["source"]);
    let [commands] = blocks(&first_cell, "sh")[..] else {
        panic!("{name}: the first cell must have one block of commands:\n{first_cell}");
    };
    commands.to_owned()
}

#[test]
fn the_readme_has_the_commands_of_each_notebook() {
    let readme = fs::read_to_string(notebooks().join("README.md")).unwrap();
    for (name, ..) in NOTEBOOKS {
        let commands = commands_for_data(name);
        assert!(readme.contains(&commands), "{name}: {commands}");
    }
}

/// Makes the runs of an experiment, but with `repetitions` instead of the number of repetitions in its file. `change` sets other settings
/// of the experiment, such as the engine.
fn sweep_shortened(file: &str, repetitions: u32, root: &Path, change: impl Fn(&mut Overrides)) {
    let file = experiments().join(file);
    let text = fs::read_to_string(&file).unwrap();
    let shortened = text.lines().map(|line| {
        if line.starts_with("repetitions = ") {
            format!("repetitions = {repetitions}\n")
        } else {
            format!("{line}\n")
        }
    });
    let mut overrides = Overrides::default();
    change(&mut overrides);
    let shortened: String = shortened.collect();
    sweep(
        &Experiment::parse(&shortened, &file, overrides).unwrap(),
        root,
    );
}

fn export(dataset: &Path) {
    for dataset in analyze::open(&[dataset.to_owned()]).unwrap() {
        analyze::export::export(&dataset, Additions::default()).unwrap();
    }
}

/// Runs `analyze` with these words and paths. Returns its output.
fn analyze<const N: usize>(words: [&str; N], paths: &[&Path]) -> Output {
    let program = env!("CARGO_BIN_EXE_analyze");
    Command::new(program)
        .args(words)
        .args(paths)
        .output()
        .unwrap()
}

fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

/// Notebooks are stored as they are after one execution from top to bottom. Their outputs have no absolute paths, no times of execution
/// and no warnings.
#[test]
fn notebooks_are_stored_with_outputs() {
    for (name, _, pictures) in NOTEBOOKS {
        let path = notebooks().join(name);
        let cells = code_cells(&path);
        require_clean_outputs(name, &cells);
        assert_eq!(count_pictures(&cells), pictures, "pictures in {name}");
        let size = fs::metadata(path).unwrap().len();
        assert!(size < MAX_BYTES as u64, "{name} has {size} bytes");
    }
}

/// Requires that the cells were executed once from top to bottom, and that their outputs have no error, no warning and no absolute path.
fn require_clean_outputs(name: &str, cells: &[Value]) {
    for (cell, number) in std::iter::zip(cells, 1..) {
        assert_eq!(cell["execution_count"], number, "{name}: {cell}");
        // Times of execution would be stored in the metadata.
        assert_eq!(cell["metadata"], serde_json::json!({}), "{name}");
        for output in outputs(cell) {
            assert_ne!(output["output_type"], "error", "{name}: {output}");
            assert_ne!(output["name"], "stderr", "{name}: {output}");
            assert_eq!(find_absolute_path(output), None, "{name}: {output}");
        }
    }
}

/// An output with an interactive chart must also contain a picture of the chart. Hosting sites show the picture, because they do not run
/// the chart's code.
#[test]
fn interactive_charts_have_a_picture() {
    let cells = code_cells(&notebooks().join("05-clocks.ipynb"));
    let charts: Vec<BTreeSet<String>> = cells
        .iter()
        .flat_map(outputs)
        .map(kinds_of_output)
        .filter(|kinds| kinds.iter().any(|kind| kind.contains("vegalite")))
        .collect();
    // The notebook has one interactive chart.
    assert_eq!(charts.len(), 1);
    assert!(charts[0].contains("image/png"), "{charts:?}");
}

#[test]
fn absolute_paths_are_found() {
    for path in [
        "/home/anna/x.csv",
        "/tmp/x",
        "C:\\Users\\anna",
        "/home/data",
    ] {
        let output = serde_json::json!({ "text": [format!("cannot read {path}\n")] });
        assert!(find_absolute_path(&output).is_some(), "{path}");
    }
    // The encoded bytes of a picture may look like a path by chance. The slash in `rates/s` is not the start of a path.
    let picture =
        serde_json::json!({ "data": { "image/png": "abc/tmp/x", "text/plain": ["rates/s"] } });
    assert_eq!(find_absolute_path(&picture), None);
}

/// Searches an output for an absolute path. Returns the rest of the output's text from that path on, or `None` if there is no such path.
/// Pictures are not searched.
fn find_absolute_path(output: &Value) -> Option<String> {
    const ROOTS: [&str; 8] = [
        "/home/",
        "/tmp/",
        "/usr/",
        "/var/",
        "/opt/",
        "/Users/",
        "/private/",
        ":\\",
    ];
    let texts = match output["data"].as_object() {
        None => joined(&output["text"]),
        Some(data) => {
            let texts = data.iter().filter(|(kind, _)| *kind != "image/png");
            texts.map(|(_, text)| joined(text)).collect()
        }
    };
    let found = ROOTS.iter().find_map(|root| texts.find(root));
    found.map(|start| texts[start..].to_owned())
}

fn read_notebook(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn code_cells(path: &Path) -> Vec<Value> {
    let mut notebook = read_notebook(path);
    let cells = notebook["cells"].take();
    let cells = cells.as_array().unwrap().iter();
    cells
        .filter(|cell| cell["cell_type"] == "code")
        .cloned()
        .collect()
}

fn outputs(cell: &Value) -> &[Value] {
    cell["outputs"].as_array().unwrap()
}

/// The media types of an output's data, such as `image/png`. For an output without data, the type of the output, such as `stream`.
fn kinds_of_output(output: &Value) -> BTreeSet<String> {
    match output["data"].as_object() {
        Some(data) => data.keys().cloned().collect(),
        None => BTreeSet::from([output["output_type"].to_string()]),
    }
}

fn kinds_of_outputs(cell: &Value) -> BTreeSet<String> {
    outputs(cell).iter().flat_map(kinds_of_output).collect()
}

fn count_pictures(cells: &[Value]) -> usize {
    let outputs = cells.iter().flat_map(outputs);
    outputs
        .filter(|output| output["data"].get("image/png").is_some())
        .count()
}

/// A text of a notebook as one string. Notebooks store a text as a string or as a list of lines. Other data become JSON text.
fn joined(text: &Value) -> String {
    match text {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.to_string(),
    }
}

fn notebooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks")
}

/// A virtual environment with the packages that `notebooks/requirements.txt` pins.
pub fn python_environment() -> PathBuf {
    environment_with("../notebooks/requirements.txt")
}

/// A virtual environment with the packages of the file `requirements`, whose path is relative to the crate. The environment is made again
/// if the file has changed.
pub fn environment_with(requirements: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements);
    let requirements_folder = requirements.parent().and_then(Path::file_name).unwrap();
    let name = format!("{}-python", requirements_folder.display());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join(&name);
    let installed = environment.join("installed.txt");
    // Only one test at a time may make the environment.
    let lock = File::create(folder.join(name + ".lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read(&requirements).unwrap();
    let is_installed = fs::read(&installed).is_ok_and(|text| text == wanted);
    if !is_installed {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment));
        run(Command::new(environment.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&requirements));
        fs::copy(&requirements, &installed).unwrap();
    }
    environment
}

/// Runs a command to its end and returns its output.
pub fn run(command: &mut Command) -> String {
    let hint = "this needs Python 3.11 or later with its venv module (on Debian and Ubuntu the package python3-venv) \
                and, the first time, the Python package index";
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {command:?}: {error}\n{hint}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed: {}\n{}\n{}\n{hint}",
        output.status,
        text(&output.stdout),
        text(&output.stderr),
    );
    text(&output.stdout)
}
