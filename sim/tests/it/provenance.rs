//! The commit in a dataset is that of the repository from which sim was built, or `unknown`. The build script is tested in separate
//! repositories.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const CARGO: &str = "[package]\nname = \"sim\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const MAIN: &str = "fn main() {\n    println!(\"{}\", env!(\"GIT_COMMIT\"));\n}\n";

/// A folder for test repositories.
struct Trial(TempDir);

impl Trial {
    /// Creates a repository `main` with a program that prints what the build script found.
    fn new() -> Self {
        let trial = Self(tempfile::tempdir().expect("a folder"));
        let main = trial.path("main");
        fs::create_dir_all(main.join("sim/src")).expect("folders");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        fs::copy(script, main.join("sim/build.rs")).expect("a copy");
        fs::write(main.join("sim/Cargo.toml"), CARGO).expect("written");
        fs::write(main.join("sim/src/main.rs"), MAIN).expect("written");
        fs::write(main.join(".gitignore"), "target\nCargo.lock\n").expect("written");
        trial.git("main", &["init", "-q", "-b", "main"]);
        trial.commit("main");
        trial
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(["-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.path(folder))
            .output()
            .expect("git");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, folder: &str) {
        self.git(folder, &["add", "-A"]);
        self.git(folder, &["commit", "-q", "--allow-empty", "-m", "a commit"]);
    }

    fn head(&self, folder: &str) -> String {
        self.git(folder, &["rev-parse", "--short=12", "HEAD"])
    }

    /// Builds the program in this folder and returns its output.
    fn build_and_run(&self, folder: &str) -> String {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--offline"])
            .current_dir(self.path(folder).join("sim"))
            .env("CARGO_TARGET_DIR", self.path(folder).join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn edit(&self, folder: &str) {
        let path = self.path(folder).join("sim/src/main.rs");
        let text = fs::read_to_string(&path).expect("text");
        fs::write(path, text + "// edited\n").expect("written");
    }

    /// Builds, commits and edits in turn. Checks that the program prints HEAD each time, with `-dirty` only before the commit.
    fn check_commit_is_followed(&self, folder: &str) {
        assert_eq!(self.build_and_run(folder), self.head(folder));
        self.commit(folder);
        assert_eq!(self.build_and_run(folder), self.head(folder));
        self.edit(folder);
        assert_eq!(
            self.build_and_run(folder),
            format!("{}-dirty", self.head(folder))
        );
        self.commit(folder);
        assert_eq!(self.build_and_run(folder), self.head(folder));
    }
}

#[test]
fn a_clone_without_a_reflog_and_with_packed_branches() {
    let trial = Trial::new();
    trial.git("main", &["config", "core.logAllRefUpdates", "false"]);
    trial.git("main", &["pack-refs", "--all"]);
    trial.check_commit_is_followed("main");
}

#[test]
fn a_worktree() {
    let trial = Trial::new();
    trial.git("main", &["worktree", "add", "-q", "../worktree"]);
    trial.check_commit_is_followed("worktree");
}

#[test]
fn sources_unpacked_inside_another_repository_have_no_commit() {
    let trial = Trial::new();
    fs::create_dir(trial.path("other")).expect("a folder");
    trial.git("other", &["init", "-q"]);
    trial.commit("other");
    trial.git(
        "main",
        &["checkout-index", "-a", "--prefix=../other/unpacked/"],
    );
    assert_eq!(trial.build_and_run("other/unpacked"), "unknown");
}
