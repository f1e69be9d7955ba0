//! Files that appear complete or not at all: they are written under a temporary name, forced to the disk, and renamed when
//! complete.
//!
//! A temporary name is `.NAME.RANDOM.partial`. RANDOM is a random number, so two writers never use the same name. (Process ids would not
//! be enough, because processes in different containers can have the same id.)
//!
//! If a writer crashes, its file keeps the temporary name, until a later writer removes it. A lock shows whether a file may be removed:
//! if the later writer can lock the file, the first writer is not running any more.
//!
//! - The writer of a [`Partial`] file locks the file while writing.
//! - Files that [`replace`] writes are not locked. They belong to datasets, and only a process that has locked the whole dataset writes
//!   them or removes leftovers of them. So no other process is writing such a file when leftovers are removed.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::log::{Disk, LockAttempt, RealDisk, try_lock};

/// How temporary names end.
const ENDING: &str = ".partial";

/// If the file system has no locks, a file counts as left by a crash only if its last change is older than this.
const CERTAINLY_LEFT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes a file that appears complete or not at all. When this function returns without an error, the file and its name are on the disk.
///
/// # Errors
///
/// Returns the error of the disk. The last step forces the new name to the disk. If this step fails, the new file has already replaced the
/// old file at `path`. If an earlier step fails, the old file is unchanged.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = temporary_path(path);
    let write = || {
        let mut file = disk.create(&partial)?;
        file.write_all(bytes)?;
        file.sync()?;
        disk.rename(&partial, path)
    };
    write().inspect_err(|_| {
        // The first error is reported. If the partial file cannot be removed either, the next writer removes it.
        let _ = disk.remove(&partial);
    })?;
    disk.sync_folder(folder_of(path))
}

/// Renames the complete folder `from` to `to`. When this function returns without an error, the new name is on the disk.
///
/// # Errors
///
/// Returns the error of the disk, for example if `to` exists and is not empty.
pub fn publish_folder(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    disk.sync_folder(from)?;
    disk.rename(from, to)?;
    disk.sync_folder(folder_of(to))
}

/// Returns the folder that contains a file or folder. For a path with a single name, returns `.`.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file or a folder under a temporary name. A file gets its final name by [`Partial::publish`], a folder when the caller renames it. If
/// the `Partial` is dropped before this renaming, the file or folder is removed.
#[derive(Debug)]
pub struct Partial {
    /// The final path.
    path: PathBuf,
    /// The temporary path. Empty after the file was published.
    partial: PathBuf,
    /// The file itself, locked to show that its writer is still running. `None` for a folder, which is not locked here. If another
    /// process can remove leftovers while the folder is written, the caller of `create_folder` must lock the folder.
    lock: Option<File>,
}

impl Partial {
    /// Creates a new file that will become `path`, open for writing.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn create_file(path: PathBuf) -> io::Result<(Self, File)> {
        let (partial, file) = create_under_new_name(&path, |partial| {
            let file = File::options().write(true).create_new(true).open(partial)?;
            match is_ours(&file, partial)? {
                true => Ok(file),
                // This error makes `create_under_new_name` try another name.
                false => Err(io::ErrorKind::AlreadyExists.into()),
            }
        })?;
        // The lock and the returned file are two handles of the same open file.
        let lock = Some(file.try_clone()?);
        Ok((
            Self {
                path,
                partial,
                lock,
            },
            file,
        ))
    }

    /// Creates a new folder that will become `path`.
    pub fn create_folder(path: PathBuf) -> io::Result<Self> {
        let (partial, ()) = create_under_new_name(&path, |partial| fs::create_dir(partial))?;
        Ok(Self {
            path,
            partial,
            lock: None,
        })
    }

    /// Returns the final path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the temporary path.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Forces the file to the disk, so that a full or broken disk is noticed here. Returns the length of the file in bytes. For a folder,
    /// returns an error.
    pub fn sync(&self) -> io::Result<u64> {
        let Some(file) = &self.lock else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }

    /// Gives the file its final name, and replaces any file with this name. Before this call, nothing of the new file can be seen under the
    /// final name. When this function returns without an error, the file and its name are on the disk.
    pub fn publish(mut self) -> io::Result<()> {
        self.sync()?;
        RealDisk.rename(&self.partial, &self.path)?;
        self.partial.clear();
        RealDisk.sync_folder(folder_of(&self.path))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.partial.as_os_str().is_empty() {
            return;
        }
        // If the removal fails, the next writer removes the file. For a folder that the caller has renamed, the removal fails because nothing
        // has the temporary name any more.
        let _ = match self.lock {
            Some(_) => fs::remove_file(&self.partial),
            None => fs::remove_dir_all(&self.partial),
        };
    }
}

/// Returns a temporary name for `path` that no other writer uses.
fn temporary_path(path: &Path) -> PathBuf {
    // Each `RandomState` has its own random keys, so each call gets a different number for the same path.
    let random = RandomState::new().hash_one(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{random:016x}{ENDING}"))
}

/// Locks a file that was just created at `partial`. Returns false if another program mistook the file for a leftover before it was locked
/// here. Then that program has the lock, or it has removed the file.
fn is_ours(file: &File, partial: &Path) -> io::Result<bool> {
    // If the file system has no locks, the file is written without a lock, and `remove_abandoned` looks at the file's age.
    let is_locked_by_another = matches!(try_lock(file), Ok(LockAttempt::HeldByAnother));
    Ok(!is_locked_by_another && partial.try_exists()?)
}

/// Creates a file or a folder with `create`, under a temporary name for `path`. If `create` fails because the name exists already, it is
/// called again with another name. Returns the temporary path and what `create` returns.
fn create_under_new_name<T>(
    path: &Path,
    create: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    loop {
        let partial = temporary_path(path);
        match create(&partial) {
            Ok(created) => return Ok((partial, created)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes the temporary files and folders that crashed writers left in `folder`, if `accepts` returns true for their final name. It is not
/// an error if another process removes one of them first.
///
/// # Errors
///
/// Fails if the folder cannot be read, or if a file cannot be removed.
pub fn remove_leftovers(folder: &Path, accepts: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if final_name(&name).is_some_and(&accepts) {
            remove_abandoned(&path)?;
        }
    }
    Ok(())
}

/// Returns the final name that belongs to a temporary name. `None` if `name` is not a temporary name.
pub fn final_name(name: &str) -> Option<&str> {
    let (name, random) = name
        .strip_prefix('.')?
        .strip_suffix(ENDING)?
        .rsplit_once('.')?;
    let is_random = random.len() == 16 && random.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_random.then_some(name)
}

/// Removes the file or folder if its writer is not running any more. The lock is held until the removal has ended. Otherwise a writer
/// that has just created the file could lock it shortly before the removal. Then it would write to a file that is removed.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    // A file is opened for writing, because on NFS only files open for writing can be locked. A folder can only be opened for reading.
    let opened = File::options().write(true).open(path);
    let Ok(file) = opened.or_else(|_| File::open(path)) else {
        return Ok(());
    };
    let is_abandoned = match try_lock(&file) {
        Ok(LockAttempt::Taken) => true,
        Ok(LockAttempt::HeldByAnother) => false,
        Ok(LockAttempt::NotSupported) | Err(_) => {
            let modified = file.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| {
                modified
                    .elapsed()
                    .is_ok_and(|age| age > CERTAINLY_LEFT_AFTER)
            })
        }
    };
    match is_abandoned {
        true => remove(path),
        false => Ok(()),
    }
}

/// Removes a file, or a folder with its contents, if it exists.
///
/// # Errors
///
/// Returns the system's error.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn two_writers_of_a_file_do_not_conflict_and_the_last_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let (one, mut file) = Partial::create_file(path.clone()).unwrap();
        let (other, mut other_file) = Partial::create_file(path.clone()).unwrap();
        file.write_all(b"one").unwrap();
        other_file.write_all(b"other").unwrap();
        other.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
        one.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn replacing_a_file_leaves_only_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        replace(&RealDisk, &path, b"old").unwrap();
        replace(&RealDisk, &path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
        // A file that cannot get its final name, because a folder has this name, is removed.
        let name_of_a_folder = folder.path().join("b.json");
        fs::create_dir(&name_of_a_folder).unwrap();
        replace(&RealDisk, &name_of_a_folder, b"new").unwrap_err();
        assert_eq!(names(folder.path()), ["a.json", "b.json"]);
    }

    #[test]
    fn temporary_names_differ_and_contain_the_final_name() {
        let path = Path::new("data/a.csv");
        let (one, other) = (temporary_path(path), temporary_path(path));
        assert_ne!(one, other);
        assert_eq!(folder_of(&one), Path::new("data"));
        let name = one.file_name().unwrap().to_string_lossy();
        assert_eq!(final_name(&name), Some("a.csv"));
        assert_eq!(folder_of(Path::new("a.csv")), Path::new("."));
    }

    #[test]
    fn a_folder_gets_its_final_name_unless_a_folder_with_files_has_this_name() {
        let root = tempfile::tempdir().unwrap();
        let (fresh, name) = (root.path().join("fresh"), root.path().join("name"));
        fs::create_dir(&fresh).unwrap();
        publish_folder(&RealDisk, &fresh, &name).unwrap();
        assert_eq!(names(root.path()), ["name"]);
        fs::write(name.join("file"), "").unwrap();
        fs::create_dir(&fresh).unwrap();
        publish_folder(&RealDisk, &fresh, &name).unwrap_err();
        assert_eq!(names(root.path()), ["fresh", "name"]);
    }

    #[test]
    fn a_file_or_folder_that_never_gets_its_final_name_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = Partial::create_file(folder.path().join("a.csv")).unwrap();
        let parts = Partial::create_folder(folder.path().join("events")).unwrap();
        fs::write(parts.partial().join("part"), "half").unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        drop((file, parts));
        // The folder is empty.
        assert_eq!(names(folder.path()), [""; 0]);
    }

    /// Between the creation of a file and its lock, another program can lock or remove the file, because it looks like a leftover.
    #[test]
    fn a_new_file_that_another_program_mistakes_for_a_leftover_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let file = File::create(&path).unwrap();
        let of_another = File::open(&path).unwrap();
        assert_eq!(try_lock(&of_another).unwrap(), LockAttempt::Taken);
        assert!(!is_ours(&file, &path).unwrap());
        remove(&path).unwrap();
        drop(of_another);
        assert!(!is_ours(&file, &path).unwrap());
        let file = File::create(&path).unwrap();
        assert!(is_ours(&file, &path).unwrap());
    }

    #[test]
    fn only_leftovers_are_removed_and_no_file_of_a_running_writer_or_of_another_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(".a.csv.0123456789abcdef.partial"), "left").unwrap();
        fs::create_dir(path(".a.csv.0000000000000000.partial")).unwrap();
        let other_files = [
            // No random part.
            ".a.csv.partial",
            // `remove_leftovers` is called for the final name `a.csv` only.
            ".b.csv.0123456789abcdef.partial",
            // No dot at the start.
            "a.csv.0123456789abcdef.partial",
        ];
        for name in other_files {
            fs::write(path(name), "somebody's").unwrap();
        }
        let (being_written, _) = Partial::create_file(path("a.csv")).unwrap();
        remove_leftovers(folder.path(), |name| name == "a.csv").unwrap();
        assert!(being_written.partial().exists());
        drop(being_written);
        assert_eq!(names(folder.path()), other_files);
    }
}
