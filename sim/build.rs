//! Notes the commit the simulator is built from, for the provenance of datasets.

use std::path::Path;
use std::process::Command;

fn main() {
    // Every commit and checkout appends to the log of HEAD; every edit touches the sources.
    for path in ["../.git/logs/HEAD", "src"] {
        if Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    println!(
        "cargo:rustc-env=GIT_COMMIT={}",
        commit().unwrap_or_else(|| "unknown".to_owned())
    );
}

fn commit() -> Option<String> {
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let dirty = !git(&[
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
    ])?
    .is_empty();
    Some(if dirty { format!("{hash}-dirty") } else { hash })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
