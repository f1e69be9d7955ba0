//! Tells the compiler from which Git commit the simulator is built (as the environment variable `GIT_COMMIT`). Datasets record this commit.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // After a change in the source files, this script must run again: `-dirty` may have to be added to the commit.
    println!("cargo:rerun-if-changed=src");
    let project = Path::new("..").canonicalize().ok();
    let commit = project
        .filter(|project| has_own_repository(project))
        .and_then(|_| {
            watch_commits();
            commit()
        });
    println!(
        "cargo:rustc-env=GIT_COMMIT={}",
        commit.unwrap_or_else(|| "unknown".to_owned())
    );
}

/// Returns whether the project is the root of a Git repository. An archive of the project that was unpacked inside another repository
/// is not such a root, and the commit of that other repository would be misleading.
fn has_own_repository(project: &Path) -> bool {
    let root = git(&["rev-parse", "--show-toplevel"]);
    root.and_then(|root| Path::new(&root).canonicalize().ok())
        .is_some_and(|root| root == project)
}

/// Makes Cargo run this script again after every `git commit` and `git checkout`: Cargo watches the files that these commands change in
/// Git's own folder. The paths of these files are different in a worktree and in a clone, so the script asks Git for them. Git's index is
/// not watched, because it can change with every `git status`.
fn watch_commits() {
    // `HEAD` changes with a checkout, because it names the current branch. The hash of a branch's newest commit is in `packed-refs`, in
    // `reftable` or in the branch's own file (see below). Only those that exist are watched: many repositories have no `packed-refs` or no
    // `reftable`.
    for name in ["HEAD", "packed-refs", "reftable"] {
        if let Some(path) = git_path(name).filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    // The path of the current branch's own file, for example `../.git/refs/heads/main`. `None` if no branch is checked out.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| git_path(&name));
    // A branch that exists only in `packed-refs` has no file of its own yet. The next commit creates the file, and that changes the nearest
    // existing folder above it. So Cargo watches that folder if there is no file.
    let file_or_folder = branch
        .iter()
        .flat_map(|path| path.ancestors())
        .find(|path| path.exists());
    if let Some(path) = file_or_folder {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

/// Returns the path of a file in Git's own folder.
fn git_path(name: &str) -> Option<PathBuf> {
    git(&["rev-parse", "--git-path", name]).map(PathBuf::from)
}

/// Returns the first 12 digits of the commit's hash, followed by `-dirty` if a tracked file has changes. (After a change outside
/// of `src`, this script does not run again. Then the commit stays without `-dirty`.)
fn commit() -> Option<String> {
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&[
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
    ])?;
    Some(if changes.is_empty() {
        hash
    } else {
        format!("{hash}-dirty")
    })
}

/// Returns what Git prints, or `None` if there is no Git or the command fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
