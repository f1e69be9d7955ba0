//! Replaces a folder by another one, so that at any time one of them is there and complete.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim::files::{folder_of, publish_folder};
use sim::log::{RealDisk, sync_folder};

/// Puts the folder `fresh` in the place of `folder` and removes the old folder, if there is one.
///
/// If the system cannot exchange two folders in one step, there is a moment without a folder; see [`recover`].
pub(super) fn replace(fresh: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return publish_folder(&RealDisk, fresh, folder);
    }
    sync_folder(fresh)?;
    if exchange(fresh, folder).is_ok() {
        fs::remove_dir_all(fresh)?;
    } else {
        replace_in_two_steps(fresh, folder)?;
    }
    sync_folder(folder_of(folder))
}

/// Puts the old folder back if the program was stopped at the moment without a folder.
pub(super) fn recover(folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    match (folder.exists(), aside.exists()) {
        (false, true) => fs::rename(aside, folder),
        (true, true) => fs::remove_dir_all(aside),
        (_, false) => Ok(()),
    }
}

fn replace_in_two_steps(fresh: &Path, folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    fs::rename(folder, &aside)?;
    fs::rename(fresh, folder)?;
    fs::remove_dir_all(aside)
}

fn aside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().map(OsStr::to_owned).unwrap_or_default();
    name.push(".replaced");
    folder.with_file_name(name)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with_file(folder: PathBuf, name: &str) -> PathBuf {
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name), name).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_new_folder_remains_under_the_old_name() {
        for replace in [replace, replace_in_two_steps] {
            let root = tempfile::tempdir().unwrap();
            let folder = with_file(root.path().join("events"), "old");
            let fresh = with_file(root.path().join("fresh"), "new");
            replace(&fresh, &folder).unwrap();
            assert_eq!(names(root.path()), ["events"]);
            assert_eq!(names(&folder), ["new"]);
            recover(&folder).unwrap();
            assert_eq!(names(&folder), ["new"]);
        }
    }

    #[test]
    fn the_old_folder_comes_back_if_the_replacement_was_interrupted() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("events");
        let aside = with_file(aside(&folder), "old");
        recover(&folder).unwrap();
        assert_eq!(names(&folder), ["old"]);
        with_file(aside, "older");
        recover(&folder).unwrap();
        assert_eq!(names(root.path()), ["events"]);
        assert_eq!(names(&folder), ["old"]);
    }
}
