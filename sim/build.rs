//! Passes the commit from which the simulator is built to the compiler. Datasets record this commit.

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

/// Returns whether the project has its own Git repository. A copy unpacked inside another repository has none.
fn is_checkout(project: &Path) -> bool {
    let root = git(&["rev-parse", "--show-toplevel"]);
    root.and_then(|root| Path::new(&root).canonicalize().ok())
        .is_some_and(|root| root == project)
}

/// Makes Cargo run this script again after every commit and checkout. Git is asked for the files to watch, because a worktree has
/// them in another folder than a clone. The index is not watched, because it changes with every `git status`. An edit of the
/// sources makes Cargo build again anyway.
fn watch_commits() {
    for name in ["HEAD", "packed-refs", "reftable"] {
        if let Some(path) = git_path(name).filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| git_path(&name));
    // A branch that exists only in packed-refs gets its own file with the next commit. Then this folder changes.
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

/// Returns the hash of the commit, followed by `-dirty` if a tracked file has changes.
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
