//! A file of the dataset to which bytes are only appended: the journal or a segment (an events file).

use std::path::PathBuf;

use super::disk::{Disk, DiskFile};
use super::error::DatasetError;

/// Such a file, open for writing. Journal rows contain positions in this file, so its length is counted here and not asked from
/// the system.
#[derive(Debug)]
pub(super) struct AppendedFile {
    pub(super) path: PathBuf,
    /// The length of the file in bytes, without the rest of a failed write.
    pub(super) bytes: u64,
    file: Box<dyn DiskFile>,
    /// Whether a failed write may have left bytes after the counted length.
    is_torn: bool,
    /// Whether the file system gives the open file and its path the same identity. If not, it cannot be checked whether the path
    /// still leads to the open file.
    is_recognized: bool,
}

impl AppendedFile {
    /// Opens the file at `path`, creates it if it is missing, and cuts it to `length`. Returns the file and how many bytes were cut
    /// off.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::TooShort`] if the file is shorter than `length`.
    pub(super) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        length: u64,
    ) -> Result<(Self, u64), DatasetError> {
        let mut file = Self::open_whole(disk, path)?;
        if file.bytes < length {
            return Err(DatasetError::TooShort {
                path: file.path,
                found: file.bytes,
                counted: length,
            });
        }
        let dropped = file.bytes - length;
        if dropped > 0 {
            file.file
                .cut(length)
                .map_err(DatasetError::io(&file.path))?;
            file.bytes = length;
        }
        Ok((file, dropped))
    }

    /// Creates the file at `path`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::OtherWriter`] if there is a file that is not empty.
    pub(super) fn create(disk: &dyn Disk, path: PathBuf) -> Result<Self, DatasetError> {
        let file = Self::open_whole(disk, path)?;
        if file.bytes > 0 {
            return Err(DatasetError::OtherWriter {
                path: file.path,
                found: file.bytes,
                written: 0,
            });
        }
        Ok(file)
    }

    fn open_whole(disk: &dyn Disk, path: PathBuf) -> Result<Self, DatasetError> {
        let open = || {
            let file = disk.open_to_append(&path)?;
            let is_recognized = disk.identity(&path)? == Some(file.identity()?);
            Ok((file.length()?, is_recognized, file))
        };
        let (bytes, is_recognized, file) = open().map_err(DatasetError::io(&path))?;
        Ok(Self {
            path,
            bytes,
            file,
            is_torn: false,
            is_recognized,
        })
    }

    /// Appends `bytes`. A failed write does not change the counted length, and the next append starts there.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        if self.is_torn {
            self.file
                .cut(self.bytes)
                .map_err(DatasetError::io(&self.path))?;
            self.is_torn = false;
        }
        if let Err(error) = self.file.write_all(bytes) {
            let error = DatasetError::io(&self.path)(error);
            // On a full disk, the bytes of a failed write take space, so they are cut off here. If this fails, the next writer
            // cuts them off.
            self.is_torn = !error.is_full_disk() || self.file.cut(self.bytes).is_err();
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forces the file to the disk.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::OtherWriter`] if the file does not have the length that was written, or [`DatasetError::Io`] if the
    /// disk fails.
    pub(super) fn sync(&mut self) -> Result<(), DatasetError> {
        self.check_length()?;
        self.file.sync().map_err(DatasetError::io(&self.path))
    }

    /// Checks that the file has the length that was written.
    ///
    /// # Errors
    ///
    /// The same errors as [`AppendedFile::sync`].
    pub(super) fn check_length(&self) -> Result<(), DatasetError> {
        let found = self.file.length().map_err(DatasetError::io(&self.path))?;
        if found != self.bytes && !self.is_torn {
            return Err(DatasetError::OtherWriter {
                path: self.path.clone(),
                found,
                written: self.bytes,
            });
        }
        Ok(())
    }

    /// Checks that the path still leads to the open file.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Gone`] if the path leads to nothing or to another file.
    pub(super) fn check_is_there(&self, disk: &dyn Disk) -> Result<(), DatasetError> {
        let there = disk.identity(&self.path);
        let open = self.file.identity();
        let state = match there.map_err(DatasetError::io(&self.path))? {
            None => "is gone",
            Some(there)
                if self.is_recognized && there != open.map_err(DatasetError::io(&self.path))? =>
            {
                "is another file than before"
            }
            Some(_) => return Ok(()),
        };
        Err(DatasetError::Gone {
            path: self.path.clone(),
            state,
        })
    }
}
