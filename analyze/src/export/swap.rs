//! Replaces a folder by a new one with the same name. If the operating system can exchange two folders in one step, there is a
//! complete folder with this name at any time. Otherwise there is a moment in which no folder has this name. If the program is
//! stopped at this moment, the next export puts the old folder back ([`recover`]).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim::files::{folder_of, publish_folder};
use sim::log::{RealDisk, sync_folder};

/// Renames the folder `fresh` to `folder`, and removes the old `folder` if there is one. When this function returns without an error, the
/// new name is on the disk: a power cut cannot undo the renaming.
pub(super) fn replace(fresh: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return publish_folder(&RealDisk, fresh, folder);
    }
    sync_folder(fresh)?;
    // If the exchange fails, both folders still have their old names.
    if exchange(fresh, folder).is_ok() {
        // Now the old folder has the name `fresh`.
        fs::remove_dir_all(fresh)?;
    } else {
        replace_in_two_steps(fresh, folder)?;
    }
    // A folder's name is stored in its parent folder. Syncing the parent writes the new name to the disk.
    sync_folder(folder_of(folder))
}

/// Repairs the state after the program was stopped during [`replace`]. If no folder has the name `folder`, the old folder gets this name
/// again. If the new folder already has this name, the old folder is removed.
pub(super) fn recover(folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    match (folder.exists(), aside.exists()) {
        (false, true) => fs::rename(aside, folder),
        (true, true) => fs::remove_dir_all(aside),
        (_, false) => Ok(()),
    }
}

/// First moves the old folder aside, then renames the new one.
fn replace_in_two_steps(fresh: &Path, folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    fs::rename(folder, &aside)?;
    fs::rename(fresh, folder)?;
    fs::remove_dir_all(aside)
}

/// The name of the old folder while it is moved aside: `events.replaced` for `events`.
fn aside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().map(OsStr::to_owned).unwrap_or_default();
    name.push(".replaced");
    folder.with_file_name(name)
}

/// Exchanges the names of two folders in one step.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

/// Other systems cannot exchange names.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Makes a folder with one file, and returns the folder's path.
    fn with_file(folder: PathBuf, name: &str) -> PathBuf {
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name), name).unwrap();
        folder
    }

    /// The names of the files and folders in a folder, sorted.
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
    fn an_interrupted_replacement_is_repaired() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("events");
        // Stopped after the old folder was moved aside.
        let aside = with_file(aside(&folder), "old");
        recover(&folder).unwrap();
        assert_eq!(names(&folder), ["old"]);
        // Stopped after the new folder was put in place, before the folder aside was removed.
        fs::rename(&folder, aside).unwrap();
        let folder = with_file(folder, "new");
        recover(&folder).unwrap();
        assert_eq!(names(root.path()), ["events"]);
        assert_eq!(names(&folder), ["new"]);
    }
}
