//! What the writer asks of the disk: the real one, or one that fails when a test wants it to.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::file_system::{self, LockAttempt};

/// A disk.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder and those above it, unless they are there.
    ///
    /// # Errors
    ///
    /// What the system says; so with all that follows.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes what was created, renamed or removed in a folder last.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a file to append to; makes it if it is not there.
    fn open_to_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Which file a path leads to; nothing if it leads to none.
    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>>;
    /// Tries to take the lock of a file for this process alone.
    fn try_lock(&self, file: &File) -> io::Result<LockAttempt>;
}

/// A file open for writing.
pub trait DiskFile: fmt::Debug + Send + Write {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// What the system says; so with all that follows.
    fn length(&self) -> io::Result<u64>;
    /// Which file it is, whatever has become of its name.
    fn identity(&self) -> io::Result<FileIdentity>;
    /// Drops what lies behind `length`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Makes its contents last.
    fn sync(&mut self) -> io::Result<()>;
}

/// What tells a file from all others, whatever its name. Where the system has nothing of that kind, all files are alike.
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

/// The operating system's.
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
