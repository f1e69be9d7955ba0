//! The operations on the disk that the writer of a dataset uses. Tests replace the real disk by one that fails.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::file_system::{self, LockAttempt};

/// A disk, with the operations that the writer of a dataset needs.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Creates a folder and the folders that contain it, unless they exist.
    ///
    /// # Errors
    ///
    /// Returns the system's error, as all functions below do.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes sure, if the system allows it, that the names of a folder's files are on the disk and not only in memory. The writer needs this
    /// after it has created, renamed or removed files.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for appending. Creates it if it does not exist.
    fn open_to_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Creates a file, or empties an existing one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Renames a file. Replaces a file that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns the identity of the file at a path. `None` if there is no file.
    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>>;
    /// Tries to lock a file for this process alone, without waiting for another process that holds the lock.
    fn try_lock(&self, file: &File) -> io::Result<LockAttempt>;
}

/// A file open for writing.
pub trait DiskFile: fmt::Debug + Send + Write {
    /// Returns the length of the file in bytes.
    ///
    /// # Errors
    ///
    /// Returns the system's error, as all functions below do.
    fn length(&self) -> io::Result<u64>;
    /// Returns the identity of the open file, even if its name has changed.
    fn identity(&self) -> io::Result<FileIdentity>;
    /// Cuts the file to `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Makes sure that the contents are on the disk and not only in memory.
    fn sync(&mut self) -> io::Result<()>;
}

/// The identity of a file, which does not depend on its name. It shows whether a path still leads to the file that was opened, or to
/// another file that has replaced it. On systems other than Unix, all files have the same identity here, so a replaced file is not noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    #[cfg(unix)]
    fn from_metadata(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    #[cfg(not(unix))]
    fn from_metadata(_: &Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}

/// The disk of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        file_system::sync_folder(path)
    }

    fn open_to_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(FileIdentity::from_metadata(&metadata))),
            Err(error) => match error.kind() {
                // `NotADirectory`: for example, the path is `a/b`, but `a` is a file and not a folder. So there is no file at the path.
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(error),
            },
        }
    }

    fn try_lock(&self, file: &File) -> io::Result<LockAttempt> {
        file_system::try_lock(file)
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(FileIdentity::from_metadata(&self.metadata()?))
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
