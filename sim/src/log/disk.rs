//! What the writer asks of the disk: the real one, or one that fails when a test wants it to.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::file_system;

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
}

/// A file open for writing.
pub trait DiskFile: fmt::Debug + Send + Write {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// What the system says; so with all that follows.
    fn length(&self) -> io::Result<u64>;
    /// Drops what lies behind `length`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Makes its contents last.
    fn sync(&mut self) -> io::Result<()>;
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
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Writes a file that is there whole or not at all.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = disk.create(&partial)?;
    file.write_all(bytes)?;
    file.sync()?;
    disk.rename(&partial, path)
}
