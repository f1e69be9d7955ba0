//! Space on the disk that is kept for the journal (`runs.csv`): a spare file, which is removed when the disk is full. So if events have
//! filled the disk, the journal rows of finished runs can still be written.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::disk::Disk;
use super::error::DatasetError;
use super::parts::Paths;

/// How much space is kept, in bytes: 512 KiB.
const RESERVE_BYTES: usize = 512 << 10;
/// A journal row waits in memory until the events of its run are certainly on the disk. When the waiting rows have this many bytes together,
/// the events of these runs are forced to the disk, and then the rows are written. If the disk is full, all waiting rows must fit into the
/// freed space. The file system needs a part of the freed space for itself, so the rows get only half of it.
pub(super) const MAX_WAITING_BYTES: usize = RESERVE_BYTES / 2;

/// The spare file `.reserve`. The file is removed when this value is dropped. A killed `sim run` leaves its spare file on the disk. The
/// next `sim run` for the dataset removes the file when it ends.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    /// Whether the space has been freed.
    is_released: bool,
}

impl Reserve {
    /// Writes the spare file if `is_needed`. If no runs are to be made, the file is not needed.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Io`] if the disk cannot be written.
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
            // `FileTooLarge` means that the spare file is larger than the user's limit on the size of files (`ulimit -f`). The disk is not
            // full. So the part of the file that was written is removed, and the sweep continues without a spare file.
            if error.kind() != io::ErrorKind::FileTooLarge {
                return Err(DatasetError::io(&reserve.path)(error));
            }
            disk.remove(&reserve.path)
                .map_err(DatasetError::io(&reserve.path))?;
        }
        Ok(reserve)
    }

    fn write(&self, disk: &dyn Disk) -> io::Result<()> {
        // The file must take up real space on the disk, so it is not filled with zeros: some file systems compress data, and store many
        // zeros in very little space. The output of a hash function looks random and cannot be compressed.
        let mut bytes = vec![0; RESERVE_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        let mut file = disk.create(&self.path)?;
        file.write_all(&bytes)?;
        file.sync()
    }

    /// Frees the space. Returns whether there was space to free.
    pub(super) fn release(&mut self, disk: &dyn Disk) -> bool {
        let was_released = std::mem::replace(&mut self.is_released, true);
        !was_released && disk.remove(&self.path).is_ok()
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // This fails if the file was removed before, or was never written. If it fails for another reason, the file stays until the next
        // `sim run` for this dataset ends and removes it.
        let _ = fs::remove_file(&self.path);
    }
}
