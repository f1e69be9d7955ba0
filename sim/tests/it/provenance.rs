//! Tests of `build.rs`, which finds out the commit that datasets record: the commit of the repository from which `sim` was built, or
//! `unknown`. The tests copy `build.rs` to temporary repositories and build a small program there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The manifest of the small program.
const CARGO_TOML: &str = "[package]\nname = \"sim\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
/// The small program: it prints the commit that the build script found.
const MAIN: &str = "fn main() {\n    println!(\"{}\", env!(\"GIT_COMMIT\"));\n}\n";

/// A temporary folder with repositories.
struct Repositories(TempDir);

impl Repositories {
    /// Creates the repository `main` with the build script and the small program.
    fn new() -> Self {
        let repositories = Self(tempfile::tempdir().expect("a folder"));
        let main = repositories.path("main");
        fs::create_dir_all(main.join("sim/src")).expect("folders");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        fs::copy(script, main.join("sim/build.rs")).expect("a copy");
        fs::write(main.join("sim/Cargo.toml"), CARGO_TOML).expect("written");
        fs::write(main.join("sim/src/main.rs"), MAIN).expect("written");
        fs::write(main.join(".gitignore"), "target\nCargo.lock\n").expect("written");
        repositories.git("main", &["init", "-q", "-b", "main"]);
        repositories.commit("main");
        repositories
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs Git in a folder. Returns its output.
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

    /// Returns the hash of the commit that is checked out, shortened to 12 digits as in the build script.
    fn head(&self, folder: &str) -> String {
        self.git(folder, &["rev-parse", "--short=12", "HEAD"])
    }

    /// Builds the program in this folder and returns its output. The build does not use the tester's values of the variables
    /// `CARGO_TARGET_DIR` and `RUSTFLAGS`.
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

    /// Changes a source file without a commit.
    fn edit(&self, folder: &str) {
        let path = self.path(folder).join("sim/src/main.rs");
        let text = fs::read_to_string(&path).expect("text");
        fs::write(path, text + "// edited\n").expect("written");
    }

    /// Builds the program, commits, and edits a source file, several times. Checks that the program always prints the commit that is
    /// checked out, with `-dirty` only if there is an edit without a commit.
    fn check_program_prints_commit(&self, folder: &str) {
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

/// Cargo must run the build script again after each commit. Cargo notices a commit because some files of Git change. Here a commit changes
/// fewer files than usual, because Git writes no reflog (its list of the earlier commits of a branch). And at the start
/// the branch has no file of its own, because all branches are packed into one file.
#[test]
fn the_commit_is_found_without_a_reflog_and_with_packed_branches() {
    let repositories = Repositories::new();
    repositories.git("main", &["config", "core.logAllRefUpdates", "false"]);
    repositories.git("main", &["pack-refs", "--all"]);
    repositories.check_program_prints_commit("main");
}

#[test]
fn the_commit_is_found_in_a_worktree() {
    let repositories = Repositories::new();
    repositories.git("main", &["worktree", "add", "-q", "../worktree"]);
    repositories.check_program_prints_commit("worktree");
}

#[test]
fn sources_unpacked_inside_another_repository_have_no_commit() {
    let repositories = Repositories::new();
    fs::create_dir(repositories.path("other")).expect("a folder");
    repositories.git("other", &["init", "-q"]);
    repositories.commit("other");
    // Copies the files of the repository `main`, but not its folder `.git`.
    repositories.git(
        "main",
        &["checkout-index", "-a", "--prefix=../other/unpacked/"],
    );
    assert_eq!(repositories.build_and_run("other/unpacked"), "unknown");
}
