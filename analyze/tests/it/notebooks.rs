//! Every notebook runs from top to bottom, on data made there and then, with the Python packages that are pinned.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::end_to_end::sweep_quickstart;

/// A notebook, and how many pictures it draws.
const NOTEBOOKS: [(&str, usize); 1] = [("01-first-look.ipynb", 4)];

#[test]
fn notebooks_run_from_top_to_bottom() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("quickstart");
    sweep_quickstart(&dataset, 60.0);
    for dataset in analyze::open(std::slice::from_ref(&dataset)).unwrap() {
        analyze::export::export(&dataset, false).unwrap();
    }
    let environment = python_environment();
    for (name, pictures) in NOTEBOOKS {
        let notebook = folder.path().join(name);
        fs::copy(notebooks().join(name), &notebook).unwrap();
        run(Command::new(environment.join("bin/jupyter-execute"))
            .arg("--inplace")
            .arg(&notebook)
            .env("DATASET", &dataset)
            // Whatever the user has set up: the pinned kernel, and pictures in the notebook.
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

/// They are kept as they are written: what they put out would go stale.
#[test]
fn notebooks_are_kept_without_outputs() {
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

/// A virtual environment with what `notebooks/requirements.txt` pins.
pub fn python_environment() -> PathBuf {
    environment_with("../notebooks/requirements.txt")
}

/// A virtual environment with what a file pins, made anew when that has changed; its path is relative to the crate's.
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

/// Runs it to its end. Returns what it printed.
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
