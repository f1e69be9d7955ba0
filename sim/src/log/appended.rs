//! A file of the dataset that is only ever appended to: the journal, or a segment.

use std::path::PathBuf;

use super::disk::{Disk, DiskFile};
use super::error::DatasetError;

/// Such a file, open. Its length is counted and not looked up: the places that journal rows name depend on it.
#[derive(Debug)]
pub(super) struct AppendedFile {
    pub(super) path: PathBuf,
    /// Its length in bytes, without what a failed write has left behind it.
    pub(super) bytes: u64,
    file: Box<dyn DiskFile>,
    /// Whether a failed write may have left something behind the counted length.
    is_torn: bool,
    /// Whether the file system gives the open file the same identity as its path. On one that does not, a file at the path is taken
    /// for the open one.
    is_recognized: bool,
}

impl AppendedFile {
    /// Opens the file at `path`, which is made if it is missing, and drops what lies behind `length`; returns it and how many bytes
    /// that dropped.
    ///
    /// # Errors
    ///
    /// [`DatasetError::TooShort`] if it is shorter than `length`.
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

    /// Makes the file at `path`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::OtherWriter`] if there is one that is not empty.
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

    /// Appends `bytes`. After a failed write the counted length is as before, and the next append starts there.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        if self.is_torn {
            self.file
                .cut(self.bytes)
                .map_err(DatasetError::io(&self.path))?;
            self.is_torn = false;
        }
        if let Err(error) = self.file.write_all(bytes) {
            let error = DatasetError::io(&self.path)(error);
            // On a full disk, what is left of it takes room. Elsewhere the next writer cuts it off.
            self.is_torn = !error.is_full_disk() || self.file.cut(self.bytes).is_err();
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Brings it to the disk.
    ///
    /// # Errors
    ///
    /// [`DatasetError::OtherWriter`] if it has another length than was written, [`DatasetError::Io`] if the disk refuses.
    pub(super) fn sync(&mut self) -> Result<(), DatasetError> {
        self.check_length()?;
        self.file.sync().map_err(DatasetError::io(&self.path))
    }

    /// Checks that it has the length that was written.
    ///
    /// # Errors
    ///
    /// As [`AppendedFile::sync`].
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
    /// [`DatasetError::Gone`] if nothing is there any more, or another file.
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
