//! A folder in another's place, so that at any instant either is there, whole.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim::files::{folder_of, publish_folder};
use sim::log::{RealDisk, sync_folder};

/// Puts the folder `fresh` in the place of `folder`, if that is there, and removes what was there.
///
/// Where the system cannot exchange two folders at once, there is an instant without any: see [`recover`].
pub(super) fn replace(fresh: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return publish_folder(&RealDisk, fresh, folder);
    }
    sync_folder(fresh)?;
    if exchange(fresh, folder).is_ok() {
        fs::remove_dir_all(fresh)?;
    } else {
        step_aside(fresh, folder)?;
    }
    sync_folder(folder_of(folder))
}

/// Puts the old folder back if a program was stopped while none was there.
pub(super) fn recover(folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    match (folder.exists(), aside.exists()) {
        (false, true) => fs::rename(aside, folder),
        (true, true) => fs::remove_dir_all(aside),
        (_, false) => Ok(()),
    }
}

fn step_aside(fresh: &Path, folder: &Path) -> io::Result<()> {
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
    fn the_new_folder_has_the_old_ones_name_and_nothing_else_stays() {
        for replace in [replace, step_aside] {
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
    fn what_stepped_aside_comes_back_if_nothing_took_its_place() {
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
