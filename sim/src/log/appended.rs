//! A file of the dataset to which bytes are only appended: the journal (`runs.csv`) or a segment (an events file such as
//! `events-0000.csv`).

use std::path::PathBuf;

use super::disk::{Disk, DiskFile};
use super::error::DatasetError;

/// A file to which bytes are only appended, open for writing. The writer counts the file's length itself. If the system reports another
/// length, another program has written to the file. This must be noticed, because the rows of the journal say at which byte of a segment
/// each run's events begin.
#[derive(Debug)]
pub(super) struct AppendedFile {
    pub(super) path: PathBuf,
    /// The counted length of the file in bytes. Bytes that a failed write has left are not counted.
    pub(super) bytes: u64,
    file: Box<dyn DiskFile>,
    /// Whether a failed write may have left bytes after the counted length.
    is_torn: bool,
    /// Whether the open file and the file at its path had the same identity (device and inode) directly after the file was opened. On some
    /// file systems they differ even then. Only if they agreed does a later difference show that another file has replaced the open file.
    identities_agreed: bool,
}

impl AppendedFile {
    /// Opens the file at `path`, creates it if it is missing, and cuts it to `length` bytes: all bytes after these are unfinished data of
    /// an earlier sweep. Returns the file and how many bytes were cut off.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::TooShort`] if the file is shorter than `length`.
    pub(super) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        length: u64,
    ) -> Result<(Self, u64), DatasetError> {
        let mut file = Self::open_uncut(disk, path)?;
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

    /// Creates the file at `path`. It is no error if an empty file exists there already.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::OtherWriter`] if a file that is not empty exists at `path`.
    pub(super) fn create(disk: &dyn Disk, path: PathBuf) -> Result<Self, DatasetError> {
        let file = Self::open_uncut(disk, path)?;
        if file.bytes > 0 {
            return Err(DatasetError::OtherWriter {
                path: file.path,
                found: file.bytes,
                written: 0,
            });
        }
        Ok(file)
    }

    /// Opens the file at `path` with all its bytes, or creates it.
    fn open_uncut(disk: &dyn Disk, path: PathBuf) -> Result<Self, DatasetError> {
        let open = || {
            let file = disk.open_to_append(&path)?;
            let identities_agreed = disk.identity(&path)? == Some(file.identity()?);
            Ok((file.length()?, identities_agreed, file))
        };
        let (bytes, identities_agreed, file) = open().map_err(DatasetError::io(&path))?;
        Ok(Self {
            path,
            bytes,
            file,
            is_torn: false,
            identities_agreed,
        })
    }

    /// Appends `bytes`. If the write fails, the counted length does not change, and the next append starts again at this length.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        if self.is_torn {
            self.file
                .cut(self.bytes)
                .map_err(DatasetError::io(&self.path))?;
            self.is_torn = false;
        }
        if let Err(error) = self.file.write_all(bytes) {
            let error = DatasetError::io(&self.path)(error);
            // The failed write may have left bytes. If the disk is full, `cut` removes these bytes at once, because they take space. After
            // other errors, or if `cut` fails, the bytes stay until the next append or the next writer cuts them off.
            let is_cut = error.is_full_disk() && self.file.cut(self.bytes).is_ok();
            self.is_torn = !is_cut;
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forces the file to the disk.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::OtherWriter`] if the file does not have the counted length, or [`DatasetError::Io`] if the
    /// disk fails.
    pub(super) fn sync(&mut self) -> Result<(), DatasetError> {
        self.check_length()?;
        self.file.sync().map_err(DatasetError::io(&self.path))
    }

    /// Checks that the file has the counted length.
    ///
    /// # Errors
    ///
    /// The same errors as [`AppendedFile::sync`].
    pub(super) fn check_length(&self) -> Result<(), DatasetError> {
        let found = self.file.length().map_err(DatasetError::io(&self.path))?;
        // After a failed write, the file may be longer than the counted length.
        if found != self.bytes && !self.is_torn {
            return Err(DatasetError::OtherWriter {
                path: self.path.clone(),
                found,
                written: self.bytes,
            });
        }
        Ok(())
    }

    /// Checks that the path still leads to the open file. It does not if somebody has deleted or moved the file.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Gone`] if the path leads to nothing or to another file.
    pub(super) fn check_is_there(&self, disk: &dyn Disk) -> Result<(), DatasetError> {
        let at_path = disk.identity(&self.path);
        let opened = self.file.identity();
        let state = match at_path.map_err(DatasetError::io(&self.path))? {
            None => "is gone",
            Some(at_path)
                if self.identities_agreed
                    && at_path != opened.map_err(DatasetError::io(&self.path))? =>
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
