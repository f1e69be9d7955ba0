//! On Windows, Git usually gives the files of a clone the line ends of Windows. This would change the checksums of a dataset's files, and
//! bash could not run the scripts. So the project's file `.gitattributes` forbids this conversion, and this test checks that Git obeys.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Files that must keep their bytes: data, a script, and an input of a test.
const FILES: [&str; 5] = [
    "data/sample/events-0000.csv",
    "data/sample/runs.csv",
    "data/sample/dataset.json",
    "experiments/slurm/sweep.sbatch",
    "sim/tests/corpus/wire/http",
];

/// Runs Git in `folder`, with the conversion of line ends switched on (`core.autocrlf`), as on Windows.
fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        // A commit needs an author. It is not signed, because that would need the user's key.
        .args(["-c", "user.name=a", "-c", "user.email=a@b"])
        .args(["-c", "commit.gpgsign=false", "-c", "core.autocrlf=true"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[test]
fn a_clone_has_the_same_bytes_although_git_is_told_to_convert_line_ends() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    let copy = |name: &str| {
        let path = source.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::copy(project.join(name), path).expect("a copy");
    };
    FILES.into_iter().chain([".gitattributes"]).for_each(copy);
    git(&source, &["init", "-q"]);
    git(&source, &["add", "-A"]);
    git(&source, &["commit", "-q", "-m", "all"]);
    git(folder.path(), &["clone", "-q", "source", "clone"]);
    for name in FILES {
        let cloned = fs::read(folder.path().join("clone").join(name)).expect("a file");
        assert!(
            cloned == fs::read(project.join(name)).expect("a file"),
            "{name}"
        );
    }
}
