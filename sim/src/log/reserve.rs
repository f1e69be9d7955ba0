//! Room on the disk that is kept for the journal: where events have taken the rest, the runs that they belong to can still be counted.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::disk::Disk;
use super::error::DatasetError;
use super::parts::Paths;

/// How much room is kept, in bytes.
const RESERVE_BYTES: usize = 512 << 10;
/// Rows of the journal that may wait for the disk, in bytes. Half of the room: a file system needs some for itself.
pub(super) const MOST_WAITING_BYTES: usize = RESERVE_BYTES / 2;

/// The spare file `.reserve`. It is removed when this is dropped; one that a killed writer left is used by the next writer.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    is_released: bool,
}

impl Reserve {
    /// Writes the spare file, if `is_needed`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Io`] if the disk does not take it.
    pub(super) fn new(
        disk: &dyn Disk,
        paths: &Paths,
        is_needed: bool,
    ) -> Result<Self, DatasetError> {
        let reserve = Self {
            path: paths.reserve(),
            is_released: false,
        };
        if is_needed && let Err(error) = reserve.write(disk) {
            // A limit on the size of each file is none on the disk: there is room for the journal.
            if error.kind() != io::ErrorKind::FileTooLarge {
                return Err(DatasetError::io(&reserve.path)(error));
            }
            disk.remove(&reserve.path)
                .map_err(DatasetError::io(&reserve.path))?;
        }
        Ok(reserve)
    }

    fn write(&self, disk: &dyn Disk) -> io::Result<()> {
        // Not zeros: file systems that compress would keep no room for them.
        let mut bytes = vec![0; RESERVE_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        let mut file = disk.create(&self.path)?;
        file.write_all(&bytes)?;
        file.sync()
    }

    /// Gives the room back to the disk; returns whether that made any.
    pub(super) fn release(&mut self, disk: &dyn Disk) -> bool {
        !std::mem::replace(&mut self.is_released, true) && disk.remove(&self.path).is_ok()
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // Should it stay, it takes a little room until the next sweep ends.
        let _ = fs::remove_file(&self.path);
    }
}
