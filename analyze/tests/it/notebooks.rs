//! Runs every notebook from top to bottom with the pinned Python packages, on data that the test makes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use analyze::export::Additions;
use sim::experiment::{EngineKind, Experiment, Overrides};

use crate::end_to_end::{sweep, sweep_quickstart};

/// The notebooks, each with the number of its pictures.
const NOTEBOOKS: [(&str, usize); 4] = [
    ("01-first-look.ipynb", 4),
    ("02-claims.ipynb", 1),
    ("03-stability-map.ipynb", 3),
    ("04-real-and-virtual.ipynb", 4),
];

#[test]
fn notebooks_run_from_top_to_bottom() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("quickstart");
    sweep_quickstart(&dataset, 60.0);
    export(&dataset);
    make_claims(folder.path());
    make_stability(folder.path());
    make_twins(folder.path());
    let environment = python_environment();
    for (name, pictures) in NOTEBOOKS {
        let notebook = folder.path().join(name);
        fs::copy(notebooks().join(name), &notebook).unwrap();
        run(Command::new(environment.join("bin/jupyter-execute"))
            .arg("--inplace")
            .arg(&notebook)
            .env("DATASET", &dataset)
            .env("DATA", folder.path())
            // These settings override the user's: the pinned kernel is used, and pictures are stored in the notebook.
            .env("JUPYTER_PREFER_ENV_PATH", "1")
            .env("IPYTHONDIR", folder.path())
            .env("MPLCONFIGDIR", folder.path())
            .env("MPLBACKEND", "module://matplotlib_inline.backend_inline"));
        let executed = fs::read_to_string(&notebook).unwrap();
        let drawn = executed.matches("\"image/png\":").count();
        assert_eq!(drawn, pictures, "pictures in {name}");
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
        "some notebook is not run"
    );
}

/// Makes `claims.csv` from few runs of the experiments of some claims. The other claims are not evaluated.
fn make_claims(data: &Path) {
    for name in ["draining", "equal-rates", "rate-sets", "scaling"] {
        sweep_shortened(&format!("claims/{name}.toml"), 3, &data.join(name), |_| {});
    }
    let claims = experiments().join("claims.toml");
    let told = analyze(["claims", "--format", "csv", "--data"], &[data, &claims]);
    assert_eq!(told.status.code(), Some(2), "some datasets are missing");
    fs::write(data.join("claims.csv"), told.stdout).unwrap();
}

/// Makes `stability.csv` from two runs of each configuration.
fn make_stability(data: &Path) {
    let dataset = data.join("stability");
    sweep_shortened("stability.toml", 2, &dataset, |_| {});
    let told = analyze(["theory", "--format", "csv"], &[&dataset]);
    assert!(told.status.success());
    fs::write(data.join("stability.csv"), told.stdout).unwrap();
}

/// Makes datasets with the same seed over TCP at two time scales, and in virtual time.
fn make_twins(data: &Path) {
    let kinds = [
        ("twins-virtual", None),
        ("twins-shared-20", Some(20.0)),
        ("twins-shared-50", Some(50.0)),
    ];
    for (name, time_scale) in kinds {
        let dataset = data.join(name);
        sweep_shortened("twins.toml", 2, &dataset, |overrides| match time_scale {
            None => overrides.engine = Some(EngineKind::Virtual),
            scale => overrides.time_scale = scale,
        });
        export(&dataset);
    }
}

/// Runs an experiment with fewer repetitions.
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

/// Runs the program and returns its output.
fn analyze<const N: usize>(verb: [&str; N], paths: &[&Path]) -> Output {
    let program = env!("CARGO_BIN_EXE_analyze");
    Command::new(program)
        .args(verb)
        .args(paths)
        .output()
        .unwrap()
}

fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

/// Notebooks are stored without outputs, which would become outdated.
#[test]
fn notebooks_are_stored_without_outputs() {
    for (name, _) in NOTEBOOKS {
        let text = fs::read_to_string(notebooks().join(name)).unwrap();
        let notebook: serde_json::Value = serde_json::from_str(&text).unwrap();
        for cell in notebook["cells"].as_array().unwrap() {
            let outputs = cell.get("outputs").and_then(|outputs| outputs.as_array());
            assert!(outputs.is_none_or(Vec::is_empty), "{name}: {cell}");
        }
    }
}

fn notebooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks")
}

/// A virtual environment with the packages that `notebooks/requirements.txt` pins.
pub fn python_environment() -> PathBuf {
    environment_with("../notebooks/requirements.txt")
}

/// A virtual environment with the packages of a requirements file. It is made again if the file has changed. Its path is relative
/// to the crate.
pub fn environment_with(requirements: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements);
    let pinned_by = requirements.parent().and_then(Path::file_name).unwrap();
    let name = format!("{}-python", pinned_by.display());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join(&name);
    let installed = environment.join("installed.txt");
    let lock = File::create(folder.join(name + ".lock")).unwrap();
    lock.lock().unwrap();
    if fs::read(&installed).ok() != Some(fs::read(&requirements).unwrap()) {
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
