//! Notes the commit the simulator is built from, for the provenance of datasets.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src");
    let project = Path::new("..").canonicalize().ok();
    let commit = project
        .filter(|project| is_checkout(project))
        .and_then(|_| {
            watch_commits();
            commit()
        });
    println!(
        "cargo:rustc-env=GIT_COMMIT={}",
        commit.unwrap_or_else(|| "unknown".to_owned())
    );
}

/// Whether the project is a checkout of its own, and not unpacked somewhere inside another.
fn is_checkout(project: &Path) -> bool {
    let root = git(&["rev-parse", "--show-toplevel"]);
    root.and_then(|root| Path::new(&root).canonicalize().ok())
        .is_some_and(|root| root == project)
}

/// Has this run again after every commit and checkout. Git says where it keeps what these change: in a worktree that is elsewhere
/// than in a clone. The index is left out: it changes with every look at the status, and edits change the sources anyway.
fn watch_commits() {
    for name in ["HEAD", "packed-refs", "reftable"] {
        if let Some(path) = git_path(name).filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| git_path(&name));
    // A branch that stands only in packed-refs gets a file of its own with the next commit: its folder changes then.
    let watched = branch
        .iter()
        .flat_map(|path| path.ancestors())
        .find(|path| path.exists());
    if let Some(watched) = watched {
        println!("cargo:rerun-if-changed={}", watched.display());
    }
}

fn git_path(name: &str) -> Option<PathBuf> {
    git(&["rev-parse", "--git-path", name]).map(PathBuf::from)
}

/// The hash of the commit, with `-dirty` behind it if a file that git knows has changes.
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
